"""Where a text states dates and amounts at all: every mention with its place and its value.

Found by patterns and read by the parsers, so that a model only has to choose among what stands
there. Lines and cells (parts between tabs) are the units of context.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from workbench.extraction.parsing import Locale, parse_date, parse_money
from workbench.extraction.schema import FieldType

MAX_MENTIONS = 2_000

_MONTH = r"[^\W\d_]{3,9}"
_DATE = re.compile(
    rf"""(?<![\w.])(?:
      (?:19|20)\d\d\s?(?P<a>[-/.])\s?\d{{1,2}}\s?(?P=a)\s?\d{{1,2}}(?!\d)
    | \d{{1,2}}\s?(?P<b>[-/.])\s?\d{{1,2}}\s?(?P=b)\s?(?:(?:19|20)\d\d|\d\d)(?!\d|(?P=b)\d)
    | \d{{1,2}}(?:st|nd|rd|th)?(?:\s+day\s+of)?\s?[-/.,' ]?\s?{_MONTH}
      \.?\s?[-/.,' ]{{0,2}}\s?(?:(?:19|20)\d\d|\d\d)(?!\d)
    | {_MONTH}\.?\s\d{{1,2}}(?:st|nd|rd|th)?\s?,?\s(?:19|20)\d\d(?!\d)
    | (?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?!\d)
    )""",
    re.X | re.I,
)
_CURRENCY = r"(?:[A-Z]{1,3}\s?[$€£¥]|[$€£¥₹]|(?:RM|MYR|USD|EUR|GBP|SGD|CHF|INR|AUD|CAD|JPY|CNY|SEK|NOK|DKK|PLN|Rp|Rs)\.?)"  # noqa: E501
_AMOUNT = re.compile(
    rf"""(?<![\w.,/:-])
    (?P<open>\()?[-\u2212]?\s?(?:{_CURRENCY}\s?)?[-\u2212]?
    (?:\d{{1,3}}(?:[.,'\u00a0\u202f ]\d{{3}})+(?:[.,]\s?\d{{1,2}})?|\d+(?:[.,]\s?\d{{1,2}})?)
    (?:\s?(?:{_CURRENCY})(?!\w))?(?(open)\))
    (?![\w/:]|[.,-]\d)""",
    re.X,
)


@dataclass(frozen=True, slots=True)
class Mention:
    """``text[start:end]`` states ``value`` (a date or a Decimal)."""

    start: int
    end: int
    value: Any
    currency: str = ""


def mentions(text: str, kind: FieldType, locale: Locale) -> list[Mention]:
    """Every date, or every amount, that ``text`` states, in order; at most 2,000.

    For money, bare whole numbers count only with a currency: the rest is codes and quantities.
    """
    found: list[Mention] = []
    source = _dates(text, locale) if kind is FieldType.DATE else _amounts(text, kind, locale)
    for mention in source:
        found.append(mention)
        if len(found) == MAX_MENTIONS:
            break
    return found


def _dates(text: str, locale: Locale) -> Iterator[Mention]:
    match = _DATE.search(text)
    while match is not None:
        value = parse_date(match.group(), locale)
        if value is not None:
            yield Mention(match.start(), match.end(), value)
        # What only looks like a date may hide the beginning of one: "04BFRTL 11/12/2017".
        match = _DATE.search(text, match.end() if value is not None else match.start() + 2)


def _amounts(text: str, kind: FieldType, locale: Locale) -> Iterator[Mention]:
    taken = [(date.start, date.end) for date in _dates(text, locale)]
    for match in _AMOUNT.finditer(text):
        start = match.start() + len(match.group()) - len(match.group().lstrip())
        while taken and taken[0][1] <= start:
            taken.pop(0)
        if taken and taken[0][0] < match.end():
            continue
        parsed = parse_money(match.group(), locale)
        if parsed is None:
            continue
        whole = "." not in match.group() and "," not in match.group()
        if kind is FieldType.MONEY and whole and not parsed[1]:
            continue
        yield Mention(start, match.end(), parsed[0], parsed[1])
