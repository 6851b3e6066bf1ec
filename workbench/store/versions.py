"""Corpus versions, and what changed between two of them.

Everything derived from the corpus (keyword index, matrix of vectors) remembers the version it
shows and catches up by reading only what was added and removed since.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import duckdb
import pyarrow as pa

from workbench.store.database import Database
from workbench.store.documents import now, one

PAGE_ROWS = 20_000
"""Rows read per connection: a long read would keep writers out."""


@dataclass(frozen=True, slots=True)
class Version:
    """A committed state of the corpus. ``token`` is random: a workspace restored from a copy and
    changed differently reaches the same number with another token."""

    number: int
    token: str


EMPTY = Version(0, "")
"""Before the first document."""

_Span = tuple[Version, Version]


def current_version(connection: duckdb.DuckDBPyConnection) -> Version:
    """The version that this connection sees."""
    row = connection.execute("SELECT version, token FROM store.corpus").fetchone()
    return EMPTY if row is None else Version(*row)


def advance(connection: duckdb.DuckDBPyConnection, run_id: str) -> int:
    """Count one change and return the new number. Two transactions cannot both do it: the later
    one conflicts and is run again."""
    token = uuid.uuid4().hex
    number = int(
        one(
            connection.execute(
                "UPDATE store.corpus SET version = version + 1, token = ? RETURNING version",
                [token],
            )
        )
    )
    connection.execute(
        "INSERT INTO store.versions VALUES (?, ?, ?, ?)", [number, token, now(), run_id]
    )
    return number


def descends(connection: duckdb.DuckDBPyConnection, older: Version) -> bool:
    """Whether the workspace went through ``older``. A restored copy may have not."""
    if older == EMPTY:
        return True
    row = connection.execute(
        "SELECT count(*) FROM store.versions WHERE version = ? AND token = ?",
        [older.number, older.token],
    )
    return bool(one(row))


@dataclass(frozen=True, slots=True)
class Changes:
    """How to get from a version that is held to the present one.

    ``anew`` tells to forget what is held. ``removed`` are ids of documents; ``added`` yields the
    new rows in pages, each read when it is asked for.
    """

    version: Version
    anew: bool
    removed: tuple[int, ...]
    added: Iterator[pa.Table]


def changes_since(database: Database, held: Version, select: str) -> Changes:
    """What happened after ``held``.

    ``select`` picks columns of chunks ``c`` (their id as ``chunk_id``), documents ``d`` and
    perhaps others, without any condition.
    """
    query = (
        f"{select} WHERE d.added_in > ? AND d.added_in <= ? "
        "AND (d.removed_in IS NULL OR d.removed_in > ?) AND chunk_id > ? ORDER BY chunk_id LIMIT ?"
    )

    def page(connection: duckdb.DuckDBPyConnection, span: _Span, after_id: int) -> pa.Table:
        since, upto = span
        values = [since.number, upto.number, upto.number, after_id, PAGE_ROWS]
        return connection.execute(query, values).fetch_arrow_table()

    def begin(connection: duckdb.DuckDBPyConnection) -> tuple[_Span, tuple[int, ...], pa.Table]:
        span = (held if descends(connection, held) else EMPTY, current_version(connection))
        return span, _removed(connection, span), page(connection, span, 0)

    # Pages of one span agree with each other however much is committed in between: rows stay.
    def pages(table: pa.Table) -> Iterator[pa.Table]:
        yield table
        while table.num_rows == PAGE_ROWS:
            last_id = table["chunk_id"][-1].as_py()
            table = database.read(partial(page, span=span, after_id=last_id))
            yield table

    span, removed, first = database.read(begin)
    return Changes(span[1], span[0] != held, removed, pages(first))


def _removed(connection: duckdb.DuckDBPyConnection, span: _Span) -> tuple[int, ...]:
    rows = connection.execute(
        "SELECT id FROM store.documents WHERE removed_in > ? AND removed_in <= ?",
        [span[0].number, span[1].number],
    ).fetchall()
    return tuple(row[0] for row in rows)
