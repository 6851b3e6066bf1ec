"""Snapshots of the corpus: listing, naming and comparing them, and going back to one.

A snapshot is a corpus version that was marked when something was complete: the end of an ingest, a
rollback, a moment that somebody named. Its number is the corpus version, which counts committed
changes; so the versions between two snapshots can be looked at as well, and an answer that pins
one of them is never left without its corpus.

What somebody may see of an old version is decided now; see ``documents.READABLE``.
"""

from __future__ import annotations

import re

import duckdb
import pyarrow as pa

from workbench.errors import UsageError
from workbench.guard.run import Run
from workbench.store.database import Database
from workbench.store.documents import AT_VERSION, READABLE, now, readable_values
from workbench.store.inlined import inlined
from workbench.store.rollback import roll_back
from workbench.store.versions import current_version

NAME = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,63}")
"""What a snapshot may be called: never a number, and no sentence that could hold personal data."""

# "came" is what a snapshot shows and the one before did not, "went" the reverse: each document is
# compared with its neighbours in time only, however many snapshots there are.
_LIST = f"""
WITH readable AS (SELECT id, uri, added_in, removed_in FROM ({READABLE})),
spans AS (
    SELECT r.uri, a.version AS first, b.version AS gone FROM readable r
    ASOF JOIN store.snapshots a ON r.added_in <= a.version
    ASOF LEFT JOIN store.snapshots b ON r.removed_in <= b.version
),
came AS (SELECT uri, first AS version FROM spans WHERE gone IS NULL OR gone > first),
went AS (SELECT uri, gone AS version FROM spans WHERE gone > first),
counts AS (
    SELECT version, count(*) FILTER (went.uri IS NULL) AS added,
        count(*) FILTER (came.uri IS NOT NULL AND went.uri IS NOT NULL) AS updated,
        count(*) FILTER (came.uri IS NULL) AS removed
    FROM came FULL JOIN went USING (uri, version) GROUP BY version
),
names AS (
    SELECT version, string_agg(name, ', ' ORDER BY named_at) AS name
    FROM store.snapshot_names GROUP BY version
)
SELECT s.version AS number, coalesce(n.name, '') AS name, s.committed_at AS time, s.actor, s.action,
    s.run_id AS run, coalesce(c.added, 0) AS added, coalesce(c.updated, 0) AS updated,
    coalesce(c.removed, 0) AS removed
FROM store.snapshots s LEFT JOIN counts c USING (version) LEFT JOIN names n USING (version)
ORDER BY s.version
"""
_PARTS = ("label", "name", "text", "metadata")
_DIFF = f"""
WITH readable AS ({READABLE}),
a AS (SELECT * FROM readable d WHERE {AT_VERSION}),
b AS (SELECT * FROM readable d WHERE {AT_VERSION})
SELECT coalesce(b.name, a.name) AS name, coalesce(b.uri, a.uri) AS uri,
    coalesce(b.label, a.label) AS label,
    CASE WHEN a.id IS NULL THEN 'added' WHEN b.id IS NULL THEN 'removed' ELSE 'changed' END
        AS change,
    CASE WHEN a.id IS NULL OR b.id IS NULL THEN '' ELSE concat_ws(', ',
        {", ".join(f"CASE WHEN a.{part} <> b.{part} THEN '{part}' END" for part in _PARTS)}) END
        AS what,
    a.id AS before_id, b.id AS after_id,
    CASE WHEN ? THEN coalesce(a.text, '') END AS before_text,
    CASE WHEN ? THEN coalesce(b.text, '') END AS after_text
FROM a FULL JOIN b ON a.uri = b.uri
WHERE a.id IS NULL OR b.id IS NULL OR (a.id <> b.id AND (a.fingerprint <> b.fingerprint
    OR {" OR ".join(f"a.{part} <> b.{part}" for part in _PARTS)}))
ORDER BY change, name, uri
"""


class History:
    """The snapshots of one workspace. Counts and differences are those of the run's scope."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def commit(self, run: Run, name: str | None = None) -> int:
        """Mark the present version as a snapshot, if it is none yet, and name it. Returns it.

        Raises:
            UsageError: if the name cannot be used, or stands for another version.
        """
        run.require_open()
        require_name(name)
        number, marked = self._database.read(_present)
        if marked and name is None:
            return number
        return self._database.write(lambda c: _mark(c, run, name))

    def all(self, run: Run) -> pa.Table:
        """The snapshots, oldest first: number, name (several are joined by commas), time (UTC),
        actor, action, run, and how many documents it added, updated and removed since the last."""
        run.require_open()
        values = readable_values(run.scope)
        return self._database.read(lambda c: c.execute(_LIST, values).fetch_arrow_table())

    def number(self, run: Run, version: int | str) -> int:
        """The number of a version that is given by number or name.

        Raises:
            UsageError: if there is no such version.
        """
        run.require_open()
        return self._database.read(lambda c: _number(c, version))

    def diff(self, run: Run, before: int, after: int, *, texts: bool = False) -> pa.Table:
        """What differs between two versions, a row per source: name, uri, label, change ("added",
        "removed" or "changed"), what (of label, name, text, metadata), before_id, after_id,
        before_text and after_text (null unless ``texts``).

        A document that was stored anew with nothing of this changed, such as one that was cut
        into other chunks, has an empty ``what``.
        """
        run.require_open()
        values = [*readable_values(run.scope), before, before, after, after, texts, texts]
        return self._database.read(lambda c: c.execute(_DIFF, values).fetch_arrow_table())

    def roll_back(self, run: Run, version: int) -> int:
        """Make the corpus what it was at ``version``, as a new version. Returns its number.

        Raises:
            AccessDenied: if the run may not write one of the labels that a document which changes
                has now, had then or had last.
        """
        run.require_open()

        def back(connection: duckdb.DuckDBPyConnection) -> int:
            if roll_back(connection, version, run=run):
                _mark(connection, run, None)
            return current_version(connection).number

        return self._database.write(back)


def require_name(name: str | None) -> None:
    """Raises UsageError if a snapshot cannot be called so."""
    if name is not None and not NAME.fullmatch(name):
        raise UsageError(
            "a snapshot cannot have this name",
            value=name,
            next_step="Use a letter and then up to 63 letters, digits, dots, dashes and "
            "underscores, such as before-review.",
        )


def _present(connection: duckdb.DuckDBPyConnection) -> tuple[int, bool]:
    number = current_version(connection).number
    query = inlined("SELECT 1 FROM store.snapshots WHERE version = ?", [number])
    found = connection.execute(query)
    return number, found.fetchone() is not None


def _mark(connection: duckdb.DuckDBPyConnection, run: Run, name: str | None) -> int:
    number, marked = _present(connection)
    if not marked:
        connection.execute(
            "INSERT INTO store.snapshots VALUES (?, ?, ?, ?, ?)",
            [number, now(), run.actor.name, run.action.value, run.id],
        )
    if name is None:
        return number
    taken = connection.execute(
        "SELECT version FROM store.snapshot_names WHERE name = ?", [name]
    ).fetchone()
    if taken is None:
        connection.execute(
            "INSERT INTO store.snapshot_names VALUES (?, ?, ?, ?)",
            [name, number, run.actor.name, now()],
        )
    elif taken[0] != number:
        raise UsageError(
            "another snapshot has this name",
            value=f"{name} is version {taken[0]}",
            next_step="Choose another name: a name never moves, so what was cited by it stays.",
        )
    return number


def _number(connection: duckdb.DuckDBPyConnection, version: int | str) -> int:
    last = current_version(connection).number
    text = str(version)
    if text.isdecimal():
        if int(text) <= last:
            return int(text)
        raise UsageError(
            "there is no such version",
            value=text,
            next_step=f"The corpus is at version {last}; list the versions.",
        )
    row = connection.execute(
        "SELECT version FROM store.snapshot_names WHERE name = ?", [text]
    ).fetchone()
    if row is None:
        raise UsageError(
            "no snapshot has this name", value=text, next_step="List the versions to see them."
        )
    return int(row[0])
