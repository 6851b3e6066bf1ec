from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.tasks.test_summarise import copying
from tests.workbenches import MakeWorkbench
from workbench import summarise_cli
from workbench.cli import app


@pytest.fixture
def filled(
    make_workbench: MakeWorkbench, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> dict[str, int]:
    workbench = make_workbench(copying)
    session = workbench.session("local")
    session.ingest(folder)
    monkeypatch.setattr(summarise_cli, "open_workbench", lambda _: workbench)
    return {info.name: info.id for info in session.documents()}


def run(*words: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, list(words))
    return done.exit_code, done.stdout, done.stderr


def test_documents_are_summarised_and_progress_is_told_beside_it(filled: dict[str, int]) -> None:
    code, output, told = run("summarise", str(filled["badges.md"]), "--style", "bullets")
    assert code == 0
    assert "Wednesday" in output
    assert "sick leave" not in output
    assert "0/1, 1 passages to read" in told
    assert "supported: The office processes new badges every Wednesday. [badges.md" in told
    assert told.rstrip().endswith("1/1")


def test_all_documents_as_json(filled: dict[str, int], tmp_path: Path) -> None:
    out = tmp_path / "made.json"
    assert run("summarise", "--style", "bullets", "--out", str(out))[0] == 0
    assert sorted(json.loads(out.read_text(encoding="utf-8"))["documents"]) == sorted(filled)


@pytest.mark.parametrize("suffix", [".md", ".html", ".docx", ".json"])
def test_files_are_written(filled: dict[str, int], tmp_path: Path, suffix: str) -> None:
    out = tmp_path / f"summary{suffix}"
    assert run("summarise", "--out", str(out))[0] == 0
    assert out.stat().st_size > 100


def test_bad_wishes_end_with_one_line(filled: dict[str, int]) -> None:
    for words in (["--out", "summary.pdf"], ["--style", "haiku"], ["--length", "0"]):
        code, _, told = run("summarise", *words)
        assert code != 0
        assert "Traceback" not in told


def test_themes(filled: dict[str, int]) -> None:
    code, output, _ = run("themes", "--count", "2")
    assert code == 0
    assert output.count("# ") >= 2
    assert len(json.loads(run("themes", "--count", "2", "--json")[1])["themes"]) == 2
