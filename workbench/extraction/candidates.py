"""Every span of a document that could be a field's value, with what can be seen of it.

Dates and amounts: all mentions. Text: whole lines and cells, up to six lines together, with or
without a label before and a bracket behind. The features are words and shapes in and around the
span, its position, and how it agrees with the model's words; none knows a data set.
"""

from __future__ import annotations

import bisect
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from workbench.extraction.locating import Context, Place, Source, locate
from workbench.extraction.mentions import Mention, mentions
from workbench.extraction.parsing import parse_date, parse_money
from workbench.extraction.schema import FieldSpec, FieldType

MAX_LINES = 6
MAX_SPANS = 6_000
_MIN_CHARS = 2
_WORD = re.compile(r"[^\W\d_]{2,}|\d+")
_STARTS = re.compile(r"\t|: ?")
_ENDS = re.compile(r"\t| ?[(\[]|,? ?(?=(?:tel|fax|phone|gst|reg|e-?mail)\b)", re.I)
Features = dict[str, float]


@dataclass(frozen=True, slots=True)
class Candidate:
    """``text[start:end]`` with its features. ``start`` is -1 for "the document does not say"."""

    start: int
    end: int
    features: Features


def candidates(spec: FieldSpec, source: Source, words: Mapping[str, str]) -> list[Candidate]:
    """The candidates for ``spec``, the last one for a missing value; empty if they are too many.

    ``words`` are the model's by field, this one and the others; "" or none if it found none.
    """
    said = words.get(spec.name, "")
    absent = Candidate(-1, -1, {"absent": 1.0, "absent.unsaid": float(not said)})
    if spec.type in {FieldType.DATE, FieldType.MONEY, FieldType.NUMBER}:
        found = _values(spec, source, said)
    elif spec.type is FieldType.TEXT:
        others = {name: part for name, part in words.items() if name != spec.name and part}
        found = _texts(source, said, others)
    else:
        return []
    return [*found, absent] if found else []


def _values(spec: FieldSpec, source: Source, said: str) -> list[Candidate]:
    text, lines = source.text, _lines(source.text)
    found = mentions(text, spec.type, source.locale)
    if spec.type is FieldType.DATE:
        meant: object = parse_date(said, source.locale)
    else:
        meant = (parse_money(said, source.locale) or (None, ""))[0]
    ranks = {value: rank for rank, value in enumerate(sorted({m.value for m in found})[::-1])}
    counts = Counter(mention.value for mention in found)
    before = [_tokens(text[lines[_line(lines, m.start)][0] : m.start]) for m in found]
    result = []
    for index, mention in enumerate(found):
        features: Features = {
            "order": index / len(found),
            "first": float(index == 0),
            "last": float(index == len(found) - 1),
            f"same{min(counts[mention.value], 4)}": 1.0,
            f"rank{min(ranks[mention.value], 4)}": 1.0,
            "said": float(mention.value == meant),
            "unit": float(bool(mention.currency)),
            "zero": float(not mention.value),
        }
        _surroundings(features, text, lines, mention)
        for other, words in zip(found, before, strict=True):
            if other.value == mention.value and other is not mention:
                features |= {f"also={word}": 1.0 for word in words}
        result.append(Candidate(mention.start, mention.end, features))
    return result if len(result) <= MAX_SPANS else []


def _surroundings(
    features: Features, text: str, lines: Sequence[tuple[int, int]], mention: Mention
) -> None:
    line = _line(lines, mention.start)
    features["line"] = line / len(lines)
    parts = {
        "before": text[lines[line][0] : mention.start],
        "after": text[mention.end : max(lines[line][1], mention.end)],
        "above": text[slice(*lines[line - 1])] if line else "",
        "below": text[slice(*lines[line + 1])] if line + 1 < len(lines) else "",
    }
    for name, part in parts.items():
        features |= {f"{name}={word}": 1.0 for word in _tokens(part)}


def _texts(source: Source, said: str, others: Mapping[str, str]) -> list[Candidate]:
    text, lines = source.text, _lines(source.text)
    spans = _spans(text)
    if len(spans) > MAX_SPANS:
        return []
    place = locate(said, source, Context()) if said else None
    found = {name: locate(part, source, Context()) for name, part in others.items()}
    taken = {name: other for name, other in found.items() if other is not None}
    result = []
    for span in spans:
        features = _text_features(text, lines, span, place)
        _neighbours(features, lines, span, taken)
        result.append(Candidate(span[2], span[3], features))
    return result


@lru_cache(maxsize=8)
def _spans(text: str) -> list[tuple[int, int, int, int]]:
    lines = _lines(text)
    starts: list[tuple[int, int]] = []
    ends: list[list[int]] = []
    for number, (a, b) in enumerate(lines):
        line = text[a:b]
        inner = [a + m.end() for m in _STARTS.finditer(line) if a + m.end() < b]
        starts += [(number, start) for start in dict.fromkeys([a, *inner])]
        stops = [a + m.start() for m in _ENDS.finditer(line) if m.start() > _MIN_CHARS]
        ends.append(list(dict.fromkeys([b, *stops])))
    return [
        (first, last, start, end)
        for first, start in starts
        for last in range(first, min(first + MAX_LINES, len(lines)))
        for end in ends[last]
        if end - start >= _MIN_CHARS and not text[start].isspace()
    ][: MAX_SPANS + 1]


def _text_features(
    text: str,
    lines: Sequence[tuple[int, int]],
    span: tuple[int, int, int, int],
    place: Place | None,
) -> Features:
    first, last, start, end = span
    rest = text[end : lines[last][1]].strip()
    features: Features = {
        f"first{min(first, 6)}": 1.0,
        "first": min(first, 30) / 30,
        "from_top": first / len(lines),
        f"lines{last - first}": 1.0,
        "rest": float(bool(rest)),
        "rest.bracket": float(rest[:1] in {"(", "["}),
        "inner": float(start > lines[first][0]),
    }
    if place is not None:
        shared = max(0, min(end, place.end) - max(start, place.start))
        features["said"] = shared / (max(end, place.end) - min(start, place.start))
        features["said.start"] = float(start == place.start)
        features["said.end"] = float(end == place.end)
        features["said.all"] = float(start <= place.start and place.end <= end)
        features["said.line"] = float(lines[first][0] <= place.start <= lines[first][1])
    head = text[start : min(end, lines[first][1])]
    tail = text[max(start, lines[last][0]) : end]
    _shape(features, "head", head)
    _shape(features, "tail", tail)
    _shape(features, "above", text[slice(*lines[first - 1])] if first else "")
    _shape(features, "below", text[slice(*lines[last + 1])] if last + 1 < len(lines) else "")
    inner = text[start:end].split("\n")
    features["digit_lines"] = sum(any(map(str.isdigit, part)) for part in inner) / len(inner)
    features["comma_lines"] = sum("," in part for part in inner) / len(inner)
    features["short_lines"] = sum(len(part) < 14 for part in inner) / len(inner)
    features |= {f"in={word}": 1.0 for word in _tokens(text[start:end])}
    return features


def _neighbours(
    features: Features,
    lines: Sequence[tuple[int, int]],
    span: tuple[int, int, int, int],
    taken: Mapping[str, Place],
) -> None:
    """Which other field's words stand in the span, or on the line above or below it."""
    first, last, start, end = span
    for name, place in taken.items():
        if place.start < end and start < place.end:
            features[f"over={name}"] = 1.0
        if first and lines[first - 1][0] <= place.start < place.end <= lines[first - 1][1]:
            features[f"after={name}"] = 1.0
        if last + 1 < len(lines) and lines[last + 1][0] <= place.start < lines[last + 1][1]:
            features[f"before={name}"] = 1.0


def _shape(features: Features, name: str, part: str) -> None:
    features[f"{name}.length"] = min(len(part), 60) / 60
    features[f"{name}.digits"] = sum(map(str.isdigit, part)) / max(len(part), 1)
    marks = {
        "upper": part.isupper(),
        "colon": ":" in part,
        "tab": "\t" in part,
        "comma": part.rstrip().endswith(","),
        "stop": part.rstrip().endswith("."),
        "bracket": "(" in part,
        "empty": not part.strip(),
    }
    features |= {f"{name}.{mark}": 1.0 for mark, holds in marks.items() if holds}
    features |= {f"{name}={word}": 1.0 for word in _tokens(part)}


@lru_cache(maxsize=20_000)
def _tokens(part: str) -> frozenset[str]:
    """Folded words; numbers by their length."""
    return frozenset(
        f"#{min(len(word), 6)}" if word.isdigit() else word.casefold()
        for word in _WORD.findall(part)
    )


@lru_cache(maxsize=64)
def _lines(text: str) -> list[tuple[int, int]]:
    spans, start = [], 0
    for line in text.split("\n"):
        spans.append((start, start + len(line)))
        start += len(line) + 1
    return spans


def _line(lines: Sequence[tuple[int, int]], offset: int) -> int:
    return max(bisect.bisect_right(lines, (offset, 1 << 60)) - 1, 0)
