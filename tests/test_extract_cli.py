from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from tests.workbenches import MakeWorkbench
from workbench import extract_cli
from workbench.cli import app
from workbench.models.fake import FakeServer

SCHEMA = "name: rota\nfields:\n  day: {type: text, description: day of the week}\n"


@pytest.fixture
def rota(
    make_workbench: MakeWorkbench, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Path:
    workbench = make_workbench(server=FakeServer(lambda _: json.dumps({"day": "Wednesday"})))
    workbench.session("local").ingest(folder)
    monkeypatch.setattr(extract_cli, "open_workbench", lambda _: workbench)
    path = tmp_path / "rota.yaml"
    path.write_text(SCHEMA, encoding="utf-8")
    return path


def run(*words: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["extract", *words])
    return done.exit_code, done.stdout, done.stderr


def test_records_are_printed_as_json_and_progress_beside_it(rota: Path) -> None:
    code, output, told = run(str(rota), "--source", "1,2")
    assert code == 0
    records = json.loads(output)["records"]
    assert [record["values"] for record in records] == [{"day": "Wednesday"}, {"day": None}]
    assert "2/2" in told
    # The schema was saved under its name.
    assert json.loads(run("rota", "--source", "1")[1])["schema_version"] == 1


@pytest.mark.parametrize("suffix", [".csv", ".xlsx", ".parquet", ".html"])
def test_tables_are_written(rota: Path, tmp_path: Path, suffix: str) -> None:
    out = tmp_path / f"rota{suffix}"
    assert run(str(rota), "--out", str(out))[0] == 0
    assert out.stat().st_size > 0
    if suffix == ".csv":
        assert pd.read_csv(out)["day"].dropna().tolist() == ["Wednesday"]


def test_examples_come_from_json_lines(rota: Path, tmp_path: Path) -> None:
    path = tmp_path / "examples.jsonl"
    path.write_text('{"document_id": 2, "values": {"day": "Friday"}}\n', encoding="utf-8")
    assert run(str(rota), "--examples", str(path))[0] == 0
    path.write_text("nonsense", encoding="utf-8")
    code, _, told = run(str(rota), "--examples", str(path))
    assert code != 0
    assert "examples cannot be read" in told


def test_another_kind_of_file_is_refused(rota: Path) -> None:
    code, _, told = run(str(rota), "--out", "rota.docx")
    assert code != 0
    assert ".xlsx" in told
