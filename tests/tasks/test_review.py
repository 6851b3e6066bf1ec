from __future__ import annotations

import datetime
import json
from pathlib import Path

import pandas as pd
import pytest

from tests.workbenches import MakeWorkbench
from workbench.config import ActorConfig, Config
from workbench.errors import AccessDenied, UsageError
from workbench.models.messages import ChatRequest
from workbench.results.extraction import Extraction
from workbench.session import Session

SCHEMA = {"shop": "text", "day": "date", "total": "money"}
SHOPS = ("Anchor Books", "Blue Bakery", "Corner Cafe", "Delta Drugs", "Eastside Eggs")


def receipts(folder: Path, count: int = 5) -> Path:
    folder.mkdir(exist_ok=True)
    for number in range(count):
        shop = f"{SHOPS[number % len(SHOPS)]} {number}"
        (folder / f"receipt-{number:02}.txt").write_text(
            f"{shop}\nDate: 2019-03-{number % 27 + 1:02}\nCash 90.00\nTotal {number + 1}.50\n",
            encoding="utf-8",
        )
    return folder


def reads(request: ChatRequest) -> str:
    """A model that takes the cash for the total of every third receipt."""
    lines = [line.strip() for line in request.user.splitlines()]
    shop = next(line for line in lines if line.startswith(SHOPS))
    day = next(line for line in lines if line.startswith("Date: ")).removeprefix("Date: ")
    total = next(line for line in lines if line.startswith("Total ")).removeprefix("Total ")
    if int(shop.split()[-1]) % 3 == 0:
        total = "90.00"
    return json.dumps({"shop": shop, "day": day, "total": total})


@pytest.fixture
def session(make_workbench: MakeWorkbench, tmp_path: Path) -> Session:
    opened = make_workbench(reads).session("ana")
    opened.ingest(receipts(tmp_path / "receipts"))
    return opened


def review_all(session: Session, extraction: Extraction) -> None:
    for item in session.review_queue(extraction):
        number = int(item.document.removeprefix("receipt-").removesuffix(".txt"))
        if item.field.name == "total" and str(item.field.value) != f"{number + 1}.50":
            session.correct(item, f"{number + 1}.50")
        else:
            session.accept(item)


def test_the_queue_holds_every_field_until_it_is_judged(session: Session) -> None:
    extraction = session.extract("all", SCHEMA)
    queue = session.review_queue(extraction)
    assert (len(queue), queue.reviewed, queue.total) == (15, 0, 15)
    doubts = [item.doubt for item in queue]
    assert doubts == sorted(doubts, reverse=True)
    session.accept(queue[0])
    after = session.review_queue(extraction.id)
    assert (len(after), after.reviewed) == (14, 1)
    assert queue[0].field.name not in [
        i.field.name for i in after if i.document_id == queue[0].document_id
    ]
    assert list(after.df().columns) == after.arrow().column_names


def test_a_correction_is_seen_in_the_table_beside_the_machines_value(session: Session) -> None:
    extraction = session.extract("all", SCHEMA)
    queue = session.review_queue(extraction)
    wrong = next(i for i in queue if i.document == "receipt-00.txt" and i.field.name == "total")
    assert str(wrong.field.value) == "90.00"
    session.correct(wrong, "1.50")
    again = session.extract("all", SCHEMA)
    row = again.df().set_index("document").loc["receipt-00.txt"]
    assert row["total"] == 1.5
    kept = again.provenance().query("document == 'receipt-00.txt' and field == 'total'").iloc[0]
    assert (kept["review"], kept["value"], kept["machine_value"]) == ("corrected", "1.50", "90.00")


def test_a_rejected_value_is_gone(session: Session) -> None:
    extraction = session.extract("all", SCHEMA)
    item = next(i for i in session.review_queue(extraction) if i.field.name == "day")
    assert isinstance(item.field.value, datetime.date)
    session.reject(item)
    field = next(
        r for r in session.extract("all", SCHEMA).records if r.document_id == item.document_id
    )["day"]
    assert (field.value, field.review, field.machine_value) == (None, "rejected", item.field.value)


def test_what_cannot_be_the_value_is_refused(session: Session) -> None:
    item = next(
        i for i in session.review_queue(session.extract("all", SCHEMA)) if i.field.name == "total"
    )
    for value in ("plenty", "", None):
        with pytest.raises(UsageError, match="cannot be the value"):
            session.correct(item, value)
    assert session.review_queue(item.extraction_id).reviewed == 0


def test_reviews_become_examples(session: Session) -> None:
    extraction = session.extract("all", SCHEMA)
    assert session.reviewed_examples(extraction) == ()
    review_all(session, extraction)
    examples = session.reviewed_examples(extraction)
    assert len(examples) == 5
    assert {str(example.values["total"]) for example in examples} == {
        "1.50",
        "2.50",
        "3.50",
        "4.50",
        "5.50",
    }
    assert session.extract("all", SCHEMA, examples="reviewed").records


def test_reviews_calibrate_confidence(make_workbench: MakeWorkbench, tmp_path: Path) -> None:
    session = make_workbench(reads).session("ana")
    session.ingest(receipts(tmp_path / "receipts", 12))
    extraction = session.extract("all", SCHEMA)
    assert session.calibration(extraction).error is None
    assert all(f.confidence is None for r in extraction.records for f in r.fields)
    review_all(session, extraction)
    report = session.calibration(extraction)
    assert report.labels == 36
    assert report.accuracy == 32 / 36
    assert report.error is not None
    assert report.df()["count"].sum() == 36
    fields = [f for r in session.extract("all", SCHEMA).records for f in r.fields]
    sure = {name: [f.confidence for f in fields if f.name == name] for name in SCHEMA}
    assert all(c is not None and 0 <= c <= 1 for values in sure.values() for c in values)
    assert min(c or 0 for c in sure["shop"]) > max(c or 0 for c in sure["total"])


def test_an_unknown_extraction_is_told(session: Session) -> None:
    with pytest.raises(UsageError, match="no such extraction"):
        session.review_queue(99)


def test_a_stored_extraction_comes_back_with_its_reviews(session: Session) -> None:
    extraction = session.extract("all", SCHEMA)
    wrong = next(i for i in session.review_queue(extraction) if i.document == "receipt-00.txt")
    session.reject(wrong)
    stored = session.extraction(extraction.id)
    again = session.extract("all", SCHEMA)
    assert stored.records == again.records
    assert (stored.schema, stored.kinds, stored.excerpts) == (
        again.schema,
        again.kinds,
        again.excerpts,
    )
    assert stored.records[0][wrong.field.name].review == "rejected"


def test_extractions_are_listed_with_the_latest_first(session: Session) -> None:
    first = session.extract("all", {"name": "receipt", "fields": {"shop": "text"}})
    second = session.extract([1, 2], {"name": "total", "fields": {"total": "money"}})
    found = session.extractions()
    assert [(info.id, info.schema, info.documents) for info in found] == [
        (second.id, "total", 2),
        (first.id, "receipt", 5),
    ]
    assert found[0].actor == "ana"


def test_extractions_of_unseen_documents_are_not_there(
    make_workbench: MakeWorkbench, tmp_path: Path
) -> None:
    actors = {
        "ana": ActorConfig(role="analyst", labels=("*",)),
        "bob": ActorConfig(role="analyst", labels=("b",)),
        "vera": ActorConfig(role="viewer", labels=("*",)),
    }
    workbench = make_workbench(reads, config=Config(actors=actors))
    ana, bob = workbench.session("ana"), workbench.session("bob")
    ana.ingest(receipts(tmp_path / "one", 1), label="a")
    extraction = ana.extract("all", SCHEMA)
    assert bob.extractions() == []
    with pytest.raises(AccessDenied, match="in your scope"):
        bob.extraction(extraction.id)
    vera = workbench.session("vera")
    assert (ana.may_extract, ana.may_review) == (True, True)
    assert (vera.may_extract, vera.may_review) == (False, False)
    with pytest.raises(AccessDenied):
        vera.extractions()


def test_a_schema_is_described_from_rows_and_by_its_name(session: Session) -> None:
    rows = pd.DataFrame({"shop": ["A", "B"], "total": ["EUR 9.00", "EUR 1.50"]})
    definition = session.schema(rows)
    assert definition["fields"]["total"]["type"] == "money"
    session.extract([1], SCHEMA | {"name": "text"})
    with pytest.raises(UsageError, match="no such schema"):
        session.schema("never used")
    assert set(session.schema("record")["fields"]) == {*SCHEMA, "name"}
