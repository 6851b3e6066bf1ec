"""What hits show, by chunk id, in an SQLite file beside the workspace.

Ten scattered rows take DuckDB 8 ms and 7 ms to open the file, SQLite far less. The file is derived:
it knows the corpus version it shows, catches up by itself, and is made anew when it is missing,
damaged or of another history. Searches do without it if it cannot be used.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import weakref
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pyarrow as pa
from filelock import FileLock, Timeout

from workbench.store.database import Database, Signature
from workbench.store.versions import EMPTY, Changes, Version, changes_since
from workbench.values import Chunk, Hit

MAKE = 2
"""Raise it when the columns change: older files are then made anew."""

_LOCK_TIMEOUT_S = 60.0
_CACHE_KIB = 16_384
_ASKED_AT_ONCE = 500
_PAGE_BYTES = 16_384
"""A file of such pages is written in nine tenths of the time."""

_COLUMNS = (
    "chunk_id, ordinal, start_char, end_char, text, page, heading, document_id, name, uri, label"
)
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS state (version INTEGER NOT NULL, token TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS hits (
    {_COLUMNS.replace("chunk_id", "chunk_id INTEGER PRIMARY KEY", 1)}
);
CREATE TABLE IF NOT EXISTS documents (document_id INTEGER PRIMARY KEY, kept TEXT NOT NULL);
PRAGMA user_version = {MAKE};
"""
_CHANGED = (
    "SELECT c.id AS chunk_id, c.ordinal, c.start_char, c.end_char, c.text, c.page, c.heading, "
    "c.document_id, d.name, d.uri, d.label, "
    """concat('{"metadata":', d.metadata, ',"extras":', coalesce(n.extras, 'null'), '}') AS kept """
    "FROM store.chunks c JOIN store.documents d ON d.id = c.document_id "
    "LEFT JOIN store.nodes n ON n.document_id = d.id"
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
        self._inode = 0
        self._version: Version | None = None
        self._signature: Signature | None = None

    @contextlib.contextmanager
    def catching_up(self, version: Version) -> Iterator[None]:
        """Catch up beside the block, if need be: after many rows came in it takes seconds, of which
        most are spent outside Python, as those of ranking are."""
        if self._version == version or self._database.reads_together:
            yield
            return
        with ThreadPoolExecutor(max_workers=1) as beside:
            beside.submit(
                self.hits, (), version
            )  # what fails here, fails again when hits are asked
            yield

    def hits(self, ids: Sequence[int], version: Version) -> dict[int, Hit]:
        """The hits of ``ids`` at ``version``; fewer, or none, if they are not at hand."""
        with self._lock:
            try:
                if self._version != version:
                    self._version = self._at(version)
                if self._version != version:
                    return {}
                return {row[0]: _hit(row) for row in self._chosen(_COLUMNS, "hits", ids)}
            except sqlite3.DatabaseError:
                self._discard()
                return {}
            except (OSError, Timeout):
                return {}

    def kept(self, document_ids: Sequence[int]) -> dict[int, str]:
        """By document id, as JSON: its metadata, and what LlamaIndex needs besides to build the
        node again that it came as, or null; fewer if they are not at hand."""
        with self._lock:
            try:
                if not self._is_current():
                    self._version = self._caught_up()
                return dict(self._chosen("document_id, kept", "documents", document_ids))
            except sqlite3.DatabaseError:
                self._discard()
                return {}
            except (OSError, Timeout):
                return {}

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._close()

    def _is_current(self) -> bool:
        if self._version is None or self._signature is None:
            return False
        version = (self._version.number, self._version.token)
        return self._database.is_at(version, self._signature)

    def _chosen(self, columns: str, table: str, ids: Sequence[int]) -> Iterator[tuple[Any, ...]]:
        key = columns.partition(",")[0]
        for start in range(0, len(ids), _ASKED_AT_ONCE):
            some = list(ids[start : start + _ASKED_AT_ONCE])
            marks = ", ".join("?" * len(some))
            query = f"SELECT {columns} FROM {table} WHERE {key} IN ({marks})"
            yield from self._opened().execute(query, some)

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            connection = sqlite3.connect(self._path, check_same_thread=False, isolation_level=None)
            self._connection, self._inode = connection, self._path.stat().st_ino
            weakref.finalize(self, connection.close)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA secure_delete = FAST")
            connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
            connection.execute(f"PRAGMA busy_timeout = {int(_LOCK_TIMEOUT_S * 1000)}")
        return self._connection

    def _at(self, version: Version) -> Version:
        """``version`` if another process has brought the file there, else what it is brought to."""
        with self._file_lock:
            if self._stored() != version:
                return self._caught_up_locked()
        self._signature = None  # whether the workspace is still there was not looked at
        return version

    def _caught_up(self) -> Version:
        with self._file_lock:
            return self._caught_up_locked()

    def _stored(self) -> Version:
        """What the file shows, once it is one that can be used."""
        if not self._is_in_place():
            self._close()  # another process deleted it; the old one must not be written
        if self._opened().execute("PRAGMA user_version").fetchone()[0] not in (0, MAKE):
            self._discard()
        connection = self._opened()
        connection.executescript(_SCHEMA)
        row = connection.execute("SELECT version, token FROM state").fetchone()
        return EMPTY if row is None else Version(*row)

    def _caught_up_locked(self) -> Version:
        signature = self._database.signature()
        version = self._changed()
        self._signature = signature
        return version

    def _changed(self) -> Version:
        held = self._stored()
        connection = self._opened()
        changes = changes_since(self._database, held, _CHANGED)
        if changes.version == held:
            return held
        if changes.anew:
            # Perhaps because somebody was forgotten: nothing of the old file may stay.
            self._discard()
            return self._changed()
        if held == EMPTY:
            self._make(changes)
            # While others wait: that is when its log is begun.
            self._opened()
        else:
            _fill(connection, changes)
        return changes.version

    def _make(self, changes: Changes) -> None:
        """A new file, renamed when it is whole: without a log each page is written once."""
        self._discard()
        draft = self._path.with_name(f"{self._path.name}.new")
        draft.unlink(missing_ok=True)
        try:
            with contextlib.closing(sqlite3.connect(draft, isolation_level=None)) as connection:
                connection.execute(f"PRAGMA page_size = {_PAGE_BYTES}")
                connection.execute("PRAGMA journal_mode = OFF")
                connection.execute("PRAGMA synchronous = NORMAL")
                connection.executescript(_SCHEMA)
                _fill(connection, changes)
            draft.replace(self._path)
        finally:
            draft.unlink(missing_ok=True)

    def _is_in_place(self) -> bool:
        """Whether the open file is still the one that others see."""
        try:
            return self._path.stat().st_ino == self._inode
        except FileNotFoundError:
            return False

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


def _fill(connection: sqlite3.Connection, changes: Changes) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        for page in changes.added:
            _keep(connection, page)
        connection.execute("DELETE FROM state")
        version = changes.version
        connection.execute("INSERT INTO state VALUES (?, ?)", [version.number, version.token])
        connection.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise


def _keep(connection: sqlite3.Connection, page: pa.Table) -> None:
    *hits, kept = (column.to_pylist() for column in page.columns)
    marks = ", ".join("?" * len(hits))
    connection.executemany(f"INSERT OR REPLACE INTO hits VALUES ({marks})", zip(*hits, strict=True))
    documents = dict(zip(page["document_id"].to_pylist(), kept, strict=True))
    connection.executemany("INSERT OR REPLACE INTO documents VALUES (?, ?)", documents.items())


def _hit(row: tuple[Any, ...]) -> Hit:
    number, ordinal, start, end, text, page, heading, document_id, name, uri, label = row
    chunk = Chunk(ordinal, start, end, text, page, heading, id=number, document_id=document_id)
    return Hit(chunk, name, uri, label, score=0.0)
