"""Grants: single documents that an actor may read whatever their label."""

from __future__ import annotations

import duckdb
import pyarrow as pa

from workbench.errors import AccessDenied, UsageError
from workbench.guard.policy import Action
from workbench.guard.run import Run
from workbench.store.database import Database
from workbench.store.documents import IN_SCOPE, now, scope_values, text_of


class Grants:
    """Which documents were granted to whom. A grant belongs to a source, so it holds for every
    version of its document, also for those to come."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def grant(self, run: Run, actor: str, document_id: int) -> str:
        """Let ``actor`` read one document; granting twice changes nothing. Returns its uri.

        Raises:
            AccessDenied: if the run is not one for access, or cannot see the document itself.
        """
        _require_access(run)

        def add(connection: duckdb.DuckDBPyConnection) -> str:
            uri = _uri(connection, run, document_id)
            connection.execute(
                "INSERT INTO store.grants SELECT ?, ?, ?, ? WHERE NOT EXISTS "
                "(SELECT 1 FROM store.grants WHERE actor = ? AND uri = ?)",
                [actor, uri, run.actor.name, now(), actor, uri],
            )
            return uri

        return self._database.write(add)

    def revoke(self, run: Run, actor: str, document_id: int) -> str:
        """Take a grant back. Returns the document's uri.

        Raises:
            AccessDenied: if the run is not one for access, or cannot see the document itself.
            UsageError: if there is no such grant.
        """
        _require_access(run)

        def remove(connection: duckdb.DuckDBPyConnection) -> str:
            uri = _uri(connection, run, document_id)
            gone = connection.execute(
                "DELETE FROM store.grants WHERE actor = ? AND uri = ? RETURNING uri", [actor, uri]
            ).fetchall()
            if not gone:
                raise UsageError(
                    "this document was not granted to the actor",
                    value=f"document {document_id}, actor {actor}",
                    next_step="List the grants; what a label allows is set in workbench.toml.",
                )
            return uri

        return self._database.write(remove)

    def all(self, run: Run) -> pa.Table:
        """Every grant of documents that the run can see: actor, document_id, document, uri,
        label, granted_by, granted_at. ``document_id`` is null while the source is removed.

        Raises:
            AccessDenied: if the run is not one for access.
        """
        _require_access(run)
        query = f"""
            SELECT g.actor, CASE WHEN d.removed_in IS NULL THEN d.id END AS document_id,
                d.name AS document, g.uri, d.label, g.granted_by, g.granted_at
            FROM store.grants g JOIN (
                SELECT * FROM store.documents QUALIFY
                row_number() OVER (PARTITION BY uri ORDER BY id DESC) = 1
            ) d ON d.uri = g.uri
            WHERE {IN_SCOPE} ORDER BY g.actor, d.name, g.uri"""
        values = scope_values(run.scope)
        return self._database.read(lambda c: c.execute(query, values).fetch_arrow_table())

    def of(self, actor: str) -> frozenset[str]:
        """The uris granted to ``actor``; for the guard, which makes the run's scope of them."""
        rows = self._database.read(
            lambda c: c.execute("SELECT uri FROM store.grants WHERE actor = ?", [actor]).fetchall()
        )
        return frozenset(row[0] for row in rows)


def _uri(connection: duckdb.DuckDBPyConnection, run: Run, document_id: int) -> str:
    found = text_of(connection, document_id, run.scope)
    if found is None:
        raise AccessDenied(
            "no document of this id is in your scope",
            value=document_id,
            next_step="List the documents to see what is.",
        )
    return found.uri


def _require_access(run: Run) -> None:
    run.require_open()
    if run.action is not Action.ACCESS:
        raise AccessDenied(
            f"a run for {run.action.value!r} may not change access",
            value=run.actor.name,
            next_step="Use the session's access verbs, as an actor with the role admin.",
        )
