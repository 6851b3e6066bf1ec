"""A record's text values without what is certainly not theirs.

Small models copy some lines too many: the name above an address, a register number, a telephone
line. Two things are known without a model: different fields state different things, and a line of
nothing but other labels with their codes belongs to those labels and ends what stands before it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from workbench.extraction.assembling import placed_field
from workbench.extraction.locating import Match, Place, Source, label_words
from workbench.extraction.schema import FieldType, Leaf, bare
from workbench.values import Field

_LABELLED = re.compile(
    r"""\W*(?P<label>[^\W\d_][^\W\d_./&\s]*(?:[\s./&-]+[^\W\d_]+){0,4}[\s./]*)
    (?:[:\#]\s*\(?(?=\S*\d)[\w./+-]+(?:\s[\d-]+)*|\d[\d\s-]{6,})(?:\W+|$)""",
    re.X,
)
# A register number, or a number longer than postal codes are, alone on its line.
_CODE = re.compile(r"\W*(?:\d{4,}\s?-\s?[A-Z]|(?:\d[\s/()+-]*){7,})\W*")


def tidied(
    fields: Mapping[str, Field], leaves: Mapping[str, Leaf], source: Source
) -> dict[str, Field]:
    """The fields, located texts of several lines shortened where an edge line is another's."""
    spans = {
        n: (f.start, f.end) for n, f in fields.items() if f.start is not None and f.end is not None
    }
    result: dict[str, Field] = {}
    for name, found in fields.items():
        spec = leaves[bare(name)].spec
        result[name] = found
        if spec.type is not FieldType.TEXT or found.start is None or "\n" not in found.quote:
            continue
        labels = label_words(spec.name, spec.description)
        others = [span for other, span in spans.items() if other != name]
        start, end = _trimmed(source.text, (found.start, found.end or 0), others, labels)
        if (start, end) != (found.start, found.end):
            place = Place(start, end, Match.NORMALISED, 100.0)
            shorter = placed_field(name, spec, source, place)
            signals = {**found.signals, **shorter.signals, "trimmed": 1.0}
            result[name] = replace(shorter, raw=found.raw, signals=signals)
    return result


def _trimmed(
    text: str,
    span: tuple[int, int],
    others: Sequence[tuple[int, int]],
    labels: frozenset[str],
) -> tuple[int, int]:
    lines = []
    offset = span[0]
    for part in text[span[0] : span[1]].split("\n"):
        lines.append((offset, offset + len(part)))
        offset += len(part) + 1
    runs: list[list[tuple[int, int]]] = [[]]
    for line in lines:
        if not _is_foreign(text, line, others, labels):
            runs[-1].append(line)
        elif runs[-1]:
            runs.append([])
    # Of several parts the longest is what was meant, a name above a code is not.
    kept = max(runs, key=lambda run: run[-1][1] - run[0][0] if run else 0)
    return (kept[0][0], kept[-1][1]) if kept else span


def _is_foreign(
    text: str,
    line: tuple[int, int],
    others: Sequence[tuple[int, int]],
    labels: frozenset[str],
) -> bool:
    words = text[slice(*line)].strip()
    if not words:
        return True
    if any(a <= line[0] and line[1] <= b for a, b in others):
        return True
    if any(line[0] <= a and b <= line[1] and b - a > 0.6 * len(words) for a, b in others):
        return True
    return all(_is_labelled(cell, labels) for cell in words.split("\t") if cell.strip())


def _is_labelled(words: str, labels: frozenset[str]) -> bool:
    if _CODE.fullmatch(words):
        return True
    end = 0
    while found := _LABELLED.match(words, end):
        if label_words(found["label"]) & labels:
            return False
        end = found.end()
    return 0 < end == len(words)
