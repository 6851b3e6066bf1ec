"""Telephone numbers in their usual written forms."""

from __future__ import annotations

import pytest

from workbench.masking.recognizers.phones import PHONES


def found(text: str) -> set[str]:
    return {text[s.start : s.end] for recognizer in PHONES for s in recognizer.spans(text)}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("call +1 212-555-0187 today", "+1 212-555-0187"),
        ("(212) 555-0187", "(212) 555-0187"),
        ("212.555.0187 x45", "212.555.0187 x45"),
        ("+44 20 7946 0958", "+44 20 7946 0958"),
        ("+49 (0)30 901820", "+49 (0)30 901820"),
        ("0033 1 99 00 12 34", "0033 1 99 00 12 34"),
        ("030 901820 is Berlin", "030 901820"),
        ("Tel: 555 0187 22", "555 0187 22"),
        ("Mobile 0171-5550187", "0171-5550187"),
        ("28-64-66-98 office", "28-64-66-98"),
        ("085 175 7641-Fax", "085 175 7641"),
        ("leave a message on my 668 5702.", "668 5702"),
    ],
)
def test_found(text: str, value: str) -> None:
    assert value in found(text)


@pytest.mark.parametrize(
    "text",
    [
        "the years 2014-2015",
        "ISBN 978-3-16-148410-0",
        "2024-11-24",
        "pages 212-214",
        "0.5 to 0.75 percent",
        "a 1,234,567 total",
    ],
)
def test_left_alone(text: str) -> None:
    assert found(text) == set()
