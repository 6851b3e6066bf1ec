from __future__ import annotations

import pytest

from workbench.errors import QueryError
from workbench.store.filters import AllOf, AnyOf, Not, Op, Where, WhereNumber
from workbench.store.language import Parsed, parse

KEYS = frozenset({"author", "amount", "due"})


def read(text: str) -> Parsed:
    return parse(text, lambda: KEYS)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("label:hr", Where("label", Op.EQ, "hr")),
        ("-label:hr", Not(Where("label", Op.EQ, "hr"))),
        ('name:"a b"', AllOf((Where("name", Op.TEXT_MATCH_INSENSITIVE, "a b"),))),
        ("size:>=100", AllOf((Where("size", Op.GTE, 100.0),))),
        ("id:7", AllOf((Where("id", Op.GTE, 7.0), Where("id", Op.LTE, 7.0)))),
        (
            "ingested:2026-01",
            AllOf(
                (
                    Where("ingested_at", Op.GTE, "2026-01-01"),
                    Where("ingested_at", Op.LT, "2026-02-01"),
                )
            ),
        ),
        ("ingested:<=2026-12-31", AllOf((Where("ingested_at", Op.LT, "2027-01-01"),))),
        ("ingested:>2026", AllOf((Where("ingested_at", Op.GTE, "2027-01-01"),))),
        (
            "ingested:[2026-01-05T10:00 TO *]",
            AllOf((Where("ingested_at", Op.GTE, "2026-01-05T10:00:00"),)),
        ),
        ("amount:<500", AllOf((WhereNumber("metadata.amount", Op.LT, 500.0),))),
        (
            "metadata.due:{2026-01-05 TO 2026-02-01]",
            AllOf(
                (
                    Where("metadata.due", Op.GTE, "2026-01-06"),
                    Where("metadata.due", Op.LT, "2026-02-02"),
                )
            ),
        ),
        (
            "amount:5",
            AnyOf(
                (Where("metadata.amount", Op.EQ, "5"), WhereNumber("metadata.amount", Op.EQ, 5.0))
            ),
        ),
        (
            "due:>2026",
            AnyOf(
                (
                    AllOf((WhereNumber("metadata.due", Op.GT, 2026.0),)),
                    AllOf(
                        (
                            Where("metadata.due", Op.TEXT_MATCH, "-"),
                            Where("metadata.due", Op.GTE, "2027-"),
                            Where("metadata.due", Op.LT, "2200-"),
                        )
                    ),
                )
            ),
        ),
        (
            "author:<PERSON_3>",
            AnyOf(
                (
                    AllOf((Where("metadata.author", Op.TEXT_MATCH_INSENSITIVE, "<PERSON_3>"),)),
                    Where("metadata.author", Op.CONTAINS, "<PERSON_3>"),
                )
            ),
        ),
        ("author:*", Not(Where("metadata.author", Op.IS_EMPTY))),
    ],
)
def test_fields_become_filters(text: str, where: object) -> None:
    assert read(text + " leave") == Parsed("leave", AllOf((where,)))  # type: ignore[arg-type]
    assert read("Who has leave " + text + " ?").where == AllOf((where,))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    [
        "page:first",
        "page:[a TO 3]",
        "size:big",
        "ingested:yesterday",
        "ingested:2026-13",
        "ingested:9999-12",
        "ingested:[2026-01-01 TO soon]",
        "label:[a TO b]",
        "size:nan",
    ],
)
def test_values_that_a_field_cannot_have_are_named(text: str) -> None:
    with pytest.raises(QueryError, match="cannot have this value"):
        read(text)
