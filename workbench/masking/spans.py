"""Where personal data stands in a text, and how overlapping findings become one cover."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

CERTAIN = 0.95
"""From this score on a span is proven by a checksum or by an unmistakable form."""

_SHORTEST_REPEAT = 6
_CONTEXTUAL = frozenset({"DATE_TIME", "LOCATION", "NRP", "ORGANIZATION"})


@dataclass(frozen=True, slots=True)
class Span:
    """Characters ``start`` to ``end`` hold a value of ``type``; ``score`` is 0 to 1."""

    start: int
    end: int
    type: str
    score: float

    def moved(self, offset: int) -> Span:
        return Span(self.start + offset, self.end + offset, self.type, self.score)


def resolve(text: str, spans: Iterable[Span]) -> list[Span]:
    """Disjoint spans in order that cover every letter and digit that any span covers.

    Certain spans win over uncertain ones, then the longer over the shorter. What a losing span
    covers beyond the winner stays as a span of its own: nothing that was found is let through.
    """
    ordered = sorted(spans, key=lambda span: (span.start, span.end))
    result: list[Span] = []
    cluster: list[Span] = []
    cluster_end = -1
    for span in ordered:
        if cluster and span.start >= cluster_end:
            result.extend(_cover(text, cluster))
            cluster = []
        cluster.append(span)
        cluster_end = max(cluster_end, span.end) if len(cluster) > 1 else span.end
    result.extend(_cover(text, cluster))
    return result


def _cover(text: str, cluster: Sequence[Span]) -> list[Span]:
    ranked = sorted(
        cluster,
        key=lambda s: (s.score < CERTAIN, s.start - s.end, -s.score, s.start, s.type),
    )
    taken: list[Span] = []
    for span in ranked:
        for piece in _outside(span, taken):
            trimmed = trim(text, piece)
            if trimmed is not None:
                taken.append(trimmed)
    return sorted(taken, key=lambda span: span.start)


def _outside(span: Span, taken: Sequence[Span]) -> list[Span]:
    pieces = [span]
    for other in taken:
        pieces = [
            Span(start, end, span.type, span.score)
            for piece in pieces
            for start, end in (
                (piece.start, min(piece.end, other.start)),
                (max(piece.start, other.end), piece.end),
            )
            if start < end
        ]
    return pieces


def repeats(text: str, values: Sequence[Span]) -> list[Span]:
    """Every further place of the values that ``values`` cover in ``text``, word for word.

    Not of types that depend on their context: "May" is a month once and a verb the next time. A
    single word is a name everywhere only if it was taken for one at half of its places or more.
    """
    known: dict[str, list[Span]] = {}
    for span in values:
        if span.end - span.start >= _SHORTEST_REPEAT and span.type not in _CONTEXTUAL:
            known.setdefault(text[span.start : span.end], []).append(span)
    found: list[Span] = []
    for value, spans in known.items():
        kind, score = spans[0].type, spans[0].score
        places = [Span(start, start + len(value), kind, score) for start in _places(text, value)]
        if kind != "PERSON" or " " in value or 2 * len(spans) >= len(places):
            found.extend(places)
    return found


def _places(text: str, value: str) -> Iterator[int]:
    start = text.find(value)
    while start >= 0:
        end = start + len(value)
        if not (text[start - 1 : start].isalnum() or text[end : end + 1].isalnum()):
            yield start
        start = text.find(value, end)


def trim(text: str, span: Span) -> Span | None:
    """The span without the blanks and marks at its edges; None if no letter or digit is left."""
    start, end = span.start, span.end
    while start < end and not (text[start].isalnum() or text[start] in "+(#<[\"'@_-"):
        start += 1
    while end > start and not (text[end - 1].isalnum() or text[end - 1] in ")]>.\"'_=-"):
        end -= 1
    if not any(char.isalnum() for char in text[start:end]):
        return None
    return Span(start, end, span.type, span.score)
