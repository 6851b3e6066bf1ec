from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.tasks.test_review import SCHEMA, reads, receipts, review_all
from tests.workbenches import MakeWorkbench
from workbench.errors import UsageError
from workbench.models.fake import FakeServer
from workbench.models.messages import ChatRequest


def test_what_helps_is_found_on_documents_held_back(
    make_workbench: MakeWorkbench, tmp_path: Path
) -> None:
    def better_shown(request: ChatRequest) -> str:
        """Takes the cash for the total, unless worked examples stand before the document."""
        examples, document = request.user.rsplit("\nDocument:", 1)
        reply = json.loads(reads(replace(request, user=document)))
        total = document.split("Total ", 1)[1].split()[0]
        shown = "Example reply" in examples
        return json.dumps({**reply, "total": total if shown else "90.00"})

    session = make_workbench(better_shown).session("ana")
    session.ingest(receipts(tmp_path / "receipts", 8))
    extraction = session.extract("all", SCHEMA)
    review_all(session, extraction)
    steps: list[str] = []
    report = session.tune(extraction, progress=lambda name, done, total: steps.append(name))
    assert (report.examples, report.held_back) == (4, 4)
    assert len(report.trials) == len(steps) - 1 == len(report.df())
    plain, *others = report.trials
    assert (plain.gain, plain.is_better) == (0, False)
    # The reviewers' corrections are not the machine's merit.
    assert plain.accuracy == pytest.approx(2 / 3)
    shown = next(trial for trial in others if trial.shots)
    assert shown.accuracy == 1
    assert shown.low <= shown.gain <= shown.high
    assert shown.is_better
    assert report.best.accuracy == 1
    assert {(t.shots, t.window_chars, t.prompt) for t in report.trials} > {
        (0, plain.window_chars, "extract"),
        (3, plain.window_chars, "extract"),
        (0, 2_500, "extract"),
        (0, plain.window_chars, "extract_fields_last"),
    }


def test_documents_are_read_in_the_way_of_a_trial(
    make_workbench: MakeWorkbench, tmp_path: Path
) -> None:
    server = FakeServer(reads)
    session = make_workbench(server=server).session("ana")
    session.ingest(receipts(tmp_path / "receipts", 8))
    extraction = session.extract("all", SCHEMA)
    review_all(session, extraction)
    report = session.tune(extraction)
    way = next(trial for trial in report.trials if trial.shots == 3)
    asked = len(server.requests)
    again = session.extract("all", SCHEMA, examples=way)
    assert again.id != extraction.id
    for request in server.requests[asked:]:
        examples, _, document = request.user.rpartition("\nDocument:\n")
        assert examples.count("Example reply:") == 3
        assert document.splitlines()[0] not in examples


def test_too_few_reviews_tell_nothing(make_workbench: MakeWorkbench, tmp_path: Path) -> None:
    session = make_workbench(reads).session("ana")
    session.ingest(receipts(tmp_path / "receipts", 5))
    extraction = session.extract("all", SCHEMA)
    review_all(session, extraction)
    with pytest.raises(UsageError, match="too few reviewed documents"):
        session.tune(extraction)
