"""Corpus versions, and what changed between two of them.

Everything derived from the corpus (keyword index, matrix of vectors) remembers the version it
shows and catches up by reading only what was added and removed since.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass

import duckdb

from workbench.store.documents import now, one

ADDED = """d.added_in > ? AND d.added_in <= ?
    AND (d.removed_in IS NULL OR d.removed_in > ?)"""
"""Documents visible now but not at an older version; parameters from ``added_values``."""


@dataclass(frozen=True, slots=True)
class Version:
    """A committed state of the corpus. ``token`` is random: a workspace restored from a copy and
    changed differently reaches the same number with another token."""

    number: int
    token: str


EMPTY = Version(0, "")
"""Before the first document."""


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
    """Whether the workspace went through ``older``, so that catching up from it is right."""
    if older == EMPTY:
        return True
    row = connection.execute(
        "SELECT count(*) FROM store.versions WHERE version = ? AND token = ?",
        [older.number, older.token],
    )
    return bool(one(row))


def added_values(since: Version, upto: Version) -> list[int]:
    """The parameters of ``ADDED``."""
    return [since.number, upto.number, upto.number]


def removed(connection: duckdb.DuckDBPyConnection, since: Version, upto: Version) -> list[int]:
    """Ids of the documents that were removed or replaced after ``since``, up to ``upto``."""
    rows = connection.execute(
        "SELECT id FROM store.documents WHERE removed_in > ? AND removed_in <= ?",
        [since.number, upto.number],
    ).fetchall()
    return [int(row[0]) for row in rows]
