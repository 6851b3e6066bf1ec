"""Vectors of another embedding model, made beside the present ones and then used all at once.

The new vectors gather in a table that no search knows. Once no chunk lacks one, a single
transaction registers the table, points every document to it and drops the former tables. Until
then every search works as before; whoever is killed on the way goes on where the last page ended.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from workbench.errors import AccessDenied
from workbench.guard.run import Run
from workbench.store.database import Database
from workbench.store.documents import append, one, unit_rows
from workbench.store.elsewhere import Place, VectorServer, places_of
from workbench.store.migrations import create_vectors_table, vectors_table
from workbench.store.nodes import MaskedNode, masked_node
from workbench.store.records import EmbeddingInfo, Vectors
from workbench.store.vector_files import FOLDER, VectorFiles
from workbench.store.versions import advance


@dataclass(frozen=True, slots=True)
class Waiting:
    """A chunk that has no vector of the new model yet."""

    chunk_id: int
    document_id: int
    heading: str
    text: str
    node: MaskedNode | None = None
    """The LlamaIndex node that the chunk came as, whose template says what stands for it."""


class Reembedding:
    """The change to another embedding model. It concerns every document of every version, so its
    runs must see everything and may write; AccessDenied otherwise."""

    def __init__(self, database: Database, server: VectorServer | None = None) -> None:
        self._database = database
        self._server = server

    def waiting(self, run: Run, embedding: EmbeddingInfo, *, limit: int) -> tuple[Waiting, ...]:
        """At most ``limit`` chunks without a vector by ``embedding``, in order; none if every
        document is embedded by this model already."""
        _require_all(run)

        def some(connection: duckdb.DuckDBPyConnection) -> tuple[Waiting, ...]:
            if _is_done(connection, embedding.digest):
                return ()
            held = _table(connection, embedding.digest)
            lacking = "" if held is None else f"ANTI JOIN {held[1]} v ON v.chunk_id = c.id"
            rows = connection.execute(
                "SELECT c.id, c.document_id, c.heading, c.text, d.name, d.metadata, n.extras FROM "
                "(SELECT c.id, c.document_id, c.heading, c.text FROM store.chunks c "
                f"{lacking} ORDER BY c.id LIMIT ?) c "
                "LEFT JOIN store.nodes n ON n.document_id = c.document_id "
                "LEFT JOIN store.documents d ON d.id = n.document_id ORDER BY c.id",
                [limit],
            ).fetchall()
            return tuple(map(_waiting, rows))

        return self._database.read(some)

    def keep(
        self, run: Run, embedding: EmbeddingInfo, chunks: Sequence[Waiting], vectors: Vectors
    ) -> None:
        """Store vectors (len(chunks), embedding.dim), in one transaction.

        Raises:
            UsageError: if a vector is zero or not finite.
        """
        _require_all(run)
        flat = pa.array(np.ascontiguousarray(unit_rows(vectors)).ravel(), pa.float32())
        rows = pa.table(
            {
                "chunk_id": pa.array([chunk.chunk_id for chunk in chunks], pa.int32()),
                "document_id": pa.array([chunk.document_id for chunk in chunks], pa.int32()),
                "vector": pa.FixedSizeListArray.from_arrays(flat, embedding.dim),
            }
        )

        def store(connection: duckdb.DuckDBPyConnection) -> None:
            held = _table(connection, embedding.digest)
            table = vectors_table(_begun(connection, embedding)) if held is None else held[1]
            append(connection, table, rows)

        self._database.write(store)

    def switch(self, run: Run, embedding: EmbeddingInfo) -> int | None:
        """Use the new vectors from now on, and drop all others, those on a server included.

        Returns how many documents changed their model; None if some chunk lacks its vector still.
        """
        _require_all(run)
        dropped: list[tuple[int, int]] = []
        places: list[Place] = []

        def use(connection: duckdb.DuckDBPyConnection) -> int | None:
            dropped.clear()
            places.clear()
            if _is_done(connection, embedding.digest):
                return 0
            held = _table(connection, embedding.digest)
            if held is None:
                return None
            number, table = held
            lacking = one(
                connection.execute(
                    f"SELECT count(*) FROM store.chunks c ANTI JOIN {table} v ON v.chunk_id = c.id"
                )
            )
            if lacking:
                return None
            advance(connection, run.id)
            dropped.extend(connection.execute("SELECT id, dim FROM store.embeddings").fetchall())
            places.extend(places_of(connection))
            for other, _ in dropped:
                connection.execute(f"DROP TABLE {vectors_table(other)}")
            connection.execute("DELETE FROM store.embeddings")
            connection.execute("DELETE FROM store.reembeddings WHERE id = ?", [number])
            connection.execute(
                "INSERT INTO store.embeddings VALUES (?, ?, ?, ?)",
                [number, embedding.name, embedding.digest, embedding.dim],
            )
            changed = one(connection.execute("SELECT count(*) FROM store.documents"))
            connection.execute("UPDATE store.documents SET embedding_id = ?", [number])
            return int(changed)

        if self._server is not None:
            # A server that cannot be used is to be known before the change, not after it.
            for place in self._database.read(places_of):
                self._server.version(place)
        changed = self._database.write(use)
        for other, dim in dropped:
            VectorFiles(self._database.folder / FOLDER, other, dim).discard()
        for place in places:
            if self._server is not None:
                self._server.drop(place)
        return changed


def _waiting(row: tuple[Any, ...]) -> Waiting:
    number, document_id, heading, text, name, metadata, extras = row
    node = None if extras is None else masked_node(name, text, metadata, "{}", extras)
    return Waiting(number, document_id, heading, text, node)


def _is_done(connection: duckdb.DuckDBPyConnection, digest: str) -> bool:
    """Whether no document is embedded by another model."""
    others = connection.execute(
        "SELECT count(*) FROM store.documents d WHERE d.chunk_count > 0 AND d.embedding_id NOT IN "
        "(SELECT id FROM store.embeddings WHERE digest = ?)",
        [digest],
    )
    return not one(others)


def _table(connection: duckdb.DuckDBPyConnection, digest: str) -> tuple[int, str] | None:
    """Number and table of a change that was begun."""
    row = connection.execute(
        "SELECT id FROM store.reembeddings WHERE digest = ?", [digest]
    ).fetchone()
    return None if row is None else (int(row[0]), vectors_table(row[0]))


def _begun(connection: duckdb.DuckDBPyConnection, embedding: EmbeddingInfo) -> int:
    # Always a number of its own: an index may show an older table of the same model, and follows
    # documents that are added, not vectors.
    number = int(one(connection.execute("SELECT nextval('store.embedding_ids')")))
    create_vectors_table(connection, number, embedding.dim)
    connection.execute("INSERT INTO store.reembeddings VALUES (?, ?)", [number, embedding.digest])
    return number


def _require_all(run: Run) -> None:
    run.require_open()
    if not run.action.writes or not run.scope.unrestricted:
        raise AccessDenied(
            "only who sees every document may change their embedding model",
            value=run.actor.name,
            next_step="Let an administrator do it.",
        )
