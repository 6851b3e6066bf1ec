"""Weighs what the detectors say about one text, and joins words into values.

spaCy calls many capitalised words persons; Rampart finds unusual names, but also odd words. On
three labelled sets a person of spaCy's in which Rampart sees no trace of a name is wrong nine
times out of ten, and one in which it sees a trace is right nine times out of ten.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import regex

from workbench.masking.addresses import join_addresses
from workbench.masking.guesses import UNCONTESTING, weighed
from workbench.masking.spans import Span

GUESS = "PERSON_GUESS"
"""The type of spaCy's persons until Rampart was heard."""
TRACE = 0.02
"""Rampart's probability from which a person of spaCy's is believed."""
NAME_ALONE = 0.2
"""From which a capitalised word is a name although spaCy sees nothing there."""
NAME_AGAINST = 0.4
"""From which it is a name although spaCy sees a place, a date or an organisation there."""
NAME_BESIDE = 0.1
"""From which a word beside a name belongs to the name."""
NAME_LOWER = 0.3
"""From which a word of a line without capitals is a name."""
NAME_LOWER_PAIR = 0.85
"""From which two words in lower case side by side are a name in a line with capitals."""
NAME_PAIR = 0.02
"""From which each of two capitalised neighbours may be part of a name,"""
NAME_PAIR_SUM = 0.08
"""if both together come to this."""
NUMBER = 0.5
_FEWEST_DIGITS = 5
_MOST_CHARS = {"US_DRIVER_LICENSE": 20, "US_PASSPORT": 12, "US_SSN": 15}
"""Longer ones are identifiers of something else, as they stand in links."""
_ACRONYM_CHARS = 6
_SCORE = 0.85

_NUMBERS = {
    "PHONE_WORD": "PHONE_NUMBER",
    "SSN_WORD": "US_SSN",
    "BANK_WORD": "US_BANK_NUMBER",
    "PASSPORT_WORD": "US_PASSPORT",
    "LICENSE_WORD": "US_DRIVER_LICENSE",
}
_NUMBER_GAP = regex.compile(r"[\s().\-/+]{0,3}")
_NAME_GAP = regex.compile(r" {1,2}|[-'\u2019]|(?<=\b\w)\. ?")
_INITIALS_BEFORE = regex.compile(r"(?:\b\p{Lu}\. ?){1,3}$")
_INITIALS_BETWEEN = regex.compile(r" (?:\p{Lu}\b\.? )+")
# "Tommy J. Smith": what follows an initial is a surname, however unusual.
_INITIALS_AFTER = regex.compile(r"(?: \p{Lu}\b\.?)+(?: \p{Lu}\p{L}+(?:-\p{L}+)*)?")
_LOOK_BACK_CHARS = 12


def fuse(text: str, findings: Sequence[Span]) -> list[Span]:
    """The values in ``text``: the detectors' own spans, and Rampart's words put together."""
    words = [span for span in findings if span.type.endswith("_WORD")]
    guesses = [span for span in findings if span.type == GUESS]
    others = [s for s in findings if s.type != GUESS and not s.type.endswith("_WORD")]
    persons = list(_persons(text, words, guesses, others))
    others = list(weighed(text, others, persons))
    return join_addresses(text, words, [*others, *_numbers(text, words), *persons])


def _numbers(text: str, words: Sequence[Span]) -> Iterator[Span]:
    likely = [word for word in words if word.type in _NUMBERS and word.score >= NUMBER]
    for group in grouped(text, likely, _NUMBER_GAP):
        start, end = group[0].start, group[-1].end
        kind = _NUMBERS[group[0].type]
        digits = sum(char.isdigit() for char in text[start:end])
        if digits >= _FEWEST_DIGITS and end - start <= _MOST_CHARS.get(kind, 40):
            yield Span(start, end, kind, max(word.score for word in group))


def _persons(
    text: str, words: Sequence[Span], guesses: Sequence[Span], others: Sequence[Span]
) -> Iterator[Span]:
    hints = [word for word in words if word.type == "NAME_WORD"]
    announced = [span for span in others if span.type == "PERSON"]
    others = [span for span in others if span.type not in UNCONTESTING]
    believed = [
        part
        for guess in guesses
        for part in _lines(text, guess)
        if any(hint.score >= TRACE and _touch(hint, part) for hint in hints)
        and not _is_acronym(text, part, hints)
    ]
    names = [*announced, *believed] + [
        hint
        for hint in hints
        if (
            _is_name(hint, others) and not _is_acronym(text, hint, hints)
            if text[hint.start].isupper()
            else _is_lower_case_name(text, hint, hints)
        )
    ]
    names += [
        hint
        for hint in hints
        if hint.score >= NAME_BESIDE
        and not _is_acronym(text, hint, hints)
        and any(_beside(text, hint, name) for name in names)
    ]
    names += _pairs(text, hints)
    merged = _merged(sorted(names, key=lambda name: (name.start, -name.end)))
    for group in grouped(text, merged, _NAME_GAP, _INITIALS_BETWEEN):
        start, end = group[0].start, group[-1].end
        before = _INITIALS_BEFORE.search(text, max(0, start - _LOOK_BACK_CHARS), start)
        after = _INITIALS_AFTER.match(text, end)
        yield Span(
            before.start() if before else start,
            after.end() if after else end,
            "PERSON",
            max(_SCORE, *(name.score for name in group)),
        )


def _pairs(text: str, hints: Sequence[Span]) -> Iterator[Span]:
    """Neighbours in capitals that are each a little likely to be a name: together they are one."""
    likely = [hint for hint in hints if hint.score >= NAME_PAIR and text[hint.start].isupper()]
    for left, right in pairwise(likely):
        if text[left.end : right.start] == " " and left.score + right.score >= NAME_PAIR_SUM:
            yield from (h for h in (left, right) if not _is_acronym(text, h, hints))


def _is_name(hint: Span, others: Sequence[Span]) -> bool:
    contested = any(_touch(hint, other) for other in others)
    return hint.score >= (NAME_AGAINST if contested else NAME_ALONE)


def _lines(text: str, span: Span) -> Iterator[Span]:
    """The span's parts by lines: a list of names is not one name."""
    start = span.start
    for line in text[span.start : span.end].split("\n"):
        if line.strip():
            yield Span(start, start + len(line), span.type, span.score)
        start += len(line) + 1


def _is_acronym(text: str, span: Span, hints: Sequence[Span]) -> bool:
    """A short word in capitals among words in lower case, unless it is very likely a name."""
    value = text[span.start : span.end]
    if not value.isupper() or len(value) > _ACRONYM_CHARS or " " in value:
        return False
    sure = any(hint.score >= NAME_LOWER_PAIR and _touch(hint, span) for hint in hints)
    return not sure and any(char.islower() for char in _line_at(text, span.start))


def _line_at(text: str, offset: int) -> str:
    return text[text.rfind("\n", 0, offset) + 1 :].partition("\n")[0]


def _is_lower_case_name(text: str, hint: Span, hints: Sequence[Span]) -> bool:
    if hint.score < NAME_LOWER:
        return False
    if not any(char.isupper() for char in _line_at(text, hint.start)):
        return True
    return hint.score >= NAME_LOWER_PAIR and any(
        other.score >= NAME_LOWER_PAIR and other != hint and _beside(text, hint, other)
        for other in hints
    )


def _merged(spans: Sequence[Span]) -> list[Span]:
    merged: list[Span] = []
    for span in spans:
        if merged and span.start < merged[-1].end:
            last = merged[-1]
            merged[-1] = Span(last.start, max(last.end, span.end), "PERSON", last.score)
        else:
            merged.append(Span(span.start, span.end, "PERSON", span.score))
    return merged


def grouped(text: str, spans: Sequence[Span], *gaps: regex.Pattern[str]) -> Iterator[list[Span]]:
    """Runs of spans of one type with nothing but a gap between each and the next."""
    group: list[Span] = []
    for span in spans:
        joins = (
            bool(group)
            and group[-1].type == span.type
            and any(gap.fullmatch(text, group[-1].end, span.start) for gap in gaps)
        )
        if group and not joins:
            yield group
            group = []
        group.append(span)
    if group:
        yield group


def _touch(one: Span, other: Span) -> bool:
    return one.start < other.end and other.start < one.end


def _beside(text: str, one: Span, other: Span) -> bool:
    left, right = (one, other) if one.start < other.start else (other, one)
    return _NAME_GAP.fullmatch(text, left.end, right.start) is not None
