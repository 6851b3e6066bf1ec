"""Where quoted words stand in a text: exactly, then normalised, then fuzzily. No model involved.

Each step runs only if the one before found nothing. Of several mentions the one is taken whose
surroundings fit the field: words of its name and description before it on its line, or the line
above, a whole cell or line rather than a part of one, the neighbourhood of the record's other
fields. Without any such sign it is the first.
"""

from __future__ import annotations

import bisect
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache

from workbench.extraction.parsing import Locale
from workbench.extraction.schema import FieldType

FUZZY_THRESHOLD = 86.0
"""Smallest rapidfuzz partial ratio, 0 to 100, that counts as the same words."""

MIN_FUZZY_CHARS = 6
MAX_FUZZY_CHARS = 2_000
_MAX_PLACES = 200
_NEAR_CHARS = 400
_WORD = re.compile(r"[^\W\d_]{2,}")
_FOLDED = str.maketrans("“”„‘’‚–—‐‑−", "\"\"\"'''-----")  # noqa: RUF001
_STOP = frozenset("of the a an and or in on for to by as at is are it its this that all".split())  # noqa: SIM905


class Match(StrEnum):
    """How words were found: as they are, with case, space and hyphens folded, by value, nearly."""

    EXACT = "exact"
    NORMALISED = "normalised"
    VALUE = "value"
    FUZZY = "fuzzy"


@dataclass(frozen=True, slots=True)
class Place:
    """The words are ``text[start:end]``; ``score`` is 0 to 100, ``mentions`` counts all places."""

    start: int
    end: int
    match: Match
    score: float
    mentions: int = 1


@dataclass(frozen=True, slots=True)
class Context:
    """What helps to choose among mentions: label words and spans of fields already placed.

    ``within`` are the spans that the model was shown; words elsewhere were not what it read.
    """

    labels: frozenset[str] = frozenset()
    placed: tuple[tuple[int, int], ...] = ()
    within: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """A document's text prepared for many look-ups."""

    text: str
    locale: Locale = field(default_factory=Locale)


def label_words(*texts: str) -> frozenset[str]:
    """The content words of a field's name and description, folded."""
    words = (w.casefold() for text in texts for w in _WORD.findall(text.replace("_", " ")))
    return frozenset(word for word in words if word not in _STOP)


def locate(words: str, source: Source, context: Context) -> Place | None:
    """The place of ``words`` in the text that fits ``context`` best, or None."""
    wanted = words.strip()
    if not any(character.isalnum() for character in wanted):
        return None
    text = source.text
    exact = [(m.start(), m.end()) for m in _finditer(_whole(wanted), text)]
    if exact:
        return _chosen(exact, text, context, Match.EXACT)
    folded, offsets = _folded(text)
    pattern = _whole(_fold(wanted)[0].strip())
    normal = [(offsets[m.start()], offsets[m.end() - 1] + 1) for m in _finditer(pattern, folded)]
    if normal:
        return _chosen(normal, text, context, Match.NORMALISED)
    return _squeezed(wanted, text, context) or _fuzzy(wanted, text, context)


def locate_value(value: object, kind: FieldType, source: Source, context: Context) -> Place | None:
    """The place where the text states this date or amount in whatever form, or None."""
    from workbench.extraction.mentions import mentions

    found = [
        (m.start, m.end) for m in mentions(source.text, kind, source.locale) if m.value == value
    ]
    return _chosen(found, source.text, context, Match.VALUE) if found else None


def _chosen(spans: Sequence[tuple[int, int]], text: str, context: Context, match: Match) -> Place:
    inside = [s for s in spans if not context.within or _is_within(s, context.within)] or spans
    best = max(range(len(inside)), key=lambda i: (fitness(inside[i], text, context), -i))
    start, end = inside[best]
    return Place(start, end, match, 100.0, len(spans))


def fitness(span: tuple[int, int], text: str, context: Context) -> float:
    """How well the surroundings of ``span`` fit the field, 0 or more."""
    start, end = span
    line_start = text.rfind("\n", 0, start) + 1
    line_end = text.find("\n", end)
    line_end = len(text) if line_end < 0 else line_end
    above_start = text.rfind("\n", 0, max(line_start - 1, 0)) + 1
    before = label_words(text[line_start:start])
    above = label_words(text[above_start : max(line_start - 1, 0)])
    points = 0.0
    if context.labels:
        points += 2.0 * len(context.labels & before) + 0.8 * len(context.labels & above)
    left = text[line_start:start].rpartition("\t")[2].strip()
    right = text[end:line_end].partition("\t")[0].strip()
    points += 0.5 * (not left) + 0.3 * (not right)
    near = min((abs(start - other) for other, _ in context.placed), default=_NEAR_CHARS)
    return points + 0.3 * (1 - min(near, _NEAR_CHARS) / _NEAR_CHARS)


def _is_within(span: tuple[int, int], shown: Iterable[tuple[int, int]]) -> bool:
    return any(start <= span[0] and span[1] <= end for start, end in shown)


def _finditer(pattern: re.Pattern[str] | None, text: str) -> list[re.Match[str]]:
    if pattern is None:
        return []
    found: list[re.Match[str]] = []
    for match in pattern.finditer(text):
        found.append(match)
        if len(found) == _MAX_PLACES:
            break
    return found


def _whole(wanted: str) -> re.Pattern[str] | None:
    """``wanted`` between borders of words and numbers: 5.00 does not stand in 15.00 or 5.005."""
    if not wanted:
        return None
    before = r"(?<!\w)(?<!\d[.,])" if wanted[0].isalnum() else ""
    after = r"(?!\w)(?![.,]\d)" if wanted[-1].isalnum() else ""
    return re.compile(f"{before}{re.escape(wanted)}{after}")


@lru_cache(maxsize=64)
def _folded(text: str) -> tuple[str, list[int]]:
    return _fold(text)


def _fold(text: str) -> tuple[str, list[int]]:
    """Case, quotes, dashes and white space folded, words joined that a line end hyphenates; each
    kept character's offset in ``text``."""
    kept: list[str] = []
    offsets: list[int] = []
    skip_to = 0
    for offset, raw in enumerate(text):
        if offset < skip_to or raw == "\u00ad":
            continue
        if raw in "-\u2010" and (broken := _LINE_HYPHEN.match(text, offset)):
            skip_to = broken.end()
            continue
        for character in unicodedata.normalize("NFKC", raw).translate(_FOLDED).casefold():
            if not character.isspace():
                kept.append(character)
                offsets.append(offset)
            elif kept and kept[-1] != " ":
                kept.append(" ")
                offsets.append(offset)
    return "".join(kept), offsets


_LINE_HYPHEN = re.compile(r"(?<=[^\W\d_])[-\u2010]\s*\n\s*(?=[a-z])")


def _squeezed(wanted: str, text: str, context: Context) -> Place | None:
    """Only letters and digits compared: OCR loses and adds blanks and dots between them."""
    squeezed, offsets = _letters(text)
    needle = _letters(wanted)[0]
    if len(needle) < MIN_FUZZY_CHARS:
        return None
    spans: list[tuple[int, int]] = []
    start = squeezed.find(needle)
    while start >= 0 and len(spans) < _MAX_PLACES:
        first, last = offsets[start], offsets[start + len(needle) - 1]
        if _is_bordered(text, first, last + 1):
            spans.append((first, last + 1))
        start = squeezed.find(needle, start + 1)
    return _chosen(spans, text, context, Match.NORMALISED) if spans else None


@lru_cache(maxsize=64)
def _letters(text: str) -> tuple[str, list[int]]:
    folded, offsets = _fold(text)
    kept = [(c, o) for c, o in zip(folded, offsets, strict=True) if c.isalnum()]
    return "".join(c for c, _ in kept), [o for _, o in kept]


def _is_bordered(text: str, start: int, end: int) -> bool:
    left = start == 0 or not (text[start - 1].isalnum() and text[start].isalnum())
    right = end == len(text) or not (text[end - 1].isalnum() and text[end].isalnum())
    return left and right


def _fuzzy(wanted: str, text: str, context: Context) -> Place | None:
    from rapidfuzz import fuzz

    needle = _fold(wanted[:MAX_FUZZY_CHARS])[0].strip()
    if len(needle) < MIN_FUZZY_CHARS:
        return None
    folded, offsets = _folded(text)
    best: Place | None = None
    for first, last in _pieces(offsets, context.within):
        piece = folded[first:last]
        if len(piece) < len(needle) * 0.5:
            continue
        found = fuzz.partial_ratio_alignment(needle, piece, score_cutoff=FUZZY_THRESHOLD)
        if found is None or found.dest_end <= found.dest_start:
            continue
        start, end = whole_words(piece, found.dest_start, found.dest_end)
        if numbers(needle) - numbers(piece[start:end]):
            # A changed digit is a changed fact, however small the edit distance.
            continue
        if best is None or found.score > best.score:
            begin, stop = offsets[first + start], offsets[first + end - 1] + 1
            best = Place(begin, stop, Match.FUZZY, float(found.score))
    return best


def _pieces(offsets: Sequence[int], within: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The shown spans as index ranges of the folded text; all of it without any."""
    if not within:
        return [(0, len(offsets))]
    return [
        (bisect.bisect_left(offsets, start), bisect.bisect_left(offsets, end))
        for start, end in within
    ]


def whole_words(text: str, start: int, end: int) -> tuple[int, int]:
    """The span grown to whole words, without the blanks at its edges."""
    while start > 0 and not text[start - 1].isspace() and not text[start].isspace():
        start -= 1
    while end < len(text) and not text[end].isspace() and not text[end - 1].isspace():
        end += 1
    while start < end - 1 and text[start].isspace():
        start += 1
    while end > start + 1 and text[end - 1].isspace():
        end -= 1
    return start, end


def numbers(text: str) -> set[str]:
    """The numbers in a text, without marks between thousands."""
    return set(re.findall(r"\d+(?:\.\d+)*", re.sub(r"(?<=\d),(?=\d{3})", "", text)))
