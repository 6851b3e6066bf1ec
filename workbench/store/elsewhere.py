"""Vectors on a server: the same search when they outgrow this machine.

The server holds numbers only: for each chunk its id, its document's id and its vector. Texts,
labels, filters and the audit stay in the workspace file, which remains the one durable truth. What
a search may see is decided here, by ``visible``, and goes to the server as document ids, before
anything is scored there. The server's copy is derived: it knows the corpus version it shows,
catches up by what changed, and is filled anew when it is missing or of another history. See
docs/decisions/0007-beyond-one-machine.md.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from workbench.errors import ConfigError, StoreError
from workbench.store.database import Database
from workbench.store.migrations import vectors_table
from workbench.store.records import Vectors
from workbench.store.versions import Version, changes_since

Ids = NDArray[np.int32]
NONE = -1
_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Place:
    """Where one model's vectors of one workspace are on the server."""

    name: str
    dim: int


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows: ``chunk_ids`` and ``document_ids`` (n,), ``vectors`` (n, dim) of unit length."""

    chunk_ids: Ids
    document_ids: Ids
    vectors: Vectors


@dataclass(frozen=True, slots=True)
class Change:
    """How to get to ``version``: forget everything if ``anew``, take documents out, add rows."""

    version: Version
    anew: bool
    removed: Sequence[int]
    added: Iterator[Batch]


class VectorServer(Protocol):
    """What the search needs of a server. Every method raises StoreError if it cannot be used."""

    def version(self, place: Place) -> Version:
        """The corpus version that the server shows; EMPTY where it holds nothing."""
        ...

    def change(self, place: Place, held: Version, change: Change) -> None:
        """Make a change; it counts only once all of it is there. If the server shows another
        version than ``held`` by now, somebody else was faster, and nothing is done."""
        ...

    def nearest(
        self, place: Place, query: Vectors, k: int, allowed: Ids | None
    ) -> list[tuple[int, float]]:
        """Chunk ids and exact cosines of the ``k`` nearest rows of ``allowed`` documents, nearest
        first, equal ones by id; None allows all. ``query`` is one row of unit length."""
        ...

    def fetch(self, place: Place, chunk_ids: Sequence[int]) -> Batch:
        """The rows of these chunks, in any order; those that are not there are left out."""
        ...

    def rows(self, place: Place) -> Iterator[Batch]:
        """Everything, ascending by chunk id."""
        ...

    def drop(self, place: Place) -> None:
        """Remove everything."""
        ...

    def close(self) -> None:
        """Close the connections; a later call opens them again."""
        ...


class RemoteMatrix:
    """One model's vectors at one version, as the search uses them."""

    def __init__(self, server: VectorServer, place: Place, version: Version) -> None:
        self._server = server
        self._place = place
        self.version = version

    @property
    def dim(self) -> int:
        """How many numbers a vector has."""
        return self._place.dim

    @property
    def is_current(self) -> bool:
        """Whether the server still shows this version; it may be another's, or gone.

        Raises:
            StoreError: if the server cannot be used.
        """
        return self._server.version(self._place) == self.version

    def nearest(self, queries: Vectors, k: int, allowed: Ids | None) -> tuple[Ids, Vectors]:
        """Chunk ids (m, k), nearest first and padded with ``NONE``, and their cosines (m, k)."""
        ids = np.full((len(queries), k), NONE, np.int32)
        cosine = np.zeros((len(queries), k), np.float32)
        if allowed is not None and allowed.size == 0:
            return ids, cosine
        for row, query in enumerate(queries):
            for at, (number, score) in enumerate(
                self._server.nearest(self._place, query, k, allowed)
            ):
                ids[row, at], cosine[row, at] = number, score
        return ids, cosine

    def similarity(self, vector: Vectors, chunk_ids: Sequence[int]) -> dict[int, float]:
        """The cosine by chunk id, for those of ``chunk_ids`` that are on the server."""
        if not chunk_ids:
            return {}
        found = self._server.fetch(self._place, sorted(set(chunk_ids)))
        scores = np.round((found.vectors @ vector).astype(np.float64), 6)
        return dict(zip(found.chunk_ids.tolist(), scores.tolist(), strict=True))


class RemoteVectors:
    """Takes the place of the index beside the workspace file."""

    def __init__(self, database: Database, server: VectorServer) -> None:
        self._database = database
        self._server = server
        self._held: dict[int, RemoteMatrix] = {}
        self._lock = threading.Lock()

    def matrix(self, embedding_id: int, dim: int, version: Version) -> RemoteMatrix:
        """The vectors of one embedding model as of ``version`` or later.

        Raises:
            StoreError: if the server cannot be used.
        """
        with self._lock:
            held = self._held.get(embedding_id)
            if held is None or held.version != version or not held.is_current:
                held = self._held[embedding_id] = self._caught_up(embedding_id, dim)
            return held

    def _caught_up(self, embedding_id: int, dim: int) -> RemoteMatrix:
        place = self._database.read(lambda c: place_of(c, embedding_id, dim))
        for _ in range(_ATTEMPTS):
            shown = self._server.version(place)
            changes = changes_since(self._database, shown, vectors_of(embedding_id))
            if changes.version == shown:
                return RemoteMatrix(self._server, place, shown)
            added = (batch_of(page) for page in changes.added)
            change = Change(changes.version, changes.anew, changes.removed, added)
            self._server.change(place, shown, change)
            # Where another process was faster, nothing was done, and it may have stopped earlier.
            if self._server.version(place) == changes.version:
                return RemoteMatrix(self._server, place, changes.version)
        raise StoreError(
            "other programs keep changing the vectors on the server",
            value=place.name,
            next_step="Try again. If it stays so, two copies of one workspace may name the same "
            "[store] url: give one of them another database.",
        )


def connect_server(url: str) -> VectorServer:
    """The server that ``[store] url`` names; nothing is contacted before it is used.

    Raises:
        ConfigError: if the url is of no kind that is known, or its extra is not installed.
    """
    kind = url.partition("://")[0]
    try:
        if kind in ("postgresql", "postgres"):
            from workbench.store.postgres import PostgresServer

            return PostgresServer(url)
        if kind in ("qdrant", "qdrants"):
            from workbench.store.qdrant import QdrantServer

            return QdrantServer(url)
    except ModuleNotFoundError as error:
        extra = "qdrant" if kind.startswith("qdrant") else "postgres"
        raise ConfigError(
            "the library for this store is not installed",
            value=error.name,
            next_step=f"Install Workbench with the extra [{extra}].",
        ) from error
    raise ConfigError(
        "the store's url is of no known kind",
        value=f"{kind}://",
        next_step="Use postgresql://, qdrant:// (or qdrants:// with TLS), or leave it out.",
    )


def place_of(connection: duckdb.DuckDBPyConnection, embedding_id: int, dim: int) -> Place:
    """The name that belongs to this workspace's history and this model."""
    row = connection.execute("SELECT token FROM store.versions ORDER BY version LIMIT 1").fetchone()
    digest = connection.execute(
        "SELECT digest FROM store.embeddings WHERE id = ?", [embedding_id]
    ).fetchone()
    identity = f"{row}|{digest}|{embedding_id}"
    return Place(f"workbench_{hashlib.sha256(identity.encode()).hexdigest()[:24]}", dim)


def places_of(connection: duckdb.DuckDBPyConnection) -> list[Place]:
    """Where the vectors of all models of this workspace are."""
    rows = connection.execute("SELECT id, dim FROM store.embeddings ORDER BY id").fetchall()
    return [place_of(connection, number, dim) for number, dim in rows]


def batch_of(page: pa.Table) -> Batch:
    """Rows as ``changes_since`` reads them."""
    ids = np.asarray(page["chunk_id"].to_numpy(), np.int32)
    flat = page["vector"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
    dim = page.schema.field("vector").type.list_size
    rows = np.asarray(flat, np.float32).reshape(len(ids), dim)
    return Batch(ids, np.asarray(page["document_id"].to_numpy(), np.int32), rows)


def vectors_of(embedding_id: int) -> str:
    """One model's vectors, as ``changes_since`` wants them."""
    return (
        f"SELECT c.chunk_id, c.document_id, c.vector FROM {vectors_table(embedding_id)} c "
        "JOIN store.documents d ON d.id = c.document_id"
    )
