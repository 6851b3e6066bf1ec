"""Vector search: an exact scan over an in-memory copy of the vectors that the scope allows."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from workbench.store.database import Database
from workbench.store.migrations import vectors_table
from workbench.store.records import Vectors
from workbench.store.versions import EMPTY, Version, changes_since

_GATHER_SHARE = 0.5
"""Above this share of allowed rows, scoring all of them beats copying the allowed ones."""

NONE = -1
"""Stands for "no further chunk" in an array of chunk ids."""

Ids = NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class Matrix:
    """The vectors of one embedding model at one corpus version.

    ``rows`` has shape (n, dim) and unit-length rows; the other arrays have length n and
    ``chunk_ids`` is ascending.
    """

    version: Version
    rows: Vectors
    chunk_ids: Ids
    document_ids: Ids

    @classmethod
    def empty(cls, dim: int) -> Matrix:
        """Nothing, at the version before the first document."""
        none = np.empty(0, np.int32)
        return cls(EMPTY, np.empty((0, dim), np.float32), none, none)

    @property
    def dim(self) -> int:
        """How many numbers a vector has."""
        return int(self.rows.shape[1])

    def nearest(self, queries: Vectors, k: int, allowed: Ids | None) -> tuple[Ids, Vectors]:
        """Chunk ids (m, k), nearest first and padded with ``NONE``, and their cosines (m, k).

        ``queries`` has shape (m, dim) and unit-length rows. ``allowed`` are the ascending ids of
        the documents whose chunks are scored at all; None allows all. Equal cosines go by chunk id.
        """
        positions = self._allowed(allowed)
        ids = np.full((len(queries), k), NONE, np.int32)
        cosine = np.zeros((len(queries), k), np.float32)
        if positions.size == 0:
            return ids, cosine
        for row, query in enumerate(queries):
            scores = self._scores(query, positions)
            if positions.size > k:
                cut = np.partition(scores, positions.size - k)[positions.size - k]
                best = np.flatnonzero(scores >= cut)
            else:
                best = np.arange(positions.size)
            order = np.lexsort((self.chunk_ids[positions[best]], -scores[best]))[:k]
            ids[row, : order.size] = self.chunk_ids[positions[best[order]]]
            cosine[row, : order.size] = scores[best[order]]
        return ids, cosine

    def similarity(self, vector: Vectors, chunk_ids: Sequence[int]) -> dict[int, float]:
        """The cosine by chunk id, for those of ``chunk_ids`` that are in the matrix."""
        wanted = np.asarray(chunk_ids, np.int32)
        at = np.searchsorted(self.chunk_ids, wanted)
        inside = at < len(self.chunk_ids)
        at, wanted = at[inside], wanted[inside]
        same = self.chunk_ids[at] == wanted
        scores = _rounded(self.rows[at[same]] @ vector)
        return dict(zip(wanted[same].tolist(), scores.tolist(), strict=True))

    def changed(self, version: Version, gone: Sequence[int], new: pa.Table) -> Matrix:
        """This matrix without the documents ``gone`` and with the rows of ``new``."""
        keep = ~np.isin(self.document_ids, np.asarray(gone, np.int32))
        flat = new["vector"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
        chunk_ids = np.concatenate([self.chunk_ids[keep], _integers(new["chunk_id"])])
        order = np.argsort(chunk_ids, kind="stable")
        return Matrix(
            version,
            np.concatenate([self.rows[keep], flat.reshape(-1, self.rows.shape[1])])[order],
            chunk_ids[order],
            np.concatenate([self.document_ids[keep], _integers(new["document_id"])])[order],
        )

    def _allowed(self, allowed: Ids | None) -> NDArray[np.intp]:
        if allowed is None:
            return np.arange(len(self.chunk_ids))
        return np.flatnonzero(np.isin(self.document_ids, allowed))

    def _scores(self, vector: Vectors, allowed: NDArray[np.intp]) -> NDArray[np.float64]:
        if allowed.size > _GATHER_SHARE * len(self.chunk_ids):
            return _rounded((self.rows @ vector)[allowed])
        return _rounded(self.rows[allowed] @ vector)


class VectorCache:
    """One matrix per embedding model and process, brought up to date by what changed."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._matrices: dict[int, Matrix] = {}
        self._lock = threading.Lock()

    def matrix(self, embedding_id: int, dim: int, version: Version) -> Matrix:
        """The vectors of one embedding model as of ``version`` or later."""
        with self._lock:
            held = self._matrices.get(embedding_id, Matrix.empty(dim))
            if held.version != version:
                held = self._caught_up(held, embedding_id)
                self._matrices[embedding_id] = held
            return held

    def _caught_up(self, held: Matrix, embedding_id: int) -> Matrix:
        changes = changes_since(
            self._database,
            held.version,
            "SELECT c.chunk_id, c.document_id, c.vector FROM "
            f"{vectors_table(embedding_id)} c JOIN store.documents d ON d.id = c.document_id",
        )
        start = Matrix.empty(held.rows.shape[1]) if changes.anew else held
        return start.changed(changes.version, changes.removed, pa.concat_tables(changes.added))


def _integers(column: pa.ChunkedArray) -> Ids:
    return np.asarray(column.to_numpy(), np.int32)


def _rounded(scores: NDArray[Any]) -> NDArray[np.float64]:
    # The last bits depend on how many rows are scored together; equal vectors must stay equal.
    return np.asarray(np.round(scores.astype(np.float64), 6), np.float64)
