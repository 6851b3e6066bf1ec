"""What hits show, by chunk id, in an SQLite file beside the workspace.

Ten scattered rows take DuckDB some 15 ms with opening the file, SQLite 0.2 ms. The file is derived:
it knows the corpus version it shows, catches up by itself, and is made anew when it is missing,
damaged or of another history. Searches do without it if it cannot be used.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import weakref
from collections.abc import Sequence
from typing import Any

from filelock import FileLock, Timeout

from workbench.store.database import Database
from workbench.store.versions import EMPTY, Version, changes_since
from workbench.values import Chunk, Hit

MAKE = 1
"""Raise it when the columns change: older files are then made anew."""

_LOCK_TIMEOUT_S = 60.0
_CACHE_KIB = 16_384
_ASKED_AT_ONCE = 500

_COLUMNS = (
    "chunk_id, ordinal, start_char, end_char, text, page, heading, document_id, name, uri, label"
)
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS state (version INTEGER NOT NULL, token TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS hits (
    {_COLUMNS.replace("chunk_id", "chunk_id INTEGER PRIMARY KEY", 1)}
);
PRAGMA user_version = {MAKE};
"""
_CHANGED = (
    "SELECT c.id AS chunk_id, c.ordinal, c.start_char, c.end_char, c.text, c.page, c.heading, "
    "c.document_id, d.name, d.uri, d.label "
    "FROM store.chunks c JOIN store.documents d ON d.id = c.document_id"
)


class Payloads:
    """Hits without scores, by chunk id. Rows of removed documents stay, and nobody asks for them:
    what may be shown is decided by the search that found the ids."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._path = database.folder / "payloads.sqlite"
        self._file_lock = FileLock(database.folder / "payloads.lock", timeout=_LOCK_TIMEOUT_S)
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._version: Version | None = None

    def hits(self, ids: Sequence[int], version: Version) -> dict[int, Hit]:
        """The hits of ``ids`` at ``version``; fewer, or none, if they are not at hand."""
        with self._lock:
            try:
                if self._version != version:
                    self._version = self._caught_up()
                return self._read(ids) if self._version == version else {}
            except sqlite3.DatabaseError:
                self._discard()
                return {}
            except (OSError, Timeout):
                return {}

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._close()

    def _read(self, ids: Sequence[int]) -> dict[int, Hit]:
        found: dict[int, Hit] = {}
        for start in range(0, len(ids), _ASKED_AT_ONCE):
            some = ids[start : start + _ASKED_AT_ONCE]
            marks = ", ".join("?" * len(some))
            rows = self._opened().execute(
                f"SELECT {_COLUMNS} FROM hits WHERE chunk_id IN ({marks})", list(some)
            )
            found.update((row[0], _hit(row)) for row in rows)
        return found

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            connection = sqlite3.connect(self._path, check_same_thread=False, isolation_level=None)
            self._connection = connection
            weakref.finalize(self, connection.close)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA secure_delete = FAST")
            connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
            connection.execute(f"PRAGMA busy_timeout = {int(_LOCK_TIMEOUT_S * 1000)}")
        return self._connection

    def _caught_up(self) -> Version:
        with self._file_lock:
            if not self._path.exists():
                self._close()  # another process deleted it; the old one must not be written
            if self._opened().execute("PRAGMA user_version").fetchone()[0] not in (0, MAKE):
                self._discard()
            connection = self._opened()
            connection.executescript(_SCHEMA)
            row = connection.execute("SELECT version, token FROM state").fetchone()
            held = EMPTY if row is None else Version(*row)
            changes = changes_since(self._database, held, _CHANGED)
            if changes.version == held:
                return held
            if changes.anew:
                # Perhaps because somebody was forgotten: nothing of the old file may stay.
                self._discard()
                return self._caught_up()
            marks = ", ".join("?" * len(_COLUMNS.split(", ")))
            connection.execute("BEGIN IMMEDIATE")
            try:
                for page in changes.added:
                    columns = [column.to_pylist() for column in page.columns]
                    connection.executemany(
                        f"INSERT OR REPLACE INTO hits VALUES ({marks})",
                        zip(*columns, strict=True),
                    )
                connection.execute("DELETE FROM state")
                connection.execute(
                    "INSERT INTO state VALUES (?, ?)",
                    [changes.version.number, changes.version.token],
                )
                connection.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
                raise
            return changes.version

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._version = None

    def _discard(self) -> None:
        self._close()
        with contextlib.suppress(OSError):
            for end in ("", "-wal", "-shm", "-journal"):
                self._path.with_name(self._path.name + end).unlink(missing_ok=True)


def _hit(row: tuple[Any, ...]) -> Hit:
    number, ordinal, start, end, text, page, heading, document_id, name, uri, label = row
    chunk = Chunk(ordinal, start, end, text, page, heading, id=number, document_id=document_id)
    return Hit(chunk, name, uri, label, score=0.0)
