"""Telephone numbers in the written forms that a numbering plan or a prefix makes plain."""

from __future__ import annotations

from collections.abc import Iterable

from workbench.masking.recognizers.pattern import Recognizer

_FEWEST, _MOST = 7, 15  # ITU-T E.164 allows fifteen digits


def find_phones(text: str, start: int, end: int) -> Iterable[tuple[int, int]]:
    """Candidates with as many digits as a subscriber number can have."""
    digits = [char for char in text[start:end].lower().partition("x")[0] if char.isdigit()]
    if _FEWEST <= len(digits) <= _MOST and len(set(digits)) > 1:
        yield start, end


_EXTENSION = r"(?:[ ,;]{0,2}(?:x|ext\.?|extension|#) ?:? ?\d{1,6})?"

PHONES = (
    Recognizer(
        name="international numbers",
        type="PHONE_NUMBER",
        pattern=(
            r"(?<![\w+])(?:\+|00(?=[1-9]))[ ]?\d{1,3}(?:[ .\-/]{0,2}\(?\d{1,5}\)?){2,6}"
            rf"{_EXTENSION}(?!\w)"
        ),
        score=0.75,
        find=find_phones,
        ignore_case=True,
    ),
    Recognizer(
        name="North American numbers",
        type="PHONE_NUMBER",
        pattern=(
            r"(?<![\w.\-+/])(?:\+?1[ .\-]?)?(?:\([2-9]\d{2}\)[ .\-]?|[2-9]\d{2}[ .\-])"
            rf"[2-9]\d{{2}}[ .\-]\d{{4}}{_EXTENSION}(?![\w]|[.\-]\d)"
        ),
        score=0.75,
        find=find_phones,
        ignore_case=True,
    ),
    Recognizer(
        name="numbers with an area code in brackets or from zero",
        type="PHONE_NUMBER",
        pattern=(
            r"(?<![\w.,\-+/])(?:\(0?\d{1,5}\)[ ]?|0\d{1,4}[ \-/])\d{2,8}(?:[ \-]\d{2,5}){0,4}"
            rf"{_EXTENSION}(?![\w]|[.,\-]\d)"
        ),
        score=0.5,
        find=find_phones,
        ignore_case=True,
    ),
    Recognizer(
        name="numbers named as such",
        type="PHONE_NUMBER",
        pattern=(
            r"\b(?:phone|telephone|tel|mobile|cell|fax|call|dial|text|hotline|whatsapp)\b"
            r"(?: number| no| me| us| him| her| them| at| on|[.:#]| is)*[ ]{0,3}"
            r"(?P<value>\(?\+?\d(?:[ .\-/()]{0,2}\d){6,14})" + _EXTENSION + r"(?!\w)"
        ),
        score=0.7,
        find=find_phones,
        ignore_case=True,
    ),
    Recognizer(
        name="numbers followed by their kind",
        type="PHONE_NUMBER",
        pattern=(
            r"(?<![\w.,+])(?P<value>\(?\+?\d(?:[ .\-/()]{0,2}\d){6,14})[ ,]{0,2}[(\-]?[ ]?"
            r"(?:office|fax|mobile|cell|work|home|desk|direct line)\b"
        ),
        score=0.72,
        find=find_phones,
        ignore_case=True,
    ),
    Recognizer(
        name="local numbers where telephoning is spoken of",
        type="PHONE_NUMBER",
        pattern=(
            r"\b(?:phone|telephone|mobile|cell|call|dial|fax|text|hotline|voicemail|message)\b"
            r"[^\d\n]{0,40}(?P<value>[2-9]\d{2}[ .\-]\d{4})(?![\w]|[.,\-]\d)"
        ),
        score=0.6,
        find=find_phones,
        ignore_case=True,
    ),
)
