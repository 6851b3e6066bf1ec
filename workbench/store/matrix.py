"""The vectors of one corpus version, and what is nearest among them.

Without codes, or when few rows may be found, every one of these is scored. Otherwise the codes name
the candidates: so many that enough of them may be found, whatever the scope or filter leaves; these
are then scored exactly. So filters never change how good the result is.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from workbench.store.codes import Codes
from workbench.store.records import Vectors
from workbench.store.scattered import ScatteredRows
from workbench.store.vector_files import Damaged
from workbench.store.versions import EMPTY, Version

EXACT_ROWS = 8_192
"""Up to so many rows are scored without a look at their codes."""

_BLOCK_ROWS = 1_024
"""Small enough that the product stays on one thread: waking a second costs more than it brings."""

_BATCH_ROWS = 16_384
_ASKED_TOGETHER = 4_000_000
_CODES_SHARE = 0.25
"""Once the codes must name this share of the rows, scoring all allowed rows is quicker."""

_DOUBT = 2.0
_DOUBT_FILTERED = 3.0
"""By so many standard deviations of their error codes must rule out what is not looked at. With two
at most 4 in 1,000 of the nearest were missed; of what a scope or filter leaves, which may all be
far from the question, none was with three (docs/decisions/0022)."""

_TIE = 2e-5
"""Cosines that differ less may change places when rows are scored together."""

_HELD_SUBSETS = 16

NONE = -1
"""Stands for "no further chunk" in an array of chunk ids."""

Ids = NDArray[np.int32]
Positions = NDArray[np.int64]
Nearest = tuple[Ids, Vectors]


@dataclass(frozen=True, slots=True, eq=False)
class _Subset:
    """The rows that may be found: ascending positions, and the same as a mask over all rows."""

    positions: Positions
    mask: NDArray[np.bool_]


class Matrix:
    """The vectors of one embedding model at one corpus version.

    ``rows`` has shape (n, dim) and unit-length rows; the other arrays have length n. ``alive``
    tells which rows still count, by default all. ``anew`` makes the same matrix again when it
    proves damaged.
    """

    def __init__(
        self,
        version: Version,
        rows: Vectors,
        ids: tuple[Ids, Ids],
        *,
        alive: NDArray[np.bool_] | None = None,
        codes: Codes | None = None,
        anew: Callable[[], Matrix] | None = None,
    ) -> None:
        self.version = version
        self.rows = rows
        self.chunk_ids, self.document_ids = ids
        self.alive = np.ones(len(rows), np.bool_) if alive is None else alive
        self.codes = codes
        self._anew = anew
        self._scattered = ScatteredRows.of(rows)
        self._lock = threading.Lock()
        self._subsets: OrderedDict[int, tuple[Ids, _Subset]] = OrderedDict()

    @classmethod
    def empty(cls, dim: int) -> Matrix:
        """Nothing, at the version before the first document."""
        none = np.empty(0, np.int32)
        return cls(EMPTY, np.empty((0, dim), np.float32), (none, none), alive=np.empty(0, np.bool_))

    @property
    def dim(self) -> int:
        """How many numbers a vector has."""
        return int(self.rows.shape[1])

    def nearest(self, queries: Vectors, k: int, allowed: Ids | None) -> Nearest:
        """Chunk ids (m, k), nearest first and padded with ``NONE``, and their cosines (m, k).

        ``queries`` has shape (m, dim) and unit-length rows. ``allowed`` are the ascending ids of
        the documents whose chunks are scored at all; None allows all. Equal cosines go by chunk id.
        """
        try:
            return self._nearest(queries, k, allowed)
        except Damaged:
            if self._anew is None:
                raise
            return self._anew().nearest(queries, k, allowed)

    def _nearest(self, queries: Vectors, k: int, allowed: Ids | None) -> Nearest:
        ids = np.full((len(queries), k), NONE, np.int32)
        cosine = np.zeros((len(queries), k), np.float32)
        subset = self._subset(allowed)
        if subset.positions.size:
            for row, candidates in enumerate(self._candidates(queries, k, subset)):
                found, scores = self._ranked(queries[row], candidates, k)
                ids[row, : found.size] = found
                cosine[row, : found.size] = scores
        return ids, cosine

    def similarity(self, vector: Vectors, chunk_ids: Sequence[int]) -> dict[int, float]:
        """The cosine by chunk id, for those of ``chunk_ids`` that are in the matrix."""
        wanted = np.asarray(chunk_ids, np.int32)
        at = np.searchsorted(self._sorted_ids, wanted)
        inside = at < len(self.chunk_ids)
        at, wanted = at[inside], wanted[inside]
        same = self._sorted_ids[at] == wanted
        places = at[same] if self._order is None else self._order[at[same]]
        here = self.alive[places]
        scores = _cosines(self._read(places[here]), vector)
        return dict(zip(wanted[same][here].tolist(), scores.tolist(), strict=True))

    @cached_property
    def _order(self) -> Positions | None:
        """Positions by ascending chunk id; None if they stand so, as they mostly do."""
        if np.all(self.chunk_ids[1:] > self.chunk_ids[:-1]):
            return None
        return np.argsort(self.chunk_ids, kind="stable")

    @cached_property
    def _sorted_ids(self) -> Ids:
        return self.chunk_ids if self._order is None else self.chunk_ids[self._order]

    @cached_property
    def _runs(self) -> tuple[Ids, Positions, Positions]:
        """Documents in ascending order with first and last position + 1 of each run of chunks."""
        edges = np.flatnonzero(np.diff(self.document_ids)) + 1
        starts = np.concatenate([[0], edges]).astype(np.int64)
        stops = np.concatenate([edges, [len(self.document_ids)]]).astype(np.int64)
        order = np.argsort(self.document_ids[starts], kind="stable")
        return self.document_ids[starts][order], starts[order], stops[order]

    def positions_of(self, documents: Ids) -> Positions:
        """The ascending positions of all rows of ``documents`` (ascending ids)."""
        if len(self.document_ids) == 0:
            return np.empty(0, np.int64)
        owners, starts, stops = self._runs
        first = np.searchsorted(owners, documents, "left")
        last = np.searchsorted(owners, documents, "right")
        runs = _spans(first, last)
        return np.sort(_spans(starts[runs], stops[runs]))

    def _subset(self, allowed: Ids | None) -> _Subset:
        if allowed is None:
            return self._everything
        with self._lock:
            held = self._subsets.get(id(allowed))
        if held is not None and held[0] is allowed:
            return held[1]
        positions = self.positions_of(allowed)
        positions = positions[self.alive[positions]]
        mask = np.zeros(len(self.chunk_ids), np.bool_)
        mask[positions] = True
        subset = _Subset(positions, mask)
        with self._lock:
            self._subsets[id(allowed)] = (allowed, subset)
            while len(self._subsets) > _HELD_SUBSETS:
                self._subsets.popitem(last=False)
        return subset

    @cached_property
    def _everything(self) -> _Subset:
        return _Subset(np.flatnonzero(self.alive), self.alive)

    def _candidates(self, queries: Vectors, k: int, subset: _Subset) -> list[Positions]:
        """For each query, positions among which its ``k`` nearest are."""
        share = subset.positions.size / max(1, self._everything.positions.size)
        width = 0 if self.codes is None else self.codes.width(k, share)
        if self.codes is None or width == 0 or subset.positions.size <= EXACT_ROWS:
            return self._scored(queries, k, subset.positions)
        asked = int(width * len(self.rows) / subset.positions.size * 1.1)
        return self._by_code(self.codes, queries, k, subset, asked)

    def _by_code(
        self, codes: Codes, queries: Vectors, k: int, subset: _Subset, asked: int
    ) -> list[Positions]:
        """The candidates among the ``asked`` best by code. Queries of which the codes may hide some
        of the nearest are asked again, with more."""
        doubt = _DOUBT if subset is self._everything else _DOUBT_FILTERED
        tail = np.arange(codes.count, len(self.rows))
        tail = tail[subset.mask[codes.count :]]
        settled: dict[int, Positions] = {}
        open_rows = np.arange(len(queries))
        while open_rows.size and asked <= codes.count * _CODES_SHARE:
            parts = -(-open_rows.size * asked // _ASKED_TOGETHER)
            for rows in np.array_split(open_rows, min(parts, open_rows.size)):
                for row, found, told in zip(rows, *codes.best(queries[rows], asked), strict=True):
                    candidates = np.concatenate([found[subset.mask[found]], tail])
                    best, least = self._narrowed(queries[row], candidates, k)
                    if not codes.hides(least, float(told[-1]), doubt=doubt):
                        settled[int(row)] = best
            open_rows = np.array([row for row in open_rows if int(row) not in settled], np.int64)
            asked *= 3
        if open_rows.size:
            scored = self._scored(queries[open_rows], k, subset.positions)
            settled.update(zip(open_rows.tolist(), scored, strict=True))
        return [settled[row] for row in range(len(queries))]

    def _narrowed(self, query: Vectors, candidates: Positions, k: int) -> tuple[Positions, float]:
        """Where the ``k`` nearest of the candidates are, and the least cosine of these, which is
        -inf if they are fewer."""
        scores = np.empty(len(candidates), np.float32)
        for start in range(0, len(candidates), _BLOCK_ROWS):
            block = self._read(candidates[start : start + _BLOCK_ROWS])
            _require_unit(block)
            scores[start : start + _BLOCK_ROWS] = block @ query
        top = _top(scores, k)
        least = float(np.sort(scores[top])[-k]) if top.size >= k else -np.inf
        return candidates[top], least

    def _scored(self, queries: Vectors, k: int, positions: Positions) -> list[Positions]:
        """All of ``positions`` scored, in blocks; the best of the blocks so far are carried on."""
        whole = positions.size == len(self.rows)
        size = _BLOCK_ROWS if len(queries) == 1 and self._scattered is None else _BATCH_ROWS
        if len(queries) == 1:
            scores = np.empty(positions.size, np.float32)
            for start in range(0, positions.size, size):
                stop = min(start + size, positions.size)
                block = self._read(slice(start, stop) if whole else positions[start:stop])
                self._require_whole(block)
                scores[start:stop] = block @ queries[0]
            return [positions[_top(scores, k)]]
        best: list[tuple[Positions, Vectors]] = [
            (np.empty(0, np.int64), np.empty(0, np.float32)) for _ in queries
        ]
        for start in range(0, positions.size, size):
            here = positions[start : start + size]
            block = self._read(slice(here[0], here[-1] + 1) if whole else here)
            self._require_whole(block)
            for row, scores in enumerate(queries @ block.T):
                top = _top(scores, k)
                places = np.concatenate([best[row][0], here[top]])
                values = np.concatenate([best[row][1], scores[top]])
                top = _top(values, k)
                best[row] = (places[top], values[top])
        return [places for places, _ in best]

    def _require_whole(self, block: Vectors) -> None:
        # Small files are checked as a whole when they are read; to check these would take as long.
        for start in range(0, len(block) if self._scattered is not None else 0, _BLOCK_ROWS):
            rows = block[start : start + _BLOCK_ROWS]
            flat = rows.ravel()
            # All lengths in one product; a row that is not of length 1 moves it by about 1.
            if not abs(float(flat @ flat) - len(rows)) < 0.5:
                raise Damaged("a vector is not what was written")

    def _read(self, places: Positions | slice) -> Vectors:
        """Rows (n, dim) of the matrix."""
        return self.rows[places] if self._scattered is None else self._scattered.read(places)

    def _ranked(self, query: Vectors, candidates: Positions, k: int) -> tuple[Ids, Vectors]:
        rows = self._read(candidates)
        _require_unit(rows)
        scores = _cosines(rows, query)
        ids = self.chunk_ids[candidates]
        order = np.lexsort((ids, -scores))[:k]
        return ids[order], scores[order].astype(np.float32)


def _top(scores: Vectors, k: int) -> NDArray[np.intp]:
    """Where the ``k`` best scores are, and those that could be equal to the last of them."""
    if scores.size <= k:
        return np.arange(scores.size)
    cut = np.partition(scores, scores.size - k)[scores.size - k]
    return np.flatnonzero(scores >= cut - _TIE)


def _spans(starts: NDArray[np.integer], stops: NDArray[np.integer]) -> Positions:
    """All numbers of the half-open ranges, range after range."""
    lengths = stops - starts
    total = int(lengths.sum())
    offsets = np.repeat(starts - np.concatenate([[0], np.cumsum(lengths)[:-1]]), lengths)
    spans: Positions = (np.arange(total) + offsets).astype(np.int64)
    return spans


def _cosines(rows: Vectors, query: Vectors) -> NDArray[np.float64]:
    # Row by row in one order, whatever else is scored: equal vectors must stay equal.
    exact = np.einsum("ij,j->i", rows, query, optimize=False)
    return np.asarray(np.round(exact.astype(np.float64), 6), np.float64)


def _require_unit(rows: Vectors) -> None:
    """Raises Damaged if a row is not of length 1, as after a write that was cut off."""
    lengths = np.einsum("ij,ij->i", rows, rows)
    if not np.all(np.abs(lengths - 1) < 1e-2):
        raise Damaged("a vector is not what was written")
