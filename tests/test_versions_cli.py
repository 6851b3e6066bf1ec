from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.workbenches import MakeWorkbench
from workbench import versions_cli
from workbench.cli import app


@pytest.fixture
def run(make_workbench: MakeWorkbench, folder: Path, monkeypatch: pytest.MonkeyPatch):
    workbench = make_workbench()
    workbench.session("local").ingest(folder)
    monkeypatch.setattr(versions_cli, "open_workbench", lambda _: workbench)

    def call(*words: str):
        return CliRunner().invoke(app, ["versions", *words])

    call.session = workbench.session("local")
    return call


def test_versions_on_the_command_line(run, folder: Path) -> None:
    assert run("name", "first").stdout == "version 3 is first\n"
    assert "first" in run("list").stdout
    [row] = json.loads(run("list", "--json").stdout)["rows"]
    assert (row["number"], row["name"], row["added"]) == (3, "first", 3)
    shown = run("diff", "0", "first", "--text").stdout
    assert shown.startswith("version 0 to 3: 3 added\n")
    (folder / "badges.md").write_text("# Badges\n\nMade on Friday.\n", encoding="utf-8")
    run.session.ingest(folder)
    assert "    +Made on Friday." in run("diff", "first", "4", "--text").stdout.splitlines()
    assert json.loads(run("rollback", "0", "--json").stdout)["counts"]["removed"] == 3
    assert "no difference" in run("diff", "0", "5").stdout


def test_what_is_not_there_is_bad_usage(run) -> None:
    for words in (("diff", "1", "9"), ("rollback", "nothing"), ("name", "two words")):
        result = run(*words)
        assert result.exit_code == 2, words
        assert result.stderr.startswith("error: ")
