from __future__ import annotations

import contextlib
import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import QueryError
from workbench.store.filters import AllOf, AnyOf, Not, Op, Where, WhereNumber
from workbench.store.language import MAX_CHARS, Parsed, parse, require_known
from workbench.store.matching import Clauses, Match, Pages, Phrase, Words

KEYS = frozenset({"author", "amount", "due"})


def read(text: str) -> Parsed:
    return parse(text, lambda: KEYS)


def every(text: str) -> Words:
    return Words(text, every=True)


@pytest.mark.parametrize(
    "text",
    [
        "What is sick leave?",
        'What does "sick leave" mean?',
        "Is A OR B right, and NOT C?",
        "a well - known follow-up, -5 degrees, +49 170 1234",
        "TERMS AND CONDITIONS",
        "see http://example.org/a?b=c:d and note:this, at 10:30",
        "(see above) [1] {2} ^ ~ * / \\",
        'an unbalanced "quote',
        "page:[2 TO",
        "((((",
        "label:",
        "+",
        "a\x00b \ue000 c",
        "x'; DROP TABLE documents; --",
    ],
)
def test_what_is_not_certainly_language_is_plain(text: str) -> None:
    assert read(text) == Parsed(text)


@pytest.mark.parametrize(
    ("text", "words", "match"),
    [
        ('"sick leave"', "sick leave", Clauses(must=(Phrase("sick leave"),))),
        ('"sick leave"~2', "sick leave", Clauses(must=(Phrase("sick leave", slop=2),))),
        (
            "+policy -draft leave",
            "policy leave",
            Clauses((every("policy"),), (Words("leave"),), (every("draft"),)),
        ),
        ("NOT draft leave", "leave", Clauses((), (Words("leave"),), (every("draft"),))),
        ("sick AND leave", "sick leave", Clauses(must=(every("sick"), every("leave")))),
        (
            "(sick OR annual) AND leave",
            "sick annual leave",
            Clauses(must=(Clauses(should=(every("sick"), every("annual"))), every("leave"))),
        ),
        ("page:[2 TO 5] leave", "leave", Clauses((Pages(2, 5),), (Words("leave"),))),
        ("page:{2 TO 5}", "", Clauses(must=(Pages(3, 4),))),
        ("page:>=3", "", Clauses(must=(Pages(3, None),))),
        ("-page:3 leave", "leave", Clauses((), (Words("leave"),), (Pages(3, 3),))),
        ("heading:leave", "leave", Clauses(must=(Words("leave", "heading", every=True),))),
        ('heading:"sick leave"', "sick leave", Clauses(must=(Phrase("sick leave", "heading"),))),
        ("<PERSON_17> +sick", "<PERSON_17> sick", None),
    ],
)
def test_text_becomes_clauses(text: str, words: str, match: Match | None) -> None:
    found = read(text)
    assert (found.words, found.where) == (words, None)
    if match is not None:
        assert found.match == match


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


def test_a_field_in_a_group_stays_in_the_match() -> None:
    found = read("label:hr OR budget")
    assert found.where is None
    assert isinstance(found.match, Clauses)
    assert found.words == "budget"


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


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet='ab "+-():[]{}<>=~^*/\\&|!?.\n\ue000TOANDORNOTlabel:page:', max_size=80))
def test_no_text_raises_a_foreign_error(text: str) -> None:
    with contextlib.suppress(QueryError):
        assert isinstance(read(text).words, str)


def test_hostile_texts_cost_little() -> None:
    rng = random.Random(3)
    texts = [
        "(" * 9_000,
        '"' * 9_999,
        "+a " * 2_500,
        "NOT " * 2_000 + "a",
        "a:" * 4_000,
        "label:(" * 1_000 + "a" + ")" * 1_000,
        "page:1 " * 1_000,
        '"a" OR ' * 1_000 + "b",
        "".join(rng.choices('ab"+-(): ', k=MAX_CHARS)),
        "x " * 50_000,
    ]
    begun = time.process_time()
    for text in texts:
        with contextlib.suppress(QueryError):
            read(text)
    assert time.process_time() - begun < 20
    assert read('"a" ' * 25_000) == Parsed('"a" ' * 25_000)


def test_filters_on_unknown_fields_are_refused() -> None:
    require_known(AllOf((Where("label", Op.EQ, "hr"), Not(Where("author", Op.EQ, "x")))), KEYS)
    require_known(Where("metadata.author", Op.EQ, "x"), KEYS)
    with pytest.raises(QueryError, match="no document has this field: autor"):
        require_known(Where("autor", Op.EQ, "x"), KEYS)
