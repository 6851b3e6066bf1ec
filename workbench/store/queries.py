"""Queries that actors saved under a name, each for itself."""

from __future__ import annotations

import duckdb

from workbench.errors import UsageError
from workbench.guard.run import Run
from workbench.store.database import Database
from workbench.store.documents import now


class Queries:
    """The saved queries of the run's actor; nobody sees those of another."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def named(self, run: Run) -> dict[str, str]:
        """Query by name, in the order of the names."""
        run.require_open()
        rows = self._database.read(
            lambda c: c.execute(
                "SELECT name, query FROM store.queries WHERE actor = ? ORDER BY lower(name)",
                [run.actor.name],
            ).fetchall()
        )
        return dict(rows)

    def save(self, run: Run, name: str, query: str) -> None:
        """Keep a query; one of the same name is replaced."""
        run.require_open()
        mine = [run.actor.name, name]

        def replace(connection: duckdb.DuckDBPyConnection) -> None:
            connection.execute("DELETE FROM store.queries WHERE actor = ? AND name = ?", mine)
            connection.execute(
                "INSERT INTO store.queries VALUES (?, ?, ?, ?)", [*mine, query, now()]
            )

        self._database.write(replace)

    def drop(self, run: Run, name: str) -> None:
        """Forget a query.

        Raises:
            UsageError: if there is none of this name.
        """
        run.require_open()
        mine = [run.actor.name, name]
        gone = self._database.write(
            lambda c: c.execute(
                "DELETE FROM store.queries WHERE actor = ? AND name = ? RETURNING name", mine
            ).fetchall()
        )
        if not gone:
            raise UsageError(
                "no query of yours has this name",
                value=name,
                next_step="List the saved queries to see their names.",
            )
