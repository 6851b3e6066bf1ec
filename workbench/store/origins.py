"""Sources outside: how far they were read, and the rows of attached DuckDB files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import duckdb

from workbench.errors import AccessDenied, SourceError
from workbench.guard.run import Run
from workbench.store.database import Database
from workbench.store.inlined import inlined
from workbench.store.records import Refusal

_READER_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "python_enable_replacements": "false",
    "memory_limit": "2GB",
    "threads": "1",
}
_FETCHED_ROWS = 1_000
_MAX_REASON_CHARS = 150
# A mark holds as long as the documents of its source are those that it was set with; after a
# rollback or a removal the source is read from its beginning again.
_STATE = """SELECT count(*) || ':' || coalesce(max(id), 0) FROM store.documents
    WHERE removed_in IS NULL AND starts_with(uri, ?)"""


class Origins:
    """Marks of incremental sources, what could not be read, and the rows of attached files.

    Every call needs an open Run.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def mark(self, run: Run, identity: str, pipeline: str, *, below: str) -> str | None:
        """The value up to which the source was read by this pipeline, if that still holds.

        ``identity`` is kept as it is given; the uris of the source's documents start with
        ``below``.
        """
        run.require_open()

        def kept(connection: duckdb.DuckDBPyConnection) -> str | None:
            row = connection.execute(
                f"SELECT value FROM store.marks WHERE identity = ? AND pipeline = ? "
                f"AND state = ({_STATE})",
                [identity, pipeline, below],
            ).fetchone()
            return None if row is None else str(row[0])

        return self._database.read(kept)

    def keep_mark(
        self, run: Run, mark: tuple[str, str], pipeline: str, *, below: str, label: str
    ) -> None:
        """Note that all rows of an identity up to a value are stored under ``label``.

        Raises:
            AccessDenied: if the run may not write the label.
        """
        run.require_write(label)

        def keep(connection: duckdb.DuckDBPyConnection) -> None:
            identity, value = mark
            connection.execute("DELETE FROM store.marks WHERE identity = ?", [identity])
            connection.execute(
                f"INSERT INTO store.marks SELECT ?, ?, ?, ({_STATE})",
                [identity, pipeline, value, below],
            )

        self._database.write(keep)

    def refusals(self, run: Run, label: str) -> dict[str, Refusal]:
        """By uri, the items under ``label`` that could not be read when they were tried last.

        Raises:
            AccessDenied: if the run may not write the label.
        """
        run.require_write(label)
        query = "SELECT uri, fingerprint, name, error FROM store.refusals WHERE label = ?"
        rows = self._database.read(lambda c: c.execute(inlined(query, [label])).fetchall())
        return {uri: Refusal(*told) for uri, *told in rows}

    def keep_refusals(self, run: Run, refused: Mapping[str, Refusal], *, label: str) -> None:
        """Note why items could not be read, in place of what was noted of the same uris.

        Raises:
            AccessDenied: if the run may not write the label.
        """
        run.require_write(label)

        def keep(connection: duckdb.DuckDBPyConnection) -> None:
            for uri, told in refused.items():
                connection.execute(
                    "DELETE FROM store.refusals WHERE uri = ? AND label = ?", [uri, label]
                )
                connection.execute(
                    "INSERT INTO store.refusals VALUES (?, ?, ?, ?, ?)",
                    [uri, label, told.fingerprint, told.name, told.error],
                )

        if refused:
            self._database.write(keep)

    @contextmanager
    def attached(
        self, run: Run, path: Path, query: str
    ) -> Iterator[tuple[list[str], Iterator[tuple[object, ...]]]]:
        """Column names and rows of a query over the DuckDB file at ``path``, which is not changed.

        Raises:
            AccessDenied: for a file of the workspace itself, whose rows have their own scopes.
            SourceError: if the file or the query cannot be used.
        """
        run.require_open()
        if path.resolve().is_relative_to(self._database.folder.resolve()):
            raise AccessDenied(
                "a workspace cannot be a source of itself",
                value=path.name,
                next_step="Name another database file.",
            )
        connection = duckdb.connect(config=_READER_CONFIG)
        try:
            quoted = str(path).replace("'", "''")
            connection.execute(f"ATTACH '{quoted}' AS origin (READ_ONLY)")
            connection.execute("USE origin")
            # From here on the query reaches this file and nothing else.
            connection.execute("SET enable_external_access = false")
            connection.execute("SET lock_configuration = true")
            cursor = connection.execute(query)
            yield [column[0] for column in cursor.description or ()], _rows(cursor)
        except duckdb.Error as error:
            # Not chained: messages of failed conversions quote values.
            raise SourceError(
                "the DuckDB file cannot be read",
                value=_reason(error),
                next_step="Check the file, whether a program holds it open, and the query.",
            ) from None
        finally:
            connection.close()


def _rows(cursor: duckdb.DuckDBPyConnection) -> Iterator[tuple[object, ...]]:
    while batch := cursor.fetchmany(_FETCHED_ROWS):
        yield from batch


def _reason(error: duckdb.Error) -> str:
    kind = type(error).__name__
    told = isinstance(error, duckdb.CatalogException | duckdb.BinderException | duckdb.IOException)
    words = str(error).partition("\n")[0]
    return f"{kind}: {words[:_MAX_REASON_CHARS]}" if told else kind
