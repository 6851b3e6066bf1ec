"""The masking verbs and their commands."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.workbenches import MakeWorkbench
from workbench import masking_cli
from workbench.cli import app
from workbench.config import ActorConfig, Config, LimitsConfig
from workbench.errors import AccessDenied, SourceError, UsageError

TEXT = "Dr. Strand (ann@example.org) pays 4111 1111 1111 1111. Dr. Strand agrees."


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "one.txt").write_text(TEXT, encoding="utf-8")
    (folder / "two.txt").write_text("Write to ann@example.org.", encoding="utf-8")
    return folder


def test_a_report_counts_by_label_and_shows_no_value(
    make_workbench: MakeWorkbench, notes: Path
) -> None:
    session = make_workbench().session()
    session.ingest(notes / "one.txt")
    session.ingest(notes / "two.txt", label="staff")
    report = session.masking_report()
    counted = {(row.label, row.type): (row.values, row.documents) for row in report.types}
    assert counted == {
        ("internal", "PERSON"): (2, 1),
        ("internal", "EMAIL_ADDRESS"): (1, 1),
        ("internal", "CREDIT_CARD"): (1, 1),
        ("staff", "EMAIL_ADDRESS"): (1, 1),
    }
    assert report.documents == 2
    for shown in (str(report), repr(report), report._repr_html_(), json.dumps(report.to_dict())):
        assert not any(raw in shown for raw in ("Strand", "ann@", "4111"))


def test_a_report_counts_only_what_the_actor_may_see(
    make_workbench: MakeWorkbench, notes: Path
) -> None:
    actors = {
        "ana": ActorConfig(role="analyst", labels=("*",)),
        "bob": ActorConfig(role="analyst", labels=("staff",)),
        "eve": ActorConfig(role="viewer", labels=("*",)),
    }
    workbench = make_workbench(config=Config(actors=actors))
    workbench.session("ana").ingest(notes / "one.txt")
    assert workbench.session("bob").masking_report().types == ()
    for verb in (lambda s: s.masking_report(), lambda s: s.preview_masking("x")):
        with pytest.raises(AccessDenied):
            verb(workbench.session("eve"))


def test_a_preview_shows_and_stores_nothing(
    make_workbench: MakeWorkbench, notes: Path, caplog: pytest.LogCaptureFixture
) -> None:
    workbench = make_workbench()
    session = workbench.session("ana")
    preview = session.preview_masking(TEXT)
    values = preview.df()["value"].tolist()
    assert values == ["Strand", "ann@example.org", "4111 1111 1111 1111", "Strand"]
    assert session.preview_masking(notes / "one.txt").df()["value"].tolist() == values
    assert session.documents() == []
    audit = session.export_audit().df()
    assert audit["resource"].tolist()[:2] == ["preview", "preview"]
    everything = "".join(
        path.read_bytes().decode("latin-1")
        for path in workbench.folder.rglob("*")
        if path.is_file()
    )
    assert not any(raw in everything + caplog.text for raw in ("Strand", "ann@", "4111 1111"))


def test_a_preview_is_bounded(make_workbench: MakeWorkbench, notes: Path) -> None:
    session = make_workbench(config=Config(limits=LimitsConfig(max_document_chars=10))).session()
    with pytest.raises(UsageError, match="too long") as caught:
        session.preview_masking(TEXT)
    assert "Strand" not in str(caught.value)
    with pytest.raises(SourceError):
        session.preview_masking(notes / "missing.txt")


def test_the_commands(
    make_workbench: MakeWorkbench, notes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workbench = make_workbench()
    workbench.session().ingest(notes)
    monkeypatch.setattr(masking_cli, "open_workbench", lambda _: workbench)

    def run(*words: str, given: str = "") -> str:
        done = CliRunner().invoke(app, ["masking", *words], input=given)
        assert done.exit_code == 0, done.output
        return done.output

    assert "values masked in 2 documents" in run("report")
    assert json.loads(run("report", "--json"))["documents"] == 2
    assert "ann@example.org" in run("preview", str(notes / "two.txt"))
    found = json.loads(run("preview", "-", "--json", given="Ask Dr. Strand."))["findings"]
    assert [row["value"] for row in found] == ["Strand"]


def test_rules_of_a_workspace_hold_in_a_preview(tmp_path: Path) -> None:
    from workbench import open_workbench

    (tmp_path / "masking.yaml").write_text(
        "recognizers: [{name: staff, type: EMPLOYEE_ID, pattern: 'E-\\d{6}'}]\n"
        "labels: {open: {EMPLOYEE_ID: drop}}\n"
    )
    session = open_workbench(tmp_path, env={}).session()
    preview = session.preview_masking("It was E-004711 that did it.", label="open")
    (found,) = preview.findings
    assert (found.type, found.treatment) == ("EMPLOYEE_ID", "drop")
