"""Short codes of vectors: a quick look at all of them tells which few are worth scoring exactly.

Product quantisation into 4-bit codes (Jégou et al. 2011) in the register layout of André et al.
2015, as faiss implements it, after a random rotation, which spreads what matters evenly over the
parts of a vector (Ge et al. 2013 learn a rotation; this one is not learnt). How many of the best by
code are looked at, is measured on a sample when the codes are made.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.store.records import Vectors

PART = 4
"""Numbers of a vector that become one 4-bit code."""

RECALL = 0.995
"""The share of the true nearest that the sampled check asks for; 0.99 is what is promised."""

TRAIN_ROWS = 16_384
_BLOCK_ROWS = 16_384
_SAMPLE = 64
_NEAR, _FAR = 10, 100
_SPARE = 2
"""Questions are not the sample; what it needs is taken twice."""

Positions = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Widths:
    """How many candidates find the 10 and the 100 nearest; 0 if it takes too many, so that scoring
    all rows is better."""

    near: int
    far: int

    def of(self, k: int) -> int:
        """How many candidates find the ``k`` nearest."""
        if k <= _NEAR:
            return self.near
        if self.far == 0 or k >= _FAR:
            return -(-self.far * k // _FAR)
        return self.near + (self.far - self.near) * (k - _NEAR) // (_FAR - _NEAR)


@dataclass(frozen=True, eq=False)
class Codebook:
    """How vectors become codes: ``rotation`` has shape (padded, padded), ``centroids`` is flat."""

    dim: int
    rotation: Vectors
    centroids: Vectors

    @property
    def padded(self) -> int:
        """The length of a vector filled up to whole parts."""
        return int(self.rotation.shape[0])

    @property
    def code_bytes(self) -> int:
        """The length of one code."""
        return -(-self.padded // PART // 2)

    @classmethod
    def trained(cls, rows: Vectors, *, seed: int = 0) -> Codebook:
        """A codebook for rows like these (n, dim); n should be a few thousand."""
        import faiss

        dim = rows.shape[1]
        padded = -(-dim // (2 * PART)) * 2 * PART
        rng = np.random.default_rng(seed)
        rotation = np.linalg.qr(rng.normal(size=(padded, padded)))[0].astype(np.float32)
        book = cls(dim, rotation, np.empty(0, np.float32))
        quantiser = faiss.ProductQuantizer(padded, padded // PART, 4)
        quantiser.cp.niter = 10
        quantiser.cp.seed = seed + 1
        # The many tiny clusterings are 20 times slower when threads wait for each other.
        threads = faiss.omp_get_max_threads()
        faiss.omp_set_num_threads(1)
        try:
            quantiser.train(book.rotated(rows[:TRAIN_ROWS]))
        finally:
            faiss.omp_set_num_threads(threads)
        return replace(book, centroids=faiss.vector_to_array(quantiser.centroids).copy())

    def rotated(self, rows: Vectors) -> Vectors:
        """Rows (n, dim) as (n, padded); inner products stay."""
        turned: Vectors = np.ascontiguousarray(rows @ self.rotation[: self.dim], np.float32)
        return turned

    @cached_property
    def quantiser(self) -> Any:
        """faiss's product quantiser with these centroids."""
        import faiss

        quantiser = faiss.ProductQuantizer(self.padded, self.padded // PART, 4)
        faiss.copy_array_to_vector(self.centroids, quantiser.centroids)
        return quantiser

    def codes(self, rows: Vectors) -> NDArray[np.uint8]:
        """The codes (n, code_bytes) of rows (n, dim), which may lie on disk."""
        made = np.empty((len(rows), self.code_bytes), np.uint8)
        for start, block in _blocks(rows, len(rows)):
            made[start : start + len(block)] = self.quantiser.compute_codes(self.rotated(block))
        return made


class Codes:
    """The codes of the first ``count`` rows of a matrix, in memory. Never changes."""

    def __init__(self, book: Codebook, codes: NDArray[np.uint8], widths: Widths) -> None:
        import faiss

        self.book = book
        self.widths = widths
        self.count = len(codes)
        plain = faiss.IndexPQ(book.padded, book.padded // PART, 4, faiss.METRIC_INNER_PRODUCT)
        plain.pq = book.quantiser
        plain.is_trained = True
        plain.add_sa_codes(np.ascontiguousarray(codes))
        self._index = faiss.IndexPQFastScan(plain)  # type: ignore[arg-type]

    def best(self, queries: Vectors, count: int) -> Positions:
        """Positions (m, count) of the best by code for each of the queries (m, dim)."""
        best = np.empty((len(queries), min(count, self.count)), np.int64)
        # One by one is quicker than together: threads that wait for each other cost more.
        for at in range(len(queries)):
            turned = self.book.rotated(queries[at : at + 1])
            best[at] = self._index.search(turned, best.shape[1])[1][0]
        return best

    def measured_widths(self, rows: Vectors, *, seed: int = 0) -> Widths:
        """How many candidates it takes for a sample of the rows, for blurred copies of it, and for
        mixtures of three rows: as questions are, those lie between what is stored."""
        rng = np.random.default_rng(seed)
        own = np.sort(rng.choice(self.count, min(_SAMPLE, self.count), replace=False))
        sharp = np.asarray(rows[own])
        noise = rng.normal(size=sharp.shape).astype(np.float32)
        blurred = sharp + noise / np.linalg.norm(noise, axis=1, keepdims=True)
        mixed = sharp + sharp[rng.permutation(len(own))] + sharp[rng.permutation(len(own))]
        questions = np.concatenate([sharp, blurred, mixed])
        questions /= np.linalg.norm(questions, axis=1, keepdims=True)
        # A row's own place is no find, so one more is asked for and the first left out.
        true = _true_nearest(rows, self.count, questions, _FAR + 1)
        true[: len(own)] = _without(true[: len(own)], own)
        limit = min(self.count, max(5_000, self.count // 20), 50_000)
        found = self.best(questions, limit)
        ranks = np.full((len(questions), _FAR), limit, np.int64)
        for at, (candidates, wanted) in enumerate(zip(found, true[:, :_FAR], strict=True)):
            order = np.argsort(candidates)
            where = np.searchsorted(candidates[order], wanted).clip(max=limit - 1)
            hit = candidates[order][where] == wanted
            ranks[at, hit] = order[where[hit]]
        kinds = np.split(ranks, 3)
        near = [_width(kind[:, :_NEAR], limit) for kind in kinds]
        far = [_width(kind, limit) for kind in kinds]
        if not all(near):
            return Widths(0, 0)
        wide = max(near) * _SPARE
        if not all(far):
            return Widths(max(wide, 200), 0)
        return Widths(max(wide, 200), max(max(far) * _SPARE, 1_000))


def _width(ranks: NDArray[np.int64], limit: int) -> int:
    """The least number of candidates with enough of the true nearest; 0 if there is none."""
    needed = int(np.quantile(ranks.ravel(), RECALL, method="higher")) + 1
    return needed if needed <= limit else 0


def _without(found: Positions, own: Positions) -> Positions:
    """Each row of ``found`` (m, n) without ``own`` (m,), or without its last."""
    kept = np.empty_like(found)
    for row, (positions, itself) in enumerate(zip(found, own, strict=True)):
        others = positions[positions != itself]
        kept[row, : len(others)] = others
        kept[row, len(others) :] = others[-1] if len(others) else itself
    return kept


def _true_nearest(rows: Vectors, count: int, queries: Vectors, k: int) -> Positions:
    """Positions (m, k) of the nearest by exact cosine, best first; ``count`` is at least k."""
    best = np.empty((len(queries), 0), np.float32)
    place = np.empty((len(queries), 0), np.int64)
    for start, block in _blocks(rows, count):
        scores = queries @ block.T
        best = np.concatenate([best, scores], axis=1)
        here = np.broadcast_to(np.arange(start, start + len(block)), scores.shape)
        place = np.concatenate([place, here], axis=1)
        if best.shape[1] > k:
            top = np.argpartition(-best, k - 1, axis=1)[:, :k]
            best = np.take_along_axis(best, top, axis=1)
            place = np.take_along_axis(place, top, axis=1)
    return np.take_along_axis(place, np.argsort(-best, axis=1, kind="stable"), axis=1)


def _blocks(rows: Vectors, count: int) -> Iterator[tuple[int, Vectors]]:
    """The first ``count`` rows block by block, with where each begins."""
    mapped: object = rows.base
    for start in range(0, count, _BLOCK_ROWS):
        yield start, np.asarray(rows[start : min(start + _BLOCK_ROWS, count)])
        if isinstance(mapped, mmap.mmap):
            # Otherwise all of the file counts as this process's memory in the end.
            mapped.madvise(mmap.MADV_DONTNEED)
