from __future__ import annotations

import datetime
from decimal import Decimal

import pytest

from workbench.extraction.assembling import NOT_IN_DOCUMENT, assemble, completed
from workbench.extraction.locating import Source
from workbench.extraction.parsing import evidence
from workbench.extraction.schema import Schema
from workbench.extraction.schema_sources import as_schema
from workbench.values import Field, FieldStatus, RecordStatus

TEXT = """ACME TOOLS SDN BHD
12, JALAN TAMPOI
DATE: 25/12/2018 20:13
PAID: yes
ITEM PEN\t2.50
ITEM INK\t2.50
TOTAL RM 5.00
CASH RM 10.00"""
SCHEMA = as_schema(
    {
        "shop": {"type": "text", "required": True, "min_length": 3},
        "issued": "date",
        "total": {"type": "money", "minimum": 1},
        "paid": "boolean",
        "kind": ["invoice", "receipt"],
        "lines": {"type": "list", "fields": {"what": "text", "price": "money"}},
    }
)


def fields(words: dict[str, str], schema: Schema = SCHEMA) -> dict[str, Field]:
    leaves = {leaf.path: leaf for leaf in schema.leaves}
    return assemble(words, leaves, Source(TEXT, evidence(TEXT)))


def test_every_value_is_what_stands_in_the_document() -> None:
    found = fields({"shop": "acme tools sdn bhd", "issued": "DATE: 25/12/2018 20:13", "total": "5"})
    assert found["shop"].value == "ACME TOOLS SDN BHD"
    assert found["shop"].raw == "acme tools sdn bhd"
    assert found["issued"].value == datetime.date(2018, 12, 25)
    assert found["issued"].quote == "25/12/2018"
    assert (found["total"].value, found["total"].unit) == (Decimal("5.00"), "RM")
    for one in found.values():
        assert one.status is FieldStatus.LOCATED
        assert TEXT[one.start : one.end] == one.quote


def test_what_does_not_stand_there_is_no_value() -> None:
    found = fields({"shop": "Globex Corporation", "total": "99.99", "issued": ""})
    assert (found["shop"].status, found["shop"].value) == (FieldStatus.INVALID, None)
    assert found["shop"].problem == NOT_IN_DOCUMENT
    assert found["shop"].raw == "Globex Corporation"
    assert found["total"].status is FieldStatus.INVALID
    assert found["issued"].status is FieldStatus.MISSING


def test_closed_answers_may_be_inferred() -> None:
    found = fields({"paid": "yes", "kind": "receipt"})
    assert (found["paid"].value, found["paid"].status) == (True, FieldStatus.LOCATED)
    assert (found["kind"].value, found["kind"].status) == ("receipt", FieldStatus.INFERRED)


def test_words_that_are_no_date_and_values_against_the_rules_are_invalid() -> None:
    found = fields({"issued": "ITEM PEN", "total": "RM 5.00", "shop": "ACME TOOLS SDN BHD"})
    assert found["issued"].problem == "these words are no date"
    strict = as_schema({"total": {"type": "money", "minimum": 6}, "shop": {"pattern": "^Z"}})
    found = fields({"total": "RM 5.00", "shop": "ACME TOOLS SDN BHD"}, strict)
    assert found["total"].problem == "it is below 6"
    assert found["shop"].problem == "it does not match the pattern"
    assert found["total"].value is None


def test_equal_words_of_two_rows_stand_in_their_own_rows() -> None:
    words = {
        "lines[0].what": "PEN",
        "lines[0].price": "2.50",
        "lines[1].what": "INK",
        "lines[1].price": "2.50",
    }
    found = fields(words)
    first, second = found["lines[0].price"], found["lines[1].price"]
    assert first.start == TEXT.index("2.50")
    assert second.start == TEXT.rindex("2.50")


def test_normalisers() -> None:
    schema = as_schema({"shop": {"normalisers": ["title"]}, "issued": {"normalisers": ["digits"]}})
    found = fields({"shop": "ACME TOOLS SDN BHD", "issued": "25/12/2018"}, schema)
    assert found["shop"].value == "Acme Tools Sdn Bhd"
    assert found["issued"].value == "25122018"
    assert found["issued"].quote == "25/12/2018"


@pytest.mark.parametrize(
    ("words", "status"),
    [
        ({"shop": "ACME TOOLS SDN BHD"}, RecordStatus.COMPLETE),
        ({"total": "RM 5.00"}, RecordStatus.INCOMPLETE),
        ({"shop": "", "total": ""}, RecordStatus.EMPTY),
        ({"shop": "Globex Corporation"}, RecordStatus.EMPTY),
    ],
)
def test_a_record_says_whether_it_is_complete(words: dict[str, str], status: RecordStatus) -> None:
    assert completed(list(fields(words).values()), SCHEMA.fields)[0] is status


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ("42-46, JALAN TAMPOI", None),
        ("NO 3/2 TAMAN", None),
        ("TOTAL 42", Decimal(42)),
        ("12/11/2018 RM 5.00", Decimal("5.00")),
    ],
)
def test_a_house_number_is_no_amount(said: str, value: Decimal | None) -> None:
    leaves = {leaf.path: leaf for leaf in as_schema({"total": "money"}).leaves}
    field = assemble({"total": said}, leaves, Source(f"SHOP\n{said}"))["total"]
    assert field.value == value
    assert (field.status is FieldStatus.INVALID) == (value is None)
