"""Short codes of vectors: a quick look at all of them tells which few are worth scoring exactly.

Product quantisation into 4-bit codes (Jégou et al. 2011) in the register layout of André et al.
2015, as faiss implements it, after a random rotation, which spreads what matters evenly over the
parts of a vector (Ge et al. 2013 learn a rotation; this one is not learnt). How many of the best by
code are looked at, is measured on a sample when the codes are made.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.store.records import Vectors
from workbench.store.scattered import release

PART = 4
"""Numbers of a vector that become one 4-bit code."""

RECALL = 0.995
"""The share of the true nearest that the sampled check asks for; 0.99 is what is promised."""

TRAIN_ROWS = 2_048
"""Twice as many, and twice as many rounds, changed the widths by chance only, for clustered,
isotropic and anisotropic vectors alike."""

_BLOCK_ROWS = 8_192
_PROCESSORS = min(4, os.cpu_count() or 1)
"""How many blocks are coded side by side; each holds one more copy of its rows."""

_LIMITING = threading.Lock()
_SAMPLE = 64
_NEAR, _FAR = 10, 100
_SPARE = 2
"""Questions are not the sample; what it needs is taken twice."""

SHARES = (1.0, 1 / 4, 1 / 16)
"""Of these shares of the rows, chosen by chance, the widths are measured. What is nearest among few
rows is farther away than what is nearest of all, and there codes may tell less: among a million
clustered rows 100 candidates were enough for all of them, 3,000 for every sixteenth."""

Positions = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Widths:
    """How many candidates find the 10 and the 100 nearest, at one share of the rows; 0 if it takes
    too many, so that scoring all of them is better."""

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
        quantiser.cp.niter = 5
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
        # The same codes in two thirds of the time.
        quantiser.sync_transposed_centroids()
        return quantiser

    def codes(self, rows: Vectors) -> NDArray[np.uint8]:
        """The codes (n, code_bytes) of rows (n, dim), which may lie on disk."""
        made = np.empty((len(rows), self.code_bytes), np.uint8)
        quantiser = self.quantiser

        def encode(start: int) -> None:
            block = np.asarray(rows[start : start + _BLOCK_ROWS])
            made[start : start + len(block)] = quantiser.compute_codes(self.rotated(block))
            release(rows)

        with ThreadPoolExecutor(_PROCESSORS, initializer=_one_faiss_thread) as together:
            for _ in together.map(encode, range(0, len(rows), _BLOCK_ROWS)):
                pass
        return made


class Codes:
    """The codes of the first ``count`` rows of a matrix, in memory. Never changes."""

    def __init__(
        self, book: Codebook, codes: NDArray[np.uint8], widths: tuple[Widths, ...] = ()
    ) -> None:
        import faiss

        self.book = book
        self._codes = codes
        self._widths = widths
        self.count = len(codes)
        plain = faiss.IndexPQ(book.padded, book.padded // PART, 4, faiss.METRIC_INNER_PRODUCT)
        plain.pq = book.quantiser
        plain.is_trained = True
        plain.add_sa_codes(np.ascontiguousarray(codes))
        self._index = faiss.IndexPQFastScan(plain)  # type: ignore[arg-type]

    def best(self, queries: Vectors, count: int) -> tuple[Positions, Vectors]:
        """Positions (m, count) of the best by code for each of the queries (m, dim), and what their
        codes take for the cosines, falling."""
        found = self._index.search(self.book.rotated(queries), min(count, self.count))
        return np.asarray(found[1], np.int64), np.asarray(found[0], np.float32)

    def hides(self, cosine: float, told: float, *, doubt: float) -> bool:
        """Whether a row whose code tells less than ``told`` may well have a greater ``cosine``:
        codes err by that, or by less than ``doubt`` standard deviations more."""
        return self._kept * cosine - told < doubt * self._error

    @cached_property
    def _kept(self) -> float:
        """The part of a cosine that codes tell: centroids are means, so that a row's product with
        what its code stands for is, on average, the squared length of that."""
        some = self._codes[:: max(1, self.count // TRAIN_ROWS)]
        decoded = self.book.quantiser.decode(np.ascontiguousarray(some))
        return float(np.einsum("ij,ij->", decoded, decoded) / max(1, len(some)))

    @property
    def _error(self) -> float:
        """The standard deviation of the rest: what codes leave out of a row of length 1, spread
        over all directions by the rotation."""
        return float(np.sqrt(max(0.0, 1 - self._kept) / self.book.padded))

    def width(self, k: int, share: float) -> int:
        """How many candidates find the ``k`` nearest when this share of the rows may be found; 0 if
        scoring all of these is better."""
        steps = [at for at, measured in enumerate(SHARES) if measured >= share]
        # Between two measured shares: the wider of the two.
        first, last = steps[-1], steps[-1] + (SHARES[steps[-1]] > share)
        near = self._widths[first : last + 1]
        if last >= len(self._widths) or not all(each.of(k) for each in near):
            return 0
        return max(each.of(k) for each in near)

    def measured_widths(self, sample: Sample) -> tuple[Widths, ...]:
        """For each of ``SHARES`` how many candidates it takes for the questions of the sample. It
        must be drawn from the rows that have these codes."""
        limit = min(self.count, max(5_000, self.count // 20), 50_000)
        found, _ = self.best(sample.questions, limit)
        measured = []
        for mask, true in zip(sample.masks, sample.nearest, strict=True):
            kept = [candidates[mask[candidates]] for candidates in found]
            least = min(map(len, kept))
            ranks = np.array([_ranks(*each) for each in zip(kept, true[:, :_FAR], strict=True)])
            measured.append(_wide_enough(ranks, least))
        return tuple(measured)


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Questions (m, dim), for each of ``SHARES`` a mask of the rows that may be found, and which of
    these are the nearest (m, k), best first.

    A third each of the questions are rows, blurred rows, and mixtures of three rows: as questions
    are, those lie between what is stored.
    """

    questions: Vectors
    masks: Sequence[NDArray[np.bool_]]
    nearest: Sequence[Positions]

    @classmethod
    def of(cls, rows: Vectors, *, seed: int = 0) -> Sample:
        """Drawn from ``rows`` (n, dim), which may lie on disk."""
        rng = np.random.default_rng(seed)
        count = len(rows)
        own = np.sort(rng.choice(count, min(_SAMPLE, count), replace=False))
        sharp = np.asarray(rows[own])
        noise = rng.normal(size=sharp.shape).astype(np.float32)
        blurred = sharp + noise / np.linalg.norm(noise, axis=1, keepdims=True)
        mixed = sharp + sharp[rng.permutation(len(own))] + sharp[rng.permutation(len(own))]
        questions = np.concatenate([sharp, blurred, mixed])
        questions /= np.linalg.norm(questions, axis=1, keepdims=True)
        order = rng.permutation(count)
        masks = [order < share * count for share in SHARES]
        # A row's own place is no find, so one more is asked for and the first left out.
        nearest = _true_nearest(rows, masks, questions, _FAR + 1)
        for true in nearest:
            true[: len(own)] = _without(true[: len(own)], own)
        return cls(questions, masks, nearest)


def _ranks(candidates: Positions, wanted: Positions) -> Positions:
    """Where the ``wanted`` stand among the candidates; those that do not, after all of them."""
    order = np.argsort(candidates)
    where = np.searchsorted(candidates[order], wanted).clip(max=len(candidates) - 1)
    hit = candidates[order][where] == wanted
    return np.where(hit, order[where], np.iinfo(np.int64).max - 1)


def _wide_enough(ranks: Positions, limit: int) -> Widths:
    """The widths for the worst of the three kinds of questions, of which there are equally many."""
    kinds = np.split(ranks, 3)
    near = [_width(kind[:, :_NEAR], limit) for kind in kinds]
    far = [_width(kind, limit) for kind in kinds]
    if not all(near):
        return Widths(0, 0)
    wide = max(max(near) * _SPARE, 200)
    return Widths(wide, max(max(far) * _SPARE, 1_000) if all(far) else 0)


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


def _true_nearest(
    rows: Vectors, masks: Sequence[NDArray[np.bool_]], queries: Vectors, k: int
) -> list[Positions]:
    """For each mask over the first rows the positions (m, k) of those nearest by exact cosine, best
    first. A mask holds at least k rows."""
    best = [np.full((len(queries), k), -np.inf, np.float32) for _ in masks]
    place = [np.zeros((len(queries), k), np.int64) for _ in masks]
    for start, block in _blocks(rows, len(masks[0])):
        scores = queries @ block.T
        for at, mask in enumerate(masks):
            better, found = _above(scores, mask[start : start + len(block)], best[at])
            near = np.concatenate([best[at], better], axis=1)
            places = np.concatenate([place[at], found + start], axis=1)
            top = np.argpartition(near, near.shape[1] - k, axis=1)[:, -k:]
            best[at] = np.take_along_axis(near, top, axis=1)
            place[at] = np.take_along_axis(places, top, axis=1)
    for at, scores in enumerate(best):
        place[at] = np.take_along_axis(place[at], np.argsort(-scores, axis=1), axis=1)
    return place


def _above(scores: Vectors, mask: NDArray[np.bool_], best: Vectors) -> tuple[Vectors, Positions]:
    """Of each row of ``scores`` (m, n) those that may belong to its ``best`` (m, k), and where they
    stand. After the first block they are few, and to find them is far quicker than to sort."""
    k = best.shape[1]
    floor = best.min(axis=1)
    if not np.isfinite(floor).all():
        here = np.flatnonzero(mask)
        scores = scores[:, here]
        top = np.argpartition(scores, max(0, here.size - k), axis=1)[:, -k:]
        return np.take_along_axis(scores, top, axis=1), here[top]
    # numpy looks through a flat array ten times as fast.
    row, column = np.divmod(np.flatnonzero((scores > floor[:, None]) & mask), scores.shape[1])
    counts = np.bincount(row, minlength=len(scores))
    slot = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
    shape = (len(scores), int(counts.max()))
    better, found = np.full(shape, -np.inf, np.float32), np.zeros(shape, np.int64)
    better[row, slot], found[row, slot] = scores[row, column], column
    return better, found


def _blocks(rows: Vectors, count: int) -> Iterator[tuple[int, Vectors]]:
    """The first ``count`` rows block by block, with where each begins."""
    for start in range(0, count, _BLOCK_ROWS):
        yield start, np.asarray(rows[start : min(start + _BLOCK_ROWS, count)])
        # Otherwise all of the file counts as this process's memory in the end.
        release(rows)


@contextmanager
def one_thread_per_product() -> Iterator[None]:
    """Threads of ours share the processors in the block. Those that numpy and faiss would each
    start for a product keep spinning after it, and so get in each other's way."""
    import threadpoolctl

    blas = threadpoolctl.ThreadpoolController().select(user_api="blas")
    # Two that overlap would restore each other's limit; scikit-learn sets one while it clusters.
    with _LIMITING:
        if all(each["num_threads"] == 1 for each in blas.info()):
            yield
            return
        with blas.limit(limits=1):
            yield


def _one_faiss_thread() -> None:
    import faiss

    faiss.omp_set_num_threads(1)
