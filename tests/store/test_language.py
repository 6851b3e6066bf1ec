from __future__ import annotations

import contextlib
import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import QueryError
from workbench.store.filters import AllOf, Not, Op, Where
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


def test_a_field_in_a_group_stays_in_the_match() -> None:
    found = read("label:hr OR budget")
    assert found.where is None
    assert isinstance(found.match, Clauses)
    assert found.words == "budget"


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
