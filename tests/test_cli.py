"""The command line as other programs call it: exit codes, JSON fields, one line on stderr."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.workbenches import MakeWorkbench
from workbench import cli
from workbench.workbench import Workbench

CITATION = {"document", "uri", "page", "start", "end", "quote", "document_id"}
Call = Callable[..., tuple[int, str, str]]


def reply(request: object) -> str:
    quote = "The office processes new badges every Wednesday."
    return json.dumps({"quotes": [quote], "answer": "Every Wednesday."})


@pytest.fixture
def call(make_workbench: MakeWorkbench, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Run a command over the fake models; exit code, stdout, stderr."""
    workbench = make_workbench(reply)

    def opened(path: Path) -> Workbench:
        return workbench

    monkeypatch.setattr(cli, "open_workbench", opened)

    def run(*arguments: str) -> tuple[int, str, str]:
        result = CliRunner().invoke(cli.app, list(arguments))
        return result.exit_code, result.stdout, result.stderr

    return run


def test_from_a_folder_to_a_cited_answer(call: Call, folder: Path) -> None:
    code, out, _ = call("ingest", str(folder), "--json")
    assert code == 0
    report = json.loads(out)
    assert report["counts"]["added"] == 3
    assert {item["status"] for item in report["items"]} == {"added"}

    code, out, _ = call("ask", "When does the office process new badges?", "--json")
    assert code == 0
    answer = json.loads(out)
    assert answer["status"] == "supported"
    assert answer["text"]
    assert answer["model"]
    assert answer["run_id"]
    assert set(answer["citations"][0]) == CITATION

    code, out, _ = call("search", "badges", "-k", "2", "--json")
    assert code == 0
    assert json.loads(out)["hits"][0]["document"] == "badges.md"

    code, out, _ = call("sql", "SELECT count(*) AS n FROM documents", "--json")
    assert code == 0
    assert json.loads(out) == {"columns": ["n"], "rows": [{"n": 3}]}


def test_an_ingest_names_its_snapshot(
    call: Call, folder: Path, make_workbench: MakeWorkbench
) -> None:
    assert call("ingest", str(folder), "--snapshot", "not a name")[0] == 2
    assert call("ingest", str(folder), "--snapshot", "first")[0] == 0
    versions = make_workbench().session("ana").versions().df()
    assert [name for name in versions["name"] if name] == ["first"]


def test_json_stays_json_where_sql_has_nan(call: Call) -> None:
    _, out, _ = call("sql", "SELECT 'nan'::DOUBLE AS a, [1.5, 'inf'::DOUBLE] AS b", "--json")
    assert json.loads(out)["rows"] == [{"a": None, "b": [1.5, None]}]


def test_text_output_is_for_people(call: Call, folder: Path) -> None:
    code, out, _ = call("ingest", str(folder))
    assert (code, "3 added" in out) == (0, True)
    _, out, _ = call("ask", "When does the office process new badges?")
    assert "Every Wednesday." in out
    assert "[1] badges.md" in out
    _, out, _ = call("documents")
    assert "3 documents" in out


def test_a_partly_bad_folder_succeeds_and_says_so(call: Call, folder: Path) -> None:
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7 not really")
    code, out, err = call("ingest", str(folder))
    assert code == 0
    assert "failed    broken.pdf" in out
    assert "1 of 4 files failed" in err


def test_nothing_usable_is_a_failure(call: Call, folder: Path) -> None:
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7 not really")
    code, _, err = call("ingest", str(folder / "broken.pdf"))
    assert code == 1
    assert "1 of 1 files failed" in err


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("ingest", "no/such/path"), 2),
        (("search", "badges", "-k", "0"), 2),
        (("ask", " "), 2),
        (("ask",), 2),
        (("nonsense",), 2),
        (("sql", "DROP TABLE documents"), 1),
        (("sql", "SELECT * FROM nowhere"), 1),
    ],
)
def test_exit_codes_and_one_line_on_stderr(
    call: Call, arguments: tuple[str, ...], expected: int
) -> None:
    code, out, err = call(*arguments)
    assert code == expected
    assert out == ""
    assert err.strip()
    if err.startswith("error:"):
        assert len(err.strip().splitlines()) == 1


def test_without_a_command_the_help_is_shown(call: Call) -> None:
    code, out, _ = call()
    assert code == 2
    assert "ingest" in out


def test_the_installed_command_prints_its_version() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "workbench", "--version"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ},
    )
    assert result.stdout.strip()[0].isdigit()


def test_a_bad_configuration_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "workbench.toml").write_text("nonsense = 1\n", encoding="utf-8")
    result = subprocess.run(
        [sys.executable, "-m", "workbench", "--workspace", str(tmp_path), "models", "list"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr.startswith("error: the configuration is not valid: nonsense")
    assert len(result.stderr.strip().splitlines()) == 1
