from __future__ import annotations

import datetime
import importlib
from decimal import Decimal
from typing import Any

import pytest

from tests.app.conftest import TIMEOUT_S, MakeWorkbench
from tests.app.test_extract import RULES, reads
from workbench.results import Extraction
from workbench.values import Field, FieldStatus, Record, RecordStatus, Usage

LOCATED = FieldStatus.LOCATED
KINDS = {
    "total": "money",
    "paid_on": "date",
    "tags[]": "text",
    "lines[].price": "money",
    "open": "boolean",
}


@pytest.fixture
def extracting() -> Any:
    return importlib.import_module("extracting")


def extraction(*records: Record) -> Extraction:
    return Extraction(1, {"name": "T"}, 1, KINDS, records, "m", "p", "r", Usage())


def record(number: int, *fields: Field) -> Record:
    return Record(number, f"{number}.txt", "u", 0, fields, RecordStatus.COMPLETE)


def money(amount: str, unit: str, **more: Any) -> Field:
    return Field("total", Decimal(amount), unit=unit, status=LOCATED, **more)


def test_a_grid_has_typed_columns_in_words(extracting: Any) -> None:
    table = extraction(
        record(
            1,
            money("1200.50", "EUR"),
            Field("paid_on", datetime.date(2026, 3, 31), status=LOCATED),
            Field("tags[0]", "red", start=0, end=3, status=LOCATED),
            Field("tags[1]", "<PERSON_7>", start=5, end=9, status=LOCATED),
            Field("lines[0].price", Decimal(3), unit="EUR", status=LOCATED),
            Field("open", True, status=FieldStatus.INFERRED),
        ),
        record(2),
    )
    grid = extracting.Grid(table)
    frame = grid.frame()
    assert list(frame.columns) == [
        "Document",
        "State",
        "Total (EUR)",
        "Paid on",
        "Tags",
        "Lines (EUR)",
        "Open",
    ]
    first = frame.iloc[0]
    assert (first["Total (EUR)"], first["Tags"], first["Open"]) == (1200.5, "red, Person 7", "Yes")
    assert frame["Paid on"].dtype.kind == "M"
    assert frame.iloc[1].drop(["Document", "State"]).isna().all()
    assert grid.cited(0, "Tags").spans == ((0, 3), (5, 9))
    assert grid.cited(0, "Document").spans == ()
    assert grid.counts() == {"located": 4, "inferred": 1, "missing": 5}


def test_amounts_in_several_currencies_do_not_add_up(extracting: Any) -> None:
    grid = extracting.Grid(extraction(record(1, money("5", "EUR")), record(2, money("7", "USD"))))
    assert list(grid.frame()["Total"]) == ["EUR 5", "USD 7"]


def test_every_state_of_a_value_has_words(extracting: Any) -> None:
    for status in FieldStatus:
        assert extracting.status_words(Field("a", status=status))
    wrong = Field("a", status=FieldStatus.INVALID, raw="12,x")
    assert "The words are “12,x”." in extracting.status_words(wrong)
    corrected = money("5", "EUR", review="corrected", machine_value=Decimal(4))
    assert extracting.status_words(corrected).endswith("Read before: EUR 4.")
    assert "Read before" not in extracting.status_words(money("5", "", review="accepted"))


def test_an_extraction_tells_how_far_it_is(use: MakeWorkbench, extracting: Any) -> None:
    session = use(reads).session("local")
    told = []
    job = extracting.Extracting(session, extracting.Wanted(RULES, (1, 2, 3)))
    tell = job.tell
    job.tell = lambda *state: (told.append(state), tell(*state))
    job.start().wait(TIMEOUT_S)
    assert len(job.result) == 3
    assert [words for _, words, _ in told] == [f"{done} of 3 documents" for done in range(4)]
    assert told[0][2] > 0
    assert told[-1][2] == 0
