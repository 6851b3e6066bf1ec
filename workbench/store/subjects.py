"""Data subjects: where a placeholder occurs, and forgetting whom it stands for.

To forget somebody, the register loses the digest and the number is never given again; then
everything that shows the placeholder is rewritten, in all versions, with zeros for the number. That
keeps every offset, and no two mentions can be told to be of one person. A list of digests that
belong to no number any more keeps the same person from being given one again.

Two steps, each one transaction: ``begin`` notes what is to be done, ``finish`` does it and crosses
it out. Whoever is killed in between leaves a note, and the next to forget or ingest finishes it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

import duckdb

from workbench.errors import AccessDenied, StoreError
from workbench.guard.policy import Action
from workbench.guard.run import Run
from workbench.store.database import Database
from workbench.store.documents import IN_SCOPE, scope_values
from workbench.store.elsewhere import Place, VectorServer, places_of
from workbench.store.versions import advance
from workbench.values import MaskedDocument

Placeholder = tuple[str, int]
"""Entity type and number, as in <PERSON_17>."""

_SHOWN = re.compile(r"<([A-Z][A-Z0-9_]*)_([1-9][0-9]*)>")
_READABLE = f"""
SELECT d.text, d.name, d.metadata FROM (
    SELECT *, last_value(label) OVER (
        PARTITION BY uri ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
    ) AS last_label FROM store.documents
) d WHERE {IN_SCOPE} AND {IN_SCOPE.replace("d.label", "d.last_label")}
"""
# The audit holds no document text, and its hashes would break.
_KEPT_TABLES = frozenset(
    {"runs", "audit_head", "placeholders", "aliases", "forgotten", "retired", "format", "versions"}
)


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What forgetting changed: documents in any version, and the uris of those that are current,
    whose sources still say what was forgotten."""

    documents: int
    uris: tuple[str, ...]


class Subjects:
    """Occurrences of placeholders, and forgetting them."""

    def __init__(self, database: Database, server: VectorServer | None = None) -> None:
        self._database = database
        self._server = server

    def occurring(self, run: Run, placeholders: Collection[Placeholder]) -> set[Placeholder]:
        """Those that stand in a document, of any version, which the run may read. Whoever is being
        forgotten stands nowhere."""
        run.require_open()
        wanted = [f"<{kind}_{number}>" for kind, number in placeholders]
        query = f"""
            SELECT w.shown FROM (SELECT unnest(?::VARCHAR[]) AS shown) w WHERE EXISTS (
                SELECT 1 FROM ({_READABLE}) r WHERE contains(r.text, w.shown)
                OR contains(r.name, w.shown) OR contains(r.metadata::VARCHAR, w.shown)
            )"""
        values = [wanted, *scope_values(run.scope), *scope_values(run.scope)]

        def look(connection: duckdb.DuckDBPyConnection) -> set[Placeholder]:
            rows = connection.execute(query, values).fetchall()
            return {pair for row in rows for pair in shown_in([row[0]])} - _retired(connection)

        return self._database.read(look)

    def begin(
        self,
        run: Run,
        keys: Iterable[tuple[str, str]],
        placeholders: Iterable[Placeholder],
    ) -> int:
        """Note who is to be forgotten: by keys of the register, and by placeholders.

        From now on nobody is given these numbers, and these keys are given none. Returns how many
        placeholders that are.

        Raises:
            AccessDenied: if the run is not one for forgetting.
        """
        _require_forget(run)
        wanted, named = sorted(set(keys)), sorted(set(placeholders))

        def note(connection: duckdb.DuckDBPyConnection) -> int:
            found: set[tuple[str, str, int]] = set()
            for column, pairs in (("digest", wanted), ("number", named)):
                for pair in pairs:
                    found.update(
                        connection.execute(
                            "SELECT entity_type, digest, number FROM store.placeholders "
                            f"WHERE entity_type = ? AND {column} = ?",
                            list(pair),
                        ).fetchall()
                    )
            for kind, digest, number in sorted(found):
                connection.execute(
                    "DELETE FROM store.placeholders WHERE entity_type = ? AND number = ?",
                    [kind, number],
                )
                connection.execute("DELETE FROM store.aliases WHERE digest = ?", [digest])
                connection.execute("INSERT INTO store.forgotten VALUES (?, ?)", [kind, digest])
                connection.execute("INSERT INTO store.retired VALUES (?, ?, TRUE)", [kind, number])
            return len(found)

        return self._database.write(note)

    def pending(self, run: Run) -> list[Placeholder]:
        """What was begun and is not finished."""
        run.require_open()
        return self._database.read(
            lambda c: c.execute(
                "SELECT entity_type, number FROM store.retired WHERE pending "
                "ORDER BY entity_type, number"
            ).fetchall()
        )

    def finish(self, run: Run, placeholders: Collection[Placeholder]) -> Forgotten:
        """Rewrite everything that shows one of the pending ``placeholders``.

        Every index over the corpus is built anew by the next search, and cached replies are
        dropped. So are vectors on a server; without it nothing is finished.

        Raises:
            AccessDenied: if the run may not write documents.
            StoreError: if the server of the vectors cannot be used.
        """
        run.require_open()
        if not run.action.writes:
            raise _denied(run)
        places = self._database.read(
            lambda c: places_of(c) if self._server and _holding(c, placeholders) else []
        )
        self._drop(places)

        def rewrite(connection: duckdb.DuckDBPyConnection) -> Forgotten:
            holding = _holding(connection, placeholders)
            for table, column, kind in _text_columns(connection):
                for shown in placeholders:
                    _rewrite_column(connection, f"store.{table}", column, kind, shown)
            connection.execute("DELETE FROM store.replies")
            for pair in placeholders:
                connection.execute(
                    "UPDATE store.retired SET pending = FALSE WHERE entity_type = ? AND number = ?",
                    list(pair),
                )
            if holding:
                # What is derived from the corpus knows it by these tokens, and begins anew.
                connection.execute("UPDATE store.versions SET token = md5(token)")
                advance(connection, run.id)
            return Forgotten(len(holding), _current_uris(connection, holding))

        forgotten = self._database.write(rewrite)
        # Once more: a search may have filled them again before the rewriting was committed. Nobody
        # asks for them under the old name any more.
        self._drop(places)
        return forgotten

    def _drop(self, places: Sequence[Place]) -> None:
        for place in places:
            if self._server is not None:
                self._server.drop(place)


def shown_in(texts: Iterable[str]) -> set[Placeholder]:
    """The placeholders that stand in ``texts``."""
    return {
        (match.group(1), int(match.group(2))) for text in texts for match in _SHOWN.finditer(text)
    }


def require_none_retired(
    connection: duckdb.DuckDBPyConnection,
    incoming: Iterable[tuple[str, Iterable[str]]],
    learn: Callable[[], None],
) -> None:
    """Raises StoreError, after ``learn``, if somebody was forgotten since what comes in, names with
    texts, was masked."""
    retired = _retired(connection)
    if not retired:
        return
    for name, texts in incoming:
        if retired & shown_in([name, *texts]):
            learn()
            raise StoreError(
                "somebody was forgotten while a document that names them was on its way",
                value=name,
                next_step="Ingest again.",
            )


def texts_of(document: MaskedDocument) -> tuple[str, Iterable[str]]:
    """A document as ``require_none_retired`` takes it."""
    metadata = document.metadata
    return document.name, (document.text, *metadata, *metadata.values())


def _retired(connection: duckdb.DuckDBPyConnection) -> set[Placeholder]:
    return set(connection.execute("SELECT entity_type, number FROM store.retired").fetchall())


def _holding(
    connection: duckdb.DuckDBPyConnection, placeholders: Collection[Placeholder]
) -> list[int]:
    """Ids of the documents that show one of them."""
    pattern = "|".join(f"<{kind}_{number}>" for kind, number in placeholders)
    rows = connection.execute(
        "SELECT id FROM store.documents WHERE regexp_matches("
        "concat_ws(' ', text, name, uri, metadata::VARCHAR), ?)",
        [pattern or "$^"],
    ).fetchall()
    return [row[0] for row in rows]


def _current_uris(connection: duckdb.DuckDBPyConnection, ids: list[int]) -> tuple[str, ...]:
    rows = connection.execute(
        "SELECT DISTINCT uri FROM store.documents WHERE removed_in IS NULL "
        "AND list_contains(?::INTEGER[], id) ORDER BY uri",
        [ids],
    ).fetchall()
    return tuple(row[0] for row in rows)


def _text_columns(connection: duckdb.DuckDBPyConnection) -> Iterator[tuple[str, str, str]]:
    """Table, column and type of everything that can hold text of documents."""
    rows: Sequence[tuple[str, str, str]] = connection.execute(
        "SELECT table_name, column_name, data_type FROM duckdb_columns() "
        "WHERE schema_name = 'store' AND database_name = current_database() "
        "AND regexp_matches(data_type, 'VARCHAR|JSON') ORDER BY ALL"
    ).fetchall()
    for table, column, kind in rows:
        if table not in _KEPT_TABLES:
            yield table, column, kind


def _rewrite_column(
    connection: duckdb.DuckDBPyConnection, table: str, column: str, kind: str, shown: Placeholder
) -> None:
    name, number = shown
    # With or without its brackets: models leave them out in what they write.
    old, new = rf"\b{name}_{number}\b", f"{name}_{'0' * len(str(number))}"
    quoted = '"' + column.replace('"', '""') + '"'
    if kind == "VARCHAR":
        value = f"regexp_replace({quoted}, ?, ?, 'g')"
    else:
        # Of lists, structures and JSON the text is rewritten, and read back as what it was.
        value = f"regexp_replace(({quoted}::JSON)::VARCHAR, ?, ?, 'g')::JSON::{kind}"
    connection.execute(
        f"UPDATE {table} SET {quoted} = {value} WHERE contains({quoted}::VARCHAR, ?)",
        [old, new, f"{name}_{number}"],
    )


def _require_forget(run: Run) -> None:
    run.require_open()
    if run.action is not Action.FORGET:
        raise _denied(run)


def _denied(run: Run) -> AccessDenied:
    return AccessDenied(
        f"a run for {run.action.value!r} may not forget",
        value=run.actor.name,
        next_step="Use the session's verb forget, as an administrator who sees every label.",
    )
