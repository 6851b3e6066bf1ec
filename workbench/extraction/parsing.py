"""The words of a document as values: dates, money, numbers, booleans, choices. No model involved.

Dates are read by dateparser, amounts by price-parser. How ambiguous words are meant (03/04/2018,
1.234) is decided by what else the document states, see ``evidence``.
"""

from __future__ import annotations

import datetime
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import lru_cache

LANGUAGES = ("en", "de", "fr", "es", "it", "nl", "pt", "pl", "ms", "id", "sv", "da", "cs")
"""Languages in which months are tried, in this order."""

FUZZY_CHOICE = 80.0
"""Smallest rapidfuzz ratio, 0 to 100, at which words name a choice."""

MAX_WORDS_CHARS = 200
"""Longer words are no date and no number."""

_NUMERIC_DATE = re.compile(
    r"(?<!\d)(\d{1,2})\s?[-/. ]\s?(\d{1,2})\s?[-/. ]\s?(?:\d{4}|\d{2})(?!\d)"
)
_COMPACT_DATE = re.compile(r"(?<!\d)((?:19|20)\d\d)(\d\d)(\d\d)(?!\d)")
_GLUED = re.compile(r"(?<=\d)(?=[^\W\d_]{3})|(?<=[^\W\d_]{3})(?=\d)")
_DECIMALS = re.compile(r"(?<![\d.,])\d[\d.,]*([.,])(\d{1,2})(?![\d.,])")
_NEGATIVE = re.compile(
    r"^\s*\(.*\d.*\)\s*$|^[^\d]*[-\u2212]\s?[^\d\s-]{0,4}\s?\d|\d\s?-\s*$|\bCR\s*$"
)
_DIGITS_APART = re.compile(r"(?<=\d)([.,])\s(?=\d\d(?!\d))")
_TRUE = frozenset({"yes", "y", "true", "1", "x", "✓", "ja", "oui", "si", "sí", "ya"})
_FALSE = frozenset({"no", "n", "false", "0", "nein", "non", "none", "tidak"})


@dataclass(frozen=True, slots=True)
class Locale:
    """How ambiguous words are meant. ``sure_order`` is False where nothing told the date order."""

    day_first: bool = True
    decimal: str | None = None
    sure_order: bool = False
    languages: tuple[str, ...] = LANGUAGES


def evidence(text: str, given: Locale | None = None) -> Locale:
    """What ``text`` itself says: a first part over 12 means day first, a second one month first;
    the mark before one or two last digits is the decimal mark if only one is used so."""
    start = given or Locale()
    first = second = 0
    for match in _NUMERIC_DATE.finditer(text):
        first += int(match[1]) > 12 >= int(match[2])
        second += int(match[2]) > 12 >= int(match[1])
    sure = bool(first) != bool(second)
    marks = [match[1] for match in _DECIMALS.finditer(text)]
    dots, commas = marks.count("."), marks.count(",")
    decimal = "." if dots > 3 * commas else "," if commas > 3 * dots else start.decimal
    return Locale(
        day_first=bool(first) if sure else start.day_first,
        decimal=decimal if marks else start.decimal,
        sure_order=sure or start.sure_order,
        languages=start.languages,
    )


def parse_date(words: str, locale: Locale) -> datetime.date | None:
    """The date that ``words`` state with day, month and year, or None. Time of day is dropped."""
    plain = " ".join(unicodedata.normalize("NFKC", words).split())
    if not plain or len(plain) > MAX_WORDS_CHARS or not any(c.isdigit() for c in plain):
        return None
    compact = _COMPACT_DATE.search(plain)
    if compact:
        return _date(*(int(part) for part in compact.groups()))
    return _parsed_date(_GLUED.sub(" ", plain), locale.day_first, locale.languages)


def is_ambiguous_date(words: str) -> bool:
    """Whether day and month could change places."""
    found = _NUMERIC_DATE.search(words)
    return found is not None and int(found[1]) <= 12 >= int(found[2]) and found[1] != found[2]


@lru_cache(maxsize=4096)
def _parsed_date(words: str, day_first: bool, languages: tuple[str, ...]) -> datetime.date | None:
    import dateparser

    found = dateparser.parse(
        words,
        languages=list(languages),
        settings={
            "DATE_ORDER": "DMY" if day_first else "MDY",
            "PREFER_LOCALE_DATE_ORDER": False,
            "STRICT_PARSING": True,
            "PARSERS": ["absolute-time"],
        },
    )
    return found.date() if found else None


def _date(year: int, month: int, day: int) -> datetime.date | None:
    try:
        return datetime.date(year, month, day)
    except ValueError:
        return None


def parse_money(words: str, locale: Locale) -> tuple[Decimal, str] | None:
    """The amount and its currency as written ("" without one), or None.

    Parentheses, a minus before or behind, and CR make it negative.
    """
    from price_parser import Price

    plain = " ".join(unicodedata.normalize("NFKC", words).split())
    if not plain or len(plain) > MAX_WORDS_CHARS:
        return None
    plain = _DIGITS_APART.sub(r"\1", plain)
    found = Price.fromstring(plain, decimal_separator=_mark(plain, locale))
    if found.amount is None:
        return None
    amount = abs(found.amount)
    return (-amount if _NEGATIVE.search(plain) else amount), found.currency or ""


def parse_number(words: str, locale: Locale) -> Decimal | None:
    """The number that ``words`` state, without unit or per cent sign, or None."""
    found = parse_money(words, locale)
    return found[0] if found else None


def _mark(plain: str, locale: Locale) -> str | None:
    """The decimal mark, where the words themselves leave it open: 1.234 has none, 12.34 a dot."""
    last = re.search(r"([.,])(\d+)\D*$", plain)
    if last is None:
        return None
    if len(last[2]) == 3 and plain.count(last[1]) == 1 and locale.decimal == last[1]:
        # 1.234 in a document that writes 5.60 elsewhere: three decimals only if nothing groups.
        return None
    if len(last[2]) <= 2:
        return last[1]
    return None


def parse_boolean(words: str) -> bool | None:
    """Yes or no in the document's words, or None."""
    word = words.strip(" .,:;!\"'()[]").casefold()
    return True if word in _TRUE else False if word in _FALSE else None


def parse_choice(words: str, choices: Sequence[str]) -> str | None:
    """The one of ``choices`` that ``words`` name: equal, contained as words, or nearly equal."""
    from rapidfuzz import fuzz, process

    plain = " ".join(words.split()).casefold()
    if not plain:
        return None
    folded = {choice: " ".join(choice.split()).casefold() for choice in choices}
    for choice, word in folded.items():
        if word == plain:
            return choice
    inside = [
        c for c, word in folded.items() if re.search(rf"(?<!\w){re.escape(word)}(?!\w)", plain)
    ]
    if len(inside) == 1:
        return inside[0]
    found = process.extractOne(plain, folded, scorer=fuzz.ratio, score_cutoff=FUZZY_CHOICE)
    return found[2] if found else None


def as_decimal(value: object) -> Decimal | None:
    """A number that somebody gave as int, float, str or Decimal, or None."""
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return None
