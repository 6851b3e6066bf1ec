"""What is said and what is written become the same."""

from __future__ import annotations

import pytest

from workbench.tasks.spoken import written


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("towards the end of two thousand seven", "towards the end of 2007"),
        ("in nineteen ninety four, or twenty twenty six", "in 1994, or 2026"),
        ("three ninety eight minutes out of four thirty two", "398 minutes out of 432"),
        ("I'm Fifty-One, with two kids", "I'm 51, with 2 kids"),
        ("a hundred and twenty over eighty", "a 120 over 80"),
        ("fifty million Euros", "50000000 Euros"),
        ("one two three", "1 2 3"),
        ("a U T I and P T L D", "a UTI and PTLD"),
    ],
)
def test_numbers_and_abbreviations(said: str, expected: str) -> None:
    assert written(said) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "5 12 30 | 20 26",
        "the phone is often attended",
        "Grade A",
        "vor neunzehn Jahren",
    ],
)
def test_the_rest_stays_as_it_is(text: str) -> None:
    assert written(text) == text
