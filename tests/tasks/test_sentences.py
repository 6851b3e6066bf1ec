from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.tasks.sentences import sentence_spans


def split(text: str) -> list[str]:
    return [text[start:end] for start, end in sentence_spans(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ("Dr. Who came. He left.", ["Dr. Who came.", "He left."]),
        ("The U.S. Senate met. It voted.", ["The U.S. Senate met.", "It voted."]),
        ("See Fig. 3 and No. 7. Then stop.", ["See Fig. 3 and No. 7.", "Then stop."]),
        ("No. I don't. Nos. 3 and 4.", ["No.", "I don't.", "Nos. 3 and 4."]),
        (
            "Doctor: Pain?\nPatient: No.\nDoctor: Ok",
            ["Doctor: Pain?", "Patient: No.", "Doctor: Ok"],
        ),
        (
            "Guest_family: Oh well\nDr. Lee 2: and he\nleft: at noon.",
            ["Guest_family: Oh well", "Dr. Lee 2: and he\nleft: at noon."],
        ),
        ("It costs 3.50 dollars. Pay.", ["It costs 3.50 dollars.", "Pay."]),
        ('He said "Go." She went.', ['He said "Go."', "She went."]),
        ("A heading\n\nIts text", ["A heading", "Its text"]),
        ("No end", ["No end"]),
        ("It is made by Acme Inc.\n\nNext part.", ["It is made by Acme Inc.", "Next part."]),
        ("# Leave Inc.\nAsk early. Then go.", ["# Leave Inc.", "Ask early.", "Then go."]),
        (
            "You need:\n- a form\n  with a date\n* a stamp",
            ["You need:", "- a form\n  with a date", "* a stamp"],
        ),
        ("1. Ask Acme Inc.\n2. Wait. Then go.", ["1. Ask Acme Inc.", "2. Wait.", "Then go."]),
        ("| a | b |\n|---|---|\n| 1. | 2 |", ["| a | b |", "|---|---|", "| 1. | 2 |"]),
        ("It rose to\n12.5 percent - a lot.", ["It rose to\n12.5 percent - a lot."]),
        (
            "\u4eca\u5929\u4f11\u5047\u3002\u660e\u5929\u4e0a\u73ed\uff01",
            ["\u4eca\u5929\u4f11\u5047\u3002", "\u660e\u5929\u4e0a\u73ed\uff01"],
        ),
        ("  \n ", []),
        ("", []),
    ],
)
def test_sentences(text: str, expected: list[str]) -> None:
    assert split(text) == expected


@given(st.text(alphabet='ab .!?\n\u2026)"DrU#-|1', max_size=60))
def test_nothing_but_blanks_is_left_out(text: str) -> None:
    spans = list(sentence_spans(text))
    covered = "".join(text[start:end] for start, end in spans)
    assert "".join(covered.split()) == "".join(text.split())
    assert all(a[1] <= b[0] for a, b in itertools.pairwise(spans))
