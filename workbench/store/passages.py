"""Whole documents chunk by chunk, with their vectors, for tasks that read rather than search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np

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
