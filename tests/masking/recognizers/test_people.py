"""Names that a form of address or a phrase announces."""

from __future__ import annotations

import pytest

from workbench.masking.recognizers.people import PEOPLE


def found(text: str) -> set[str]:
    return {text[s.start : s.end] for recognizer in PEOPLE for s in recognizer.spans(text)}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("ask Dr. Wells about it", "Wells"),
        ("Mrs. Kathrine Filemonsen left", "Kathrine Filemonsen"),
        ("My name is Satu Elomo.", "Satu Elomo"),
        ("everyone calls me Antti", "Antti"),
        ("Surname: Verhoeven", "Verhoeven"),
        ("Prof. Ada Lovelace", "Ada Lovelace"),
    ],
)
def test_found(text: str, value: str) -> None:
    assert value in found(text)


@pytest.mark.parametrize(
    "text",
    [
        "Dr. visits are covered",
        "5 Main Dr. Suite 12",
        "my name is on the list",
        "Mr. President spoke",
    ],
)
def test_left_alone(text: str) -> None:
    assert found(text) == set()
