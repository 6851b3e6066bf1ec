"""Weighs the language model's organisations, places and dates, which are wrong most often."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import regex

from workbench.masking.spans import CERTAIN, Span

UNCONTESTING = frozenset({"PERSON", "ORGANIZATION", "DATE_TIME", "NRP", "TITLE", "AGE"})
"""Types that say nothing against a name: the model takes unusual names for organisations."""

_NAMED = frozenset({"ORGANIZATION", "LOCATION", "NRP"})
_COMPANY = regex.compile(
    r"\b(?:Inc|Incorporated|Corp|Corporation|Co|Company|LLC|LLP|LP|Ltd|Limited|PLC|GmbH|AG|SE|SA|"
    r"NV|BV|AB|Oy|KG|Group|Holdings?|Partners|Partnership|Associates|Technologies|Systems|"
    r"Solutions|Industries|Enterprises|Bank|Trust|Fund|Foundation|Institute|University|College|"
    r"School|Hospital|Museum|Orchestra|Band|Club|Team|Union|Association|Society|Council|"
    r"Committee|Commission|Agency|Department|Ministry|Office|Bureau|Court|Party|Army|Navy|Records|"
    r"Press|Times|Airlines|Airways|Motors|Studios?|Pictures)\b|&| and "
)
# What places an event in time. Durations, ordinals and "next week" identify nobody.
_DAY = regex.compile(
    r"\b(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|"
    r"Sept?(?:ember)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?|Mon(?:day)?|Tue(?:sday)?|"
    r"Wed(?:nesday)?|Thu(?:rsday)?|Fri(?:day)?|Sat(?:urday)?|Sun(?:day)?)s?\b"
    r"|\d[/.:\-]\d|\d ?[ap]\.?m\b|\b(?:19|20)\d{2}(?:\d{4})?\b",
    regex.I,
)


def weighed(text: str, guesses: Sequence[Span], persons: Sequence[Span]) -> Iterator[Span]:
    """The guesses that stand up to the persons and to their own words; others as they are."""
    ages = [span for span in guesses if span.type == "AGE"]
    for guess in guesses:
        if guess.score >= CERTAIN:
            yield guess
        elif guess.type == "DATE_TIME":
            if _DAY.search(text, guess.start, guess.end) and not _over(guess, ages):
                yield guess
        elif guess.type in _NAMED:
            # One name stands on one line.
            end = text.find("\n", guess.start, guess.end)
            line = Span(guess.start, end if end >= 0 else guess.end, guess.type, guess.score)
            company = guess.type == "ORGANIZATION" and _COMPANY.search(text, line.start, line.end)
            if company or not _over(line, persons):
                yield line
        else:
            yield guess


def _over(span: Span, others: Sequence[Span]) -> bool:
    return any(span.start < other.end and other.start < span.end for other in others)
