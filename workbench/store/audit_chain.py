"""The audit's hash chain: the hash of a row covers the row and the hash before it.

It is the SHA-256 of the row as JSON without its hash and with ``previous``, the hash of the row
before: keys sorted, no spaces, ASCII. An export holds the same values, so that anybody can check
it without Workbench. The recorded head shows rows that were cut off the end. Who may write the file
can compute all of it anew, which only a head hash kept elsewhere shows.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import duckdb
import pyarrow as pa

from workbench.errors import WorkspaceDamaged
from workbench.results import AuditCheck
from workbench.store.inlined import inlined

START = "0" * 64
"""What stands for the hash before the first row."""

TIME_FORMAT = "%Y-%m-%dT%H:%M:%S.%f"
FIELDS = (
    "sequence",
    "run_id",
    "actor",
    "role",
    "action",
    "resource",
    "outcome",
    "detail",
    "prompt_tokens",
    "output_tokens",
    "seconds",
    "model_calls",
    "cache_hits",
    "started_at",
)
"""The hashed columns of ``store.runs``, in order; ``hash`` follows."""

_SELECTED = ", ".join(FIELDS).replace("started_at", f"strftime(started_at, '{TIME_FORMAT}')")
_FETCH_ROWS = 10_000


def row_hash(previous: str, row: Mapping[str, object]) -> str:
    """The hash of one row, whose time is a text in ``TIME_FORMAT``."""
    state = {**row, "previous": previous}
    # A column whose type was changed may hold anything, and must not stop the check.
    canonical = json.dumps(state, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(canonical.encode()).hexdigest()


def append(connection: duckdb.DuckDBPyConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Number and add rows, which have all fields but ``sequence``, in the caller's transaction.

    Two transactions cannot both move the head: the later one conflicts and is run again.

    Raises:
        WorkspaceDamaged: if the head is missing or damaged.
    """
    head = _head(connection)
    if head is None:
        raise WorkspaceDamaged(
            "the audit's head is missing or damaged",
            value="store.audit_head",
            next_step="Restore the workspace from a copy.",
        )
    sequence, previous = head
    places = ", ".join("?" * (len(FIELDS) + 1))
    for row in rows:
        sequence += 1
        numbered = {"sequence": sequence, **row}
        previous = row_hash(previous, numbered)
        values = [*(numbered[field] for field in FIELDS), previous]
        connection.execute(inlined(f"INSERT INTO store.runs VALUES ({places})", values))
    head_now = inlined("UPDATE store.audit_head SET sequence = ?, hash = ?", [sequence, previous])
    connection.execute(head_now)


def verify(connection: duckdb.DuckDBPyConnection) -> AuditCheck:
    """Compute the chain anew, at about 100,000 rows per second."""
    head = _head(connection)
    rows, previous = 0, START
    cursor = _ordered(connection)
    while found := cursor.fetchmany(_FETCH_ROWS):
        for *values, digest in found:
            row = dict(zip(FIELDS, values, strict=True))
            beyond = head is not None and rows == head[0]
            if beyond or row["sequence"] != rows + 1 or row_hash(previous, row) != digest:
                return AuditCheck(rows, rows + 1, previous)
            rows, previous = rows + 1, digest
    return AuditCheck(rows, None if (rows, previous) == head else rows + 1, previous)


def export(connection: duckdb.DuckDBPyConnection) -> pa.Table:
    """All rows in order with their hashes, the time as the text that was hashed."""
    return _ordered(connection).arrow().rename_columns([*FIELDS, "hash"])


def _head(connection: duckdb.DuckDBPyConnection) -> tuple[int, str] | None:
    match connection.execute("SELECT sequence, hash FROM store.audit_head").fetchall():
        case [(int(sequence), str(digest))]:
            return sequence, digest
    return None


def _ordered(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    return connection.execute(f"SELECT {_SELECTED}, hash FROM store.runs ORDER BY sequence, rowid")
