"""Corpus versions, and what changed between two of them.

Everything derived from the corpus (keyword index, matrix of vectors) remembers the version it
shows and catches up by reading only what was added and removed since.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from workbench.store.database import Database
from workbench.store.documents import now, one

PAGE_ROWS = 25_000
"""Rows read per connection: a long read would keep writers out, and two pages are in memory."""


@dataclass(frozen=True, slots=True)
class Version:
    """A committed state of the corpus. ``token`` is random: a workspace restored from a copy and
    changed differently reaches the same number with another token."""

    number: int
    token: str


EMPTY = Version(0, "")
"""Before the first document."""

ChunkIds = NDArray[np.int32]
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
        "AND (d.removed_in IS NULL OR d.removed_in > ?)"
    )

    def page(connection: duckdb.DuckDBPyConnection, span: _Span, ids: ChunkIds) -> pa.Table:
        # A range of ids lets DuckDB skip the row groups of all other pages.
        first, last = (int(ids[0]), int(ids[-1])) if ids.size else (0, 0)
        rows = connection.execute(
            f"{query} AND chunk_id BETWEEN ? AND ?", [*_values(span), first, last]
        ).fetch_arrow_table()
        # They mostly come in this order; sorting them in DuckDB takes longer than reading them.
        numbers = rows["chunk_id"].to_numpy()
        return rows if np.all(numbers[1:] > numbers[:-1]) else rows.sort_by("chunk_id")

    def begin(
        connection: duckdb.DuckDBPyConnection,
    ) -> tuple[_Span, tuple[int, ...], ChunkIds, pa.Table]:
        span = (held if descends(connection, held) else EMPTY, current_version(connection))
        found = connection.execute(f"SELECT chunk_id FROM ({query})", _values(span)).fetchnumpy()
        ids: ChunkIds = np.sort(np.asarray(found["chunk_id"], np.int32))
        return span, _removed(connection, span), ids, page(connection, span, ids[:PAGE_ROWS])

    # Pages of one span agree with each other however much is committed in between: rows stay.
    def pages(span: _Span, ids: ChunkIds, first: pa.Table) -> Iterator[pa.Table]:
        starts = range(PAGE_ROWS, len(ids), PAGE_ROWS)
        reads = [partial(page, span=span, ids=ids[start : start + PAGE_ROWS]) for start in starts]
        return _ahead(database, first, reads)

    span, removed, ids, first = database.read(begin)
    return Changes(span[1], span[0] != held, removed, pages(span, ids, first))


def _ahead(
    database: Database, first: pa.Table, reads: Sequence[Callable[..., pa.Table]]
) -> Iterator[pa.Table]:
    """``first`` and what the reads find, each read while the one before is used."""
    if not reads or database.reads_together:
        yield first
        yield from map(database.read, reads)
        return
    with ThreadPoolExecutor(max_workers=1) as beside:
        ready = first
        del first
        for read in reads:
            coming = beside.submit(database.read, read)
            yield ready
            ready = coming.result()
        yield ready


def _values(span: _Span) -> list[int]:
    since, upto = span
    return [since.number, upto.number, upto.number]


def _removed(connection: duckdb.DuckDBPyConnection, span: _Span) -> tuple[int, ...]:
    rows = connection.execute(
        "SELECT id FROM store.documents WHERE removed_in > ? AND removed_in <= ?",
        [span[0].number, span[1].number],
    ).fetchall()
    return tuple(row[0] for row in rows)
