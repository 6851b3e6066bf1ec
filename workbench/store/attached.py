"""The workspace file inside one DuckDB instance per process, attached only while it is used.

Most of what `duckdb.connect` takes (15 ms of CPU) is spent on an instance, whatever the file. So a
process keeps an empty one for each file; an operation attaches the file (1 ms), which takes
DuckDB's lock, and the last to finish detaches it, which lets the lock go.
"""

from __future__ import annotations

import contextlib
import os
import threading
import weakref
from pathlib import Path
from typing import ClassVar

import duckdb

ROW_GROUP_ROWS = 2_048
"""Commits of so many rows go straight into the file, past the log, and folding the log in rewrites
no more than so many rows of a table. With DuckDB's own 122,880, 100,000 vectors that came in ten
commits were written four times, and every opening in between replayed up to 64 MB. With 8,192 they
were still written twice, because folding joins row groups that are far from full."""

_CATALOG = "workbench"
_CONFIG = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "python_enable_replacements": "false",
    "checkpoint_threshold": "64MB",
    # Looking for them takes half of storing, and saves a tenth of vectors and two thirds of text.
    "disabled_compression_methods": "alp,alprd,rle,fsst,dictionary",
    "memory_limit": "2GB",
    "threads": str(min(4, os.cpu_count() or 1)),
}
_SPOILING = (duckdb.FatalException, duckdb.InternalException)


class InUse(Exception):
    """Other threads of this process use the file in the other mode."""


class AttachedFile:
    """One workspace file for all threads of this process: several read it, or several write.

    Opens nothing until it is used.
    """

    _known: ClassVar[weakref.WeakValueDictionary[Path, AttachedFile]] = (
        weakref.WeakValueDictionary()
    )
    _known_lock: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._instance: duckdb.DuckDBPyConnection | None = None
        self._users = 0
        self._read_only = True
        self._spoilt = False

    @classmethod
    def of(cls, path: Path) -> AttachedFile:
        """The one of this process: DuckDB does not notice when two instances open one file."""
        resolved = path.resolve()
        with cls._known_lock:
            found = cls._known.get(resolved)
            if found is None:
                found = cls._known[resolved] = cls(resolved)
            return found

    @classmethod
    def forget_all(cls) -> None:
        """Leave all files to the process that this one was forked from."""
        cls._known = weakref.WeakValueDictionary()
        cls._known_lock = threading.Lock()

    def connection(self, *, read_only: bool) -> duckdb.DuckDBPyConnection:
        """A connection whose tables are the file's; it is given back by ``release``.

        Raises:
            InUse: if other threads use the file in the other mode, or what one of them met has
                spoilt the instance that they still use.
            duckdb.Error: if the file cannot be attached.
        """
        with self._lock:
            if self._users and (self._spoilt or self._read_only != read_only):
                raise InUse("other threads of this program use the file")
            instance = self._instance or self._begun()
            if not self._users:
                # Replaying the log fails in a file that is only read if it fills row groups.
                mode = "READ_ONLY" if read_only else f"ROW_GROUP_SIZE {ROW_GROUP_ROWS}"
                instance.execute(f"ATTACH {_quoted(self._path)} AS {_CATALOG} ({mode})")
                self._read_only = read_only
            connection = instance.cursor()
            self._users += 1
        try:
            connection.execute(f"USE {_CATALOG}")
        except duckdb.Error as error:
            self.release(connection, error)
            raise
        return connection

    def release(
        self, connection: duckdb.DuckDBPyConnection, error: BaseException | None = None
    ) -> None:
        """Take a connection back, with the error that it ended in. Raises nothing."""
        with contextlib.suppress(duckdb.Error):
            connection.close()
        with self._lock:
            self._users -= 1
            self._spoilt = self._spoilt or isinstance(error, _SPOILING)
            if self._users or self._instance is None:
                return
            try:
                self._instance.execute(f"DETACH {_CATALOG}")
            except duckdb.Error:
                self._spoilt = True
            if self._spoilt:
                # Nothing works in an instance after such an error; closing it frees the file.
                self._instance.close()
                self._instance, self._spoilt = None, False

    def _begun(self) -> duckdb.DuckDBPyConnection:
        spill = f"{self._path}.tmp"
        instance = duckdb.connect(":memory:", config={**_CONFIG, "temp_directory": spill})
        # Otherwise each detaching would fold the log in.
        instance.execute("PRAGMA disable_checkpoint_on_shutdown")
        paths = ", ".join(_quoted(Path(f"{self._path}{end}")) for end in ("", ".wal"))
        instance.execute(f"SET allowed_paths = [{paths}]")
        instance.execute("SET enable_external_access = false")
        instance.execute("SET lock_configuration = true")
        self._instance = instance
        return instance


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=AttachedFile.forget_all)
