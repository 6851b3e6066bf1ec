"""Payment cards by the issuers' published number ranges and the Luhn check digit (ISO/IEC 7812)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from workbench.masking.recognizers.pattern import Recognizer

# (first prefix, last prefix, allowed numbers of digits)
_SIXTEEN_UP = frozenset({16, 17, 18, 19})
_ISSUERS: tuple[tuple[str, str, frozenset[int]], ...] = (
    ("4", "4", frozenset({13, 16, 19})),  # Visa
    ("51", "55", frozenset({16})),  # Mastercard
    ("2221", "2720", frozenset({16})),  # Mastercard, 2-series
    ("34", "34", frozenset({15})),  # American Express
    ("37", "37", frozenset({15})),
    ("300", "305", frozenset({14, 16, 17, 18, 19})),  # Diners Club
    ("3095", "3095", frozenset({14, 16, 17, 18, 19})),
    ("36", "36", frozenset({14, 15, 16, 17, 18, 19})),
    ("38", "39", frozenset({14, 16, 17, 18, 19})),
    ("6011", "6011", _SIXTEEN_UP),  # Discover
    ("644", "659", _SIXTEEN_UP),
    ("60", "60", _SIXTEEN_UP),  # RuPay
    ("81", "82", _SIXTEEN_UP),
    ("62", "62", _SIXTEEN_UP),  # UnionPay
    ("3528", "3589", _SIXTEEN_UP),  # JCB
    ("2131", "2131", frozenset({15})),  # JCB, older
    ("1800", "1800", frozenset({15})),
    ("50", "50", frozenset(range(12, 20))),  # Maestro
    ("56", "58", frozenset(range(12, 20))),
    ("60", "69", frozenset(range(12, 20))),
    ("2200", "2204", _SIXTEEN_UP),  # Mir
    ("9792", "9792", frozenset({16})),  # Troy
    ("1", "1", frozenset({15})),  # UATP
)
_FEWEST, _MOST = 12, 19
_DIGITS = re.compile(r"\d+")
# Single digits, one by one, are rarely a card and often a table.
_USUAL_GROUPS = frozenset(
    {(4, 4, 4, 4), (4, 6, 5), (4, 6, 4), (4, 4, 4, 4, 3), (6, 13), (4, 4, 4), (4, 4, 4, 3)}
)


def luhn(digits: str) -> bool:
    """Whether the last digit is the Luhn check digit of the others."""
    total = 0
    for place, char in enumerate(reversed(digits)):
        value = int(char) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def is_card(digits: str) -> bool:
    """Whether an issuer's range, its length and the check digit all fit."""
    if len(set(digits)) == 1:
        return False
    fits = any(
        first <= digits[: len(first)] <= last and len(digits) in lengths
        for first, last, lengths in _ISSUERS
    )
    return fits and luhn(digits)


def find_cards(text: str, start: int, end: int) -> Iterable[tuple[int, int]]:
    """The cards in a run of digit groups: the longest that fits, from left to right."""
    groups = [match.span() for match in _DIGITS.finditer(text, start, end)]
    first = 0
    while first < len(groups):
        last = _longest_card(text, groups, first)
        if last is None:
            first += 1
            continue
        yield groups[first][0], groups[last][1]
        first = last + 1


def _longest_card(text: str, groups: list[tuple[int, int]], first: int) -> int | None:
    digits = ""
    sizes: list[int] = []
    best: int | None = None
    for last in range(first, len(groups)):
        start, end = groups[last]
        digits += text[start:end]
        sizes.append(end - start)
        if len(digits) > _MOST:
            break
        if len(digits) >= _FEWEST and is_card(digits):
            between = text[groups[first][0] : end]
            if "\n" not in between or tuple(sizes) in _USUAL_GROUPS:
                best = last
    return best


def find_named_card(text: str, start: int, end: int) -> Iterable[tuple[int, int]]:
    """A number that the text calls a card needs its check digit only."""
    digits = "".join(_DIGITS.findall(text, start, end))
    if _FEWEST <= len(digits) <= _MOST and len(set(digits)) > 1 and luhn(digits):
        yield start, end


CREDIT_CARDS = (
    Recognizer(
        name="numbers named as cards",
        type="CREDIT_CARD",
        pattern=(
            r"\b(?:(?:credit|debit|bank|payment|gift)[ \-]?)?card\b[^\d\n]{0,20}"
            r"(?P<value>\d(?:[ .\-]?\d){11,18})(?![ .\-]?\d)"
        ),
        score=1.0,
        find=find_named_card,
        ignore_case=True,
    ),
    Recognizer(
        name="card numbers",
        type="CREDIT_CARD",
        # Digit groups with up to three marks between; commas and signs belong to amounts.
        pattern=r"(?<!\d)(?<!\d[.,])\d(?:[ \t\r\n._/\\|:\-]{0,3}\d){11,}+(?!\d)",
        score=1.0,
        find=find_cards,
    ),
)
