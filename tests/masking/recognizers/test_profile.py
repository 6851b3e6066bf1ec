"""Ages, forms of address, postcodes, dates and company forms."""

from __future__ import annotations

import pytest

from workbench.masking.detection import Detection, Patterns
from workbench.masking.recognizers import RECOGNIZERS

TYPES = ("AGE", "TITLE", "ZIP_CODE", "DATE_TIME", "ORGANIZATION")


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("The patient is a 38-year-old man.", "AGE", "38"),
        ("She is 7 years old.", "AGE", "7"),
        ("A boy, aged 12, was there.", "AGE", "12"),
        ("He turned 60.", "AGE", "60"),
        ("From Oslo, and I'm 31 y/o.", "AGE", "31"),
        ("Written when she was 19.", "AGE", "19"),
        ("Ask Dr. Strand.", "TITLE", "Dr."),
        ("Ask Mrs Strand.", "TITLE", "Mrs"),
        ("Our zip code is 02481.", "ZIP_CODE", "02481"),
        ("Post code: SW1A 1AA.", "ZIP_CODE", "SW1A 1AA"),
        ("Boston, MA 02481-1234 is it.", "ZIP_CODE", "02481-1234"),
        ("On 2020-02-29 23:59:01 it rang.", "DATE_TIME", "2020-02-29 23:59:01"),
        ("They asked Acme Widget Technologies.", "ORGANIZATION", "Acme Widget Technologies"),
    ],
)
def test_it_is_found(text: str, kind: str, value: str) -> None:
    detection = Detection([Patterns(RECOGNIZERS)], TYPES, 0.4)
    spans = [s for s in detection.find([text])[0] if s.type == kind]
    assert value in {text[span.start : span.end] for span in spans}


@pytest.mark.parametrize(
    "text",
    ["It turned 60 heads.", "She is 7 feet tall.", "Room 38, floor 2.", "The doctor is in."],
)
def test_other_numbers_are_no_ages(text: str) -> None:
    assert Detection([Patterns(RECOGNIZERS)], TYPES, 0.4).find([text]) == [[]]
