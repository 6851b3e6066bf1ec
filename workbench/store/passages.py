"""Whole documents chunk by chunk, with their vectors, for tasks that read rather than search."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from workbench.errors import EmbeddingMismatch
from workbench.guard.run import Run
from workbench.store.database import Database
from workbench.store.documents import READABLE, readable_values
from workbench.store.migrations import vectors_table
from workbench.store.records import Vectors
from workbench.values import Chunk, Hit

_CHUNKS = f"""
SELECT c.id, c.document_id, c.ordinal, c.start_char, c.end_char, c.page, c.heading, c.text,
    d.name, d.uri, d.label, d.embedding_id
FROM store.chunks c JOIN ({READABLE}) d ON d.id = c.document_id
WHERE list_contains(?::INTEGER[], d.id)
ORDER BY c.document_id, c.ordinal
"""
_ONLY = "AND list_contains(?::BIGINT[], c.id) ORDER BY"
_EMBEDDED = f"""
SELECT DISTINCT d.id, d.embedding_id FROM ({READABLE}) d
WHERE list_contains(?::INTEGER[], d.id) AND d.chunk_count > 0
"""
_BATCH_ROWS = 20_000


@dataclass(frozen=True, slots=True, eq=False)
class Read:
    """Chunks in reading order and their vectors (n, dim), row by row. ``score`` of the hits is 0.

    Without vectors of one model for all of them, ``vectors`` has no columns.
    """

    hits: tuple[Hit, ...]
    vectors: Vectors


class Passages:
    """Chunks of given documents, within the run's scope."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self, run: Run, document_ids: Sequence[int]) -> Read:
        """All chunks of the documents in ``document_ids`` order; those out of scope are not there.

        Raises:
            AccessDenied: once the run has ended.
        """
        run.require_open()
        ids = list(dict.fromkeys(document_ids))
        place = {number: position for position, number in enumerate(ids)}
        values = [*readable_values(run.scope), ids]

        def rows(connection: duckdb.DuckDBPyConnection) -> Read:
            found = connection.execute(_CHUNKS, values).fetchall()
            found.sort(key=lambda row: (place[row[1]], row[2]))
            return Read(tuple(_hit(row) for row in found), _vectors(connection, found))

        return self._database.read(rows)

    def central(self, run: Run, document_ids: Sequence[int]) -> Read:
        """One hit per document that has text: the chunk nearest to the mean of all its chunks.

        ``vectors`` are those means, L2-normalised. Only the chosen chunks' text is loaded, and
        vectors go by in batches, so that memory follows the documents, not their chunks.

        Raises:
            AccessDenied: once the run has ended.
            EmbeddingMismatch: if the documents were embedded by different models.
        """
        run.require_open()
        values = [*readable_values(run.scope), sorted(set(document_ids))]

        def read(connection: duckdb.DuckDBPyConnection) -> Read:
            models = dict(connection.execute(_EMBEDDED, values).fetchall())
            if not models:
                return Read((), np.empty((0, 0), dtype=np.float32))
            if len(set(models.values())) > 1:
                raise EmbeddingMismatch(
                    "the documents were embedded by different models",
                    value=f"{len(models):,} documents",
                    next_step="Run `workbench reembed` first, or choose other documents.",
                )
            ids = np.array(sorted(models), dtype=np.int64)
            means = _means(connection, models[int(ids[0])], ids)
            chosen = _nearest(connection, models[int(ids[0])], ids, means)
            only = _CHUNKS.replace("ORDER BY", _ONLY)
            found = connection.execute(only, [*values, chosen.tolist()]).fetchall()
            rows = np.searchsorted(ids, [row[1] for row in found])
            return Read(tuple(_hit(row) for row in found), means[rows])

        return self._database.read(read)


def _means(
    connection: duckdb.DuckDBPyConnection, model: int, ids: NDArray[np.int64]
) -> NDArray[np.float32]:
    sums: NDArray[np.float32] | None = None
    for _, places, vectors in _batches(connection, model, ids):
        if sums is None:
            sums = np.zeros((len(ids), vectors.shape[1]), dtype=np.float32)
        np.add.at(sums, places, vectors)
    if sums is None:
        return np.zeros((len(ids), 0), dtype=np.float32)
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    return np.asarray(sums / np.maximum(lengths, 1e-9), dtype=np.float32)


def _nearest(
    connection: duckdb.DuckDBPyConnection,
    model: int,
    ids: NDArray[np.int64],
    means: NDArray[np.float32],
) -> NDArray[np.int64]:
    best = np.full(len(ids), -np.inf, dtype=np.float32)
    chosen = np.zeros(len(ids), dtype=np.int64)
    for chunks, places, vectors in _batches(connection, model, ids):
        scores = np.einsum("ij,ij->i", vectors, means[places])
        for row in np.argsort(scores, kind="stable"):
            if scores[row] > best[places[row]]:
                best[places[row]], chosen[places[row]] = scores[row], chunks[row]
    return chosen


def _batches(
    connection: duckdb.DuckDBPyConnection, model: int, ids: NDArray[np.int64]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]]:
    """Chunk ids, the row of their document in ``ids``, and their vectors."""
    reader = connection.execute(
        f"SELECT chunk_id, document_id, vector FROM {vectors_table(model)} "
        "WHERE list_contains(?::INTEGER[], document_id) ORDER BY chunk_id",
        [ids.tolist()],
    ).fetch_record_batch(_BATCH_ROWS)
    for batch in reader:
        chunks = batch["chunk_id"].to_numpy().astype(np.int64)
        places = np.searchsorted(ids, batch["document_id"].to_numpy())
        flat = batch["vector"].flatten().to_numpy(zero_copy_only=False)
        yield chunks, places, np.asarray(flat, dtype=np.float32).reshape(len(chunks), -1)


def _hit(row: tuple[Any, ...]) -> Hit:
    number, document_id, ordinal, start, end, page, heading, text, name, uri, label, _ = row
    chunk = Chunk(
        ordinal=ordinal,
        start=start,
        end=end,
        text=text,
        page=page,
        heading=heading,
        id=number,
        document_id=document_id,
    )
    return Hit(chunk, name, uri, label, score=0.0)


def _vectors(connection: duckdb.DuckDBPyConnection, rows: Sequence[tuple[Any, ...]]) -> Vectors:
    none = np.empty((len(rows), 0), dtype=np.float32)
    models = {row[-1] for row in rows}
    if len(models) != 1:
        return none
    table = connection.execute(
        f"SELECT chunk_id, vector FROM {vectors_table(models.pop())} "
        "WHERE list_contains(?::INTEGER[], document_id)",
        [sorted({row[1] for row in rows})],
    ).fetch_arrow_table()
    place = {number: row for row, number in enumerate(table["chunk_id"].to_pylist())}
    if len(place) != len(rows):
        return none
    flat = table["vector"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
    matrix = np.asarray(flat, dtype=np.float32).reshape(table.num_rows, -1)
    return matrix[[place[row[0]] for row in rows]]
