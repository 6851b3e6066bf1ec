"""What of the documents a model reads for a summary, cut into branches: one prompt each.

All passages are ranked; how many of a document are read, and how many points are asked about them,
follows from the number of documents and their rough sizes, never from the words of another one. So
a document that changes redoes its own branch and what is joined above it, and no other's.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from workbench.store.passages import Read
from workbench.tasks.attribute import cite_sentences
from workbench.tasks.salience import choose, ranked, salience
from workbench.values import Hit

PASSAGES_PER_SENTENCE = 3
"""How many passages are read for each sentence of the summary; more adds cost, not points."""

MAX_PASSAGES = 48
"""How many are read at most, unless a larger share is asked for."""

# No byte-level tokenizer makes more tokens than bytes, so that this fits any context in any script.
_GROUP_BYTES = 3_600
_DOCUMENTS_PER_BRANCH = 4

Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Appetite:
    """How much is wanted: ``sentences`` in all or of each section, ``points`` to choose them from,
    and at least ``coverage`` (0 to 1) of the passages of every document."""

    sentences: int
    points: float
    per_section: bool = False
    coverage: float = 0.0


@dataclass(frozen=True, slots=True)
class Branch:
    """Passages that one prompt shows, and how many ``points`` it asks for."""

    passages: tuple[Hit, ...]
    points: int


def branches(
    read: Read, vectors: Vectors, focus: Vectors | None, appetite: Appetite
) -> list[Branch]:
    """What to read, in reading order, with its salience in the whole collection as score.

    ``vectors`` (n, dim) go with the hits of ``read``, ``focus`` is (dim,).
    """
    if not read.hits:
        return []
    scores = salience(vectors, focus)
    hits = [replace(hit, score=float(scores[row])) for row, hit in enumerate(read.hits)]
    texts = [
        _Text(tuple(hits[row] for row in rows), vectors[list(rows)], focus)
        for _, rows in _by_document(hits)
    ]
    quotas = _quotas(texts, appetite, by_focus=focus is not None)
    sizes = [
        min(len(text.hits), max(quota, math.ceil(appetite.coverage * len(text.hits))))
        for text, quota in zip(texts, quotas, strict=True)
    ]
    chosen = [hit for text, size in zip(texts, sizes, strict=True) for hit in text.best(size)]
    groups = list(_groups(chosen, by_section=appetite.per_section))
    if appetite.per_section:
        return [Branch(tuple(group), appetite.sentences) for group in groups]
    parts = {
        text.number: quota / max(1, sum(quotas)) / size
        for text, quota, size in zip(texts, quotas, sizes, strict=True)
        if size
    }
    return [Branch(tuple(group), _points(group, parts, appetite.points)) for group in groups]


def section_of(hit: Hit) -> str:
    """The document and the first heading below its title, under which the hit stands."""
    path = hit.chunk.heading.split(" > ")
    return f"{hit.document}: {path[min(1, len(path) - 1)]}" if path[0] else hit.document


@dataclass(frozen=True, slots=True, eq=False)
class _Text:
    """The passages of one document; what is chosen of them depends on nothing else."""

    hits: tuple[Hit, ...]
    vectors: Vectors
    focus: Vectors | None

    @property
    def number(self) -> int:
        return self.hits[0].chunk.document_id

    @property
    def sections(self) -> list[str]:
        return [section_of(hit) for hit in self.hits]

    @property
    def weight(self) -> int:
        """About the square root of its length, in powers of two: an edit hardly ever moves it."""
        return int(2 ** ((len(self.hits).bit_length() - 1) // 2))

    def best(self, size: int) -> list[Hit]:
        """The ``size`` passages that stand for it, in reading order."""
        rows = choose(
            self.vectors,
            salience(self.vectors, self.focus),
            self.sections,
            count=size,
            every_section=self.focus is None,
        )
        return [self.hits[row] for row in rows]

    def gains(self, size: int) -> list[float]:
        """What each of the best ``size`` passages adds, falling."""
        scores = salience(self.vectors, self.focus)
        order = ranked(self.vectors, scores, self.sections, count=size, every_section=False)
        return [gain for _, gain in order]


def _by_document(hits: Sequence[Hit]) -> Iterator[tuple[int, list[int]]]:
    for number, rows in groupby(range(len(hits)), key=lambda row: hits[row].chunk.document_id):
        yield number, list(rows)


def _quotas(texts: Sequence[_Text], appetite: Appetite, *, by_focus: bool) -> list[int]:
    """How many passages of each document are due, even if it has fewer.

    With a focus the most telling passages decide. Without one each document is due one, and the
    rest follows their weights; of more documents than passages those are read that stand for all.
    """
    count = min(appetite.sentences * PASSAGES_PER_SENTENCE, MAX_PASSAGES)
    if appetite.per_section:
        each = [len(set(text.sections)) * count for text in texts]
        wanted = [min(many, len(text.hits)) for many, text in zip(each, texts, strict=True)]
        if sum(wanted) <= MAX_PASSAGES:
            return wanted
        count = min(sum(each), MAX_PASSAGES)
    if by_focus and sum(len(text.hits) for text in texts) > count:
        gains = [(-gain, n) for n, text in enumerate(texts) for gain in text.gains(count)]
        best = [number for _, number in heapq.nsmallest(count, gains)]
        return [best.count(number) for number in range(len(texts))]
    if len(texts) > count:
        means = np.stack([text.vectors.mean(axis=0) for text in texts])
        means /= np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-9)
        rows = choose(means, salience(means), [""] * len(texts), count=count, every_section=False)
        return [int(row in rows) for row in range(len(texts))]
    return _seats([text.weight for text in texts], count)


def _seats(weights: Sequence[int], count: int) -> list[int]:
    """``count`` seats in proportion to ``weights`` by the method of Sainte-Laguë, one for each at
    least: when one weight changes, hardly any other number of seats does."""
    seats = [1] * len(weights)
    waiting = [(-weight / 3, place) for place, weight in enumerate(weights)]
    heapq.heapify(waiting)
    for _ in range(count - len(weights)):
        _, place = waiting[0]
        seats[place] += 1
        heapq.heapreplace(waiting, (-weights[place] / (2 * seats[place] + 1), place))
    return seats


def _groups(chosen: Sequence[Hit], *, by_section: bool) -> Iterator[list[Hit]]:
    """Neighbours that fit one prompt together.

    Documents of which one passage is read share prompts. Where those end is decided by the names
    of documents rather than by what went before, so that a change does not run through all of them.
    """
    sizes: dict[int, int] = {}
    for hit in chosen:
        sizes[hit.chunk.document_id] = sizes.get(hit.chunk.document_id, 0) + 1
    group: list[Hit] = []
    for hit in chosen:
        if group and (
            _bytes([*group, hit]) > _GROUP_BYTES
            or (by_section and section_of(hit) != section_of(group[-1]))
            or _ends(group[-1], hit, sizes)
        ):
            yield group
            group = []
        group.append(hit)
    if group:
        yield group


def _ends(last: Hit, hit: Hit, sizes: Mapping[int, int]) -> bool:
    before, after = last.chunk.document_id, hit.chunk.document_id
    if before == after:
        return False
    alone = max(sizes[before], sizes[after]) > 1
    return alone or crc32(last.document.encode()) % _DOCUMENTS_PER_BRANCH == 0


def _bytes(group: Sequence[Hit]) -> int:
    return sum(len(hit.chunk.text.encode()) for hit in group)


def _points(group: Sequence[Hit], parts: Mapping[int, float], points: float) -> int:
    """Its part of all points, and no more than half as many as it has sentences."""
    part = round(points * sum(parts[hit.chunk.document_id] for hit in group))
    sentences = sum(len(cite_sentences(hit)) for hit in group)
    return max(1, min(part, (sentences + 1) // 2))
