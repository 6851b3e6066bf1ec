"""Vectors in PostgreSQL with pgvector.

One table per workspace and model. Searches are exact scans of the allowed rows, without an
approximate index: pgvector applies a filter after its graph, which loses most of the right hits
where the filter is narrow.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import numpy as np
import psycopg
from pgvector.psycopg import register_vector
from psycopg import sql

from workbench.errors import StoreError
from workbench.store.elsewhere import Batch, Change, Ids, Place
from workbench.store.records import Vectors
from workbench.store.versions import EMPTY, Version

T = TypeVar("T")

CONNECT_TIMEOUT_S = 10
_PAGE_ROWS = 10_000
_STATE = """
CREATE TABLE IF NOT EXISTS workbench_state (
    place text PRIMARY KEY, version integer NOT NULL, token text NOT NULL
)
"""


class PostgresServer:
    """Keeps one connection, which it opens again when the server closed it. Safe for threads."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: psycopg.Connection[Any] | None = None
        self._lock = threading.Lock()

    def version(self, place: Place) -> Version:
        """The corpus version that the table shows."""
        return self._do(lambda c: _version(c, place))

    def change(self, place: Place, held: Version, change: Change) -> None:
        """Make a change in one transaction, one process at a time."""

        def make(connection: psycopg.Connection[Any]) -> None:
            with connection.transaction():
                connection.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [place.name])
                if _version(connection, place) != held:
                    return
                _write(connection, place, change)

        self._do(make, again=False)

    def nearest(
        self, place: Place, query: Vectors, k: int, allowed: Ids | None
    ) -> list[tuple[int, float]]:
        """Chunk ids and cosines of the ``k`` nearest allowed rows."""
        condition = sql.SQL("" if allowed is None else "WHERE document_id = ANY(%(allowed)s)")
        # Ordered by both columns, so that no approximate index can ever serve it.
        statement = sql.SQL(
            "SELECT chunk_id, round((1 - (vector <=> %(query)s))::numeric, 6)::float8 AS cosine "
            "FROM {} {} ORDER BY cosine DESC, chunk_id LIMIT %(k)s"
        ).format(sql.Identifier(place.name), condition)
        values = {"query": query, "k": k, "allowed": None if allowed is None else allowed.tolist()}

        def ask(connection: psycopg.Connection[Any]) -> list[tuple[int, float]]:
            if not _exists(connection, place):
                return []
            return connection.execute(statement, values).fetchall()

        return self._do(ask)

    def fetch(self, place: Place, chunk_ids: Sequence[int]) -> Batch:
        """The rows of these chunks."""
        statement = sql.SQL(
            "SELECT chunk_id, document_id, vector FROM {} WHERE chunk_id = ANY(%s)"
        ).format(sql.Identifier(place.name))

        def ask(connection: psycopg.Connection[Any]) -> Batch:
            rows = (
                connection.execute(statement, [list(chunk_ids)]).fetchall()
                if _exists(connection, place)
                else []
            )
            return _batch(rows, place)

        return self._do(ask)

    def rows(self, place: Place) -> Iterator[Batch]:
        """Everything, in pages by chunk id."""
        statement = sql.SQL(
            "SELECT chunk_id, document_id, vector FROM {} WHERE chunk_id > %s "
            "ORDER BY chunk_id LIMIT %s"
        ).format(sql.Identifier(place.name))
        after = 0
        while True:
            values = [after, _PAGE_ROWS]
            page = self._do(lambda c, v=values: _batch(c.execute(statement, v).fetchall(), place))  # type: ignore[misc]
            if len(page.chunk_ids) == 0:
                return
            yield page
            after = int(page.chunk_ids[-1])

    def drop(self, place: Place) -> None:
        """Remove the table."""

        def drop(connection: psycopg.Connection[Any]) -> None:
            with connection.transaction():
                name = sql.Identifier(place.name)
                connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(name))
                connection.execute("DELETE FROM workbench_state WHERE place = %s", [place.name])

        self._do(drop)

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._drop_connection()

    def _drop_connection(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _do(self, work: Callable[[psycopg.Connection[Any]], T], *, again: bool = True) -> T:
        with self._lock:
            kept = self._connection is not None
            try:
                return work(self._open())
            except psycopg.OperationalError as error:
                # A connection that was kept may have been closed by the server meanwhile.
                self._drop_connection()
                if not (kept and again):
                    raise _unusable(error) from error
            except psycopg.Error as error:
                raise _unusable(error) from error
        return self._do(work, again=False)

    def _open(self) -> psycopg.Connection[Any]:
        if self._connection is None or self._connection.closed:
            connection = psycopg.connect(
                self._url, autocommit=True, connect_timeout=CONNECT_TIMEOUT_S
            )
            connection.execute("SET client_min_messages = warning")
            connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
            connection.execute(_STATE)
            register_vector(connection)
            self._connection = connection
        return self._connection


def _version(connection: psycopg.Connection[Any], place: Place) -> Version:
    row = connection.execute(
        "SELECT version, token FROM workbench_state WHERE place = %s", [place.name]
    ).fetchone()
    return EMPTY if row is None or not _exists(connection, place) else Version(row[0], row[1])


def _exists(connection: psycopg.Connection[Any], place: Place) -> bool:
    row = connection.execute("SELECT to_regclass(quote_ident(%s))", [place.name]).fetchone()
    return row is not None and row[0] is not None


def _write(connection: psycopg.Connection[Any], place: Place, change: Change) -> None:
    name = sql.Identifier(place.name)
    if change.anew:
        connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(name))
    connection.execute(
        sql.SQL(
            "CREATE TABLE IF NOT EXISTS {} (chunk_id integer PRIMARY KEY, "
            "document_id integer NOT NULL, vector vector({}) NOT NULL)"
        ).format(name, sql.Literal(place.dim))
    )
    index = sql.Identifier(f"{place.name}_documents")
    connection.execute(
        sql.SQL("CREATE INDEX IF NOT EXISTS {} ON {} (document_id)").format(index, name)
    )
    if change.removed:
        connection.execute(
            sql.SQL("DELETE FROM {} WHERE document_id = ANY(%s)").format(name),
            [list(change.removed)],
        )
    copy = sql.SQL("COPY {} (chunk_id, document_id, vector) FROM STDIN WITH (FORMAT BINARY)")
    with connection.cursor() as cursor, cursor.copy(copy.format(name)) as rows:
        rows.set_types(["int4", "int4", "vector"])
        for batch in change.added:
            for row in zip(
                batch.chunk_ids.tolist(), batch.document_ids.tolist(), batch.vectors, strict=True
            ):
                rows.write_row(row)
    connection.execute(
        "INSERT INTO workbench_state VALUES (%s, %s, %s) ON CONFLICT (place) "
        "DO UPDATE SET version = excluded.version, token = excluded.token",
        [place.name, change.version.number, change.version.token],
    )


def _batch(rows: Sequence[tuple[Any, ...]], place: Place) -> Batch:
    vectors = [np.asarray(_floats(row[2]), np.float32) for row in rows]
    return Batch(
        np.array([row[0] for row in rows], np.int32),
        np.array([row[1] for row in rows], np.int32),
        np.stack(vectors) if vectors else np.empty((0, place.dim), np.float32),
    )


def _floats(value: Any) -> Any:
    return value.to_numpy() if hasattr(value, "to_numpy") else value


def _unusable(error: psycopg.Error) -> StoreError:
    # Not the url: it may hold a password.
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return StoreError(
        "the PostgreSQL server of the store cannot be used",
        value=lines[0],
        next_step="Check [store] url in workbench.toml, that the server runs, and that pgvector is "
        "installed there.",
    )
