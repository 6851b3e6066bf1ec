"""Numbers and abbreviations as they are said, in the spelling in which they are written.

A transcript has "two thousand seven" and "U T I"; who sums it up writes 2007 and UTI, and means the
same.
"""

from __future__ import annotations

import re

from text_to_num import alpha2digit

_UNITS = (
    "zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen"
    "|sixteen|seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
    "|hundred|thousand|million|billion"
)
_NUMBER = re.compile(rf"\b(?:{_UNITS})(?:(?:-| and | )(?:{_UNITS}))*\b", re.IGNORECASE)
_BY_PAIRS = re.compile(r"\b(\d{1,2}) (\d\d)\b")
_SPELT = re.compile(r"\b(?:[A-Z] )+[A-Z]\b")


def written(text: str) -> str:
    """The text with English number words as digits and spelt abbreviations in one.

    Years and numbers that are said by pairs come out whole: "nineteen ninety four" is 1994.
    """
    return _SPELT.sub(lambda match: match[0].replace(" ", ""), _NUMBER.sub(_digits, text))


def _digits(match: re.Match[str]) -> str:
    return _BY_PAIRS.sub(r"\1\2", alpha2digit(match[0], "en", threshold=0))
