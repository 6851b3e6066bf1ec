from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.workbenches import MakeWorkbench
from workbench import search_cli
from workbench.cli import app


def test_alike_and_many_from_the_command_line(
    make_workbench: MakeWorkbench,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    workbench = make_workbench()
    workbench.session("local").ingest(folder)
    monkeypatch.setattr(search_cli, "open_workbench", lambda _: workbench)

    def run(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, [*words])
        return done.exit_code, done.output

    code, output = run("like", "1", "-k", "2", "--json")
    assert code == 0
    assert all(hit["document_id"] != 1 for hit in json.loads(output)["hits"])
    lines, table = tmp_path / "queries.txt", tmp_path / "queries.csv"
    lines.write_text("badges\n\nsick leave\n", encoding="utf-8")
    table.write_text("id,query\n1,badges\n2,sick leave\n", encoding="utf-8")
    for file in (lines, table):
        code, output = run("search-many", str(file), "--json")
        assert [entry["query"] for entry in json.loads(output)["results"]] == [
            "badges",
            "sick leave",
        ]
    assert "2 queries" in run("search-many", str(lines))[1]
    out = tmp_path / "hits.csv"
    assert run("search-many", str(table), "-k", "1", "--out", str(out))[0] == 0
    with out.open(encoding="utf-8") as rows:
        assert [row["document"] for row in csv.DictReader(rows)] == ["badges.md", "leave.md"]


def test_files_that_hold_no_queries_are_refused(
    make_workbench: MakeWorkbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_cli, "open_workbench", lambda _: make_workbench())
    odd = tmp_path / "odd.csv"
    odd.write_text("text\nbadges\n", encoding="utf-8")
    binary = tmp_path / "odd.txt"
    binary.write_bytes(b"\xff\xfe\xff")
    for file in (odd, binary, tmp_path / "none.txt"):
        done = CliRunner().invoke(app, ["search-many", str(file)])
        assert done.exit_code == 2
        assert "error:" in done.output
