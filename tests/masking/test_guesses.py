"""Which of the language model's organisations, places and dates are believed."""

from __future__ import annotations

import pytest

from workbench.masking.guesses import weighed
from workbench.masking.spans import Span


def kept(text: str, kind: str, value: str, *, person: str = "", score: float = 0.85) -> list[str]:
    start = text.index(value)
    guess = Span(start, start + len(value), kind, score)
    at = text.index(person) if person else 0
    persons = [Span(at, at + len(person), "PERSON", 0.85)] if person else []
    return [text[span.start : span.end] for span in weighed(text, [guess], persons)]


@pytest.mark.parametrize("value", ["next week", "two days", "the third quarter", "ten minutes"])
def test_what_places_nothing_in_time_is_dropped(value: str) -> None:
    assert kept(f"We meet {value} again.", "DATE_TIME", value) == []


@pytest.mark.parametrize("value", ["4 May", "Tuesday", "1973", "12/05/1990", "10 pm"])
def test_dates_stay(value: str) -> None:
    assert kept(f"We met {value} again.", "DATE_TIME", value) == [value]


def test_a_person_is_no_organisation_but_may_give_one_its_name() -> None:
    text = "Ann Strand and Strand Holdings"
    assert kept(text, "ORGANIZATION", "Ann Strand", person="Ann Strand") == []
    assert kept(text, "ORGANIZATION", "Strand Holdings", person="Strand Holdings") == [
        "Strand Holdings"
    ]


def test_a_name_ends_with_its_line() -> None:
    assert kept("Acme\nStaff writer", "ORGANIZATION", "Acme\nStaff") == ["Acme"]


def test_what_is_certain_is_not_weighed() -> None:
    assert kept("in two days", "DATE_TIME", "two days", score=0.96) == ["two days"]
