"""Whether a workspace is in order: counts and contradictions, never content."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from workbench.store import audit_chain
from workbench.store.documents import one
from workbench.store.migrations import vectors_table
from workbench.store.versions import current_version


@dataclass(frozen=True, slots=True)
class Health:
    """The corpus version, the visible documents and chunks, and what is wrong, in sentences."""

    version: int
    documents: int
    chunks: int
    problems: tuple[str, ...]


def check(connection: duckdb.DuckDBPyConnection) -> Health:
    """Compare what the tables say about each other."""
    row = connection.execute(
        "SELECT count(*), coalesce(sum(chunk_count), 0) FROM store.documents "
        "WHERE removed_in IS NULL"
    ).fetchone()
    documents, chunks = row or (0, 0)
    version = current_version(connection).number
    problems = [*_missing(connection, "store.chunks", "true", "chunks")]
    for (number,) in connection.execute("SELECT id FROM store.embeddings").fetchall():
        condition = f"d.embedding_id = {number:d}"
        problems += _missing(connection, vectors_table(number), condition, "vectors")
    twice = one(
        connection.execute(
            "SELECT count(*) FROM (SELECT uri FROM store.documents WHERE removed_in IS NULL "
            "GROUP BY uri HAVING count(*) > 1)"
        )
    )
    if twice:
        problems.append(f"{twice} sources have more than one visible document")
    later = one(
        connection.execute(
            "SELECT count(*) FROM store.documents WHERE greatest(added_in, removed_in) > ?",
            [version],
        )
    )
    if later:
        problems.append(f"{later} documents belong to a version after {version}")
    audit = audit_chain.verify(connection)
    if not audit.intact:
        problems.append(str(audit))
    return Health(version, int(documents), int(chunks), tuple(problems))


def _missing(
    connection: duckdb.DuckDBPyConnection, table: str, condition: str, what: str
) -> list[str]:
    count = one(
        connection.execute(
            "SELECT count(*) FROM store.documents d LEFT JOIN "
            f"(SELECT document_id, count(*) AS n FROM {table} GROUP BY document_id) t "
            f"ON t.document_id = d.id WHERE {condition} AND coalesce(t.n, 0) <> d.chunk_count"
        )
    )
    return [f"{count} documents have too few or too many {what}"] if count else []
