"""The workspace file, opened for one operation at a time.

DuckDB lets either one process write a file or several read it. So every operation attaches the
file, works and detaches it, and whoever finds the file taken tries again with jitter. Who waits to
open holds the turn (`turn.lock`), so that a busy writer cannot starve the readers. A notebook, the
app and the command line can then use one workspace at once. The reasons and the measurements are in
docs/decisions/0003-store.md.

Nothing here may open the workspace file except through DuckDB: closing any other descriptor would
drop the process's lock on it.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias, TypeVar

import duckdb
import tenacity
from filelock import FileLock, Timeout

from workbench.errors import StoreError, UsageError, WorkspaceBusy
from workbench.store import migrations
from workbench.store.attached import AttachedFile, InUse
from workbench.store.faults import damaged, is_busy, translate

T = TypeVar("T")
Signature: TypeAlias = "tuple[tuple[int, int, int] | None, ...]"
"""Inode, size and time of change (ns) of the file and its log."""

DATABASE_FILE = "workbench.duckdb"
BUSY_TIMEOUT_S = 30.0
TURN_POLL_S = 0.005
WAL_CHECKPOINT_BYTES = 128 * 1024
"""Opening replays the log: 5 ms per MiB of rows, 50 ms per MiB that says which rows were written
past it. Folding it in rewrites the last row group of what changed. So from this length on it is
folded in once replaying it has taken writers half as long as folding did the last time. Readers
replay it, too."""

WAL_MOST_BYTES = 64 * 1024 * 1024
"""From this length on it is folded in at once."""

WAL_CHECKPOINT_COMMITS = 64
"""Small rows, such as the audit's, replay slowly: 0.16 ms a commit, 150 ms for a MiB. Folding only
them in takes 5 ms, however many vectors there are."""


class _Busy(Exception):
    """Somebody else holds the file; carries DuckDB's words."""


@dataclass(frozen=True, slots=True)
class _Log:
    """The log as its last writer left it: length in bytes, commits in it, how long writers have
    been replaying it, and how long folding in a long one took the last time (ms)."""

    length: int = 0
    commits: int = 0
    replayed_ms: int = 0
    folding_ms: int = 0

    @property
    def is_due(self) -> bool:
        return self.commits >= WAL_CHECKPOINT_COMMITS or (
            self.length >= WAL_CHECKPOINT_BYTES
            and (self.length >= WAL_MOST_BYTES or 2 * self.replayed_ms >= self.folding_ms)
        )


class Database:
    """Short-lived connections to ``folder/workbench.duckdb``. Opens nothing until it is used.

    Args:
        folder: the workspace directory; it is created by the first operation.
        timeout_s: how long an operation keeps trying while others hold the file.
    """

    def __init__(self, folder: Path, *, timeout_s: float = BUSY_TIMEOUT_S) -> None:
        self.folder = folder
        self.path = folder / DATABASE_FILE
        self._timeout_s = timeout_s
        self._file = AttachedFile.of(self.path)
        self._write_lock = threading.Lock()
        self._shared = threading.local()
        self._opening_s = 0.0
        self._written: tuple[Signature, tuple[int, str]] | None = None
        self._prepared = False

    def read(self, work: Callable[[duckdb.DuckDBPyConnection], T]) -> T:
        """Run ``work`` on a read-only connection that is closed afterwards.

        Raises:
            WorkspaceBusy: if others held the file for all of ``timeout_s``.
            StoreError: if the file cannot be read; see its subclasses.
        """
        shared: duckdb.DuckDBPyConnection | None = getattr(self._shared, "connection", None)
        if shared is not None:
            try:
                return work(shared)
            except duckdb.Error as error:
                raise translate(error, self.path) from error
        self._prepare()
        return self._retry(lambda: self._once(work, read_only=True))

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """Let all reads of this thread in the block share one opening of the file.

        Opening takes most of a small read's time. Writers wait meanwhile, so ask no model in the
        block, and write nothing: that would wait for itself.

        Raises:
            WorkspaceBusy, StoreError: as ``read`` does.
        """
        self._prepare()
        with self._opened(read_only=True) as connection:
            self._shared.connection = connection
            try:
                yield
            finally:
                del self._shared.connection

    @property
    def reads_together(self) -> bool:
        """Whether this thread is in such a block; another thread's read might wait for its end."""
        return hasattr(self._shared, "connection")

    def write(self, work: Callable[[duckdb.DuckDBPyConnection], T]) -> T:
        """Run ``work`` in one transaction: all of it is stored when this returns, or nothing.

        ``work`` may be run again if somebody else committed first, so it must change nothing but
        the database.

        Raises:
            WorkspaceBusy: if others held the file for all of ``timeout_s``.
            StoreError: if the file cannot be written; see its subclasses.
            UsageError: among reads that share the file.
        """
        if self.reads_together:
            raise UsageError(
                "a write among reads that share the file would wait for itself",
                value=self.path,
                next_step="Write after the block.",
            )
        self._prepare()
        with self._write_lock:
            return self._retry(lambda: self._once(_transaction(work), read_only=False))

    def signature(self) -> Signature:
        """What tells that somebody wrote to the workspace: every commit changes it.

        It may change without a commit as well. Take it before a read, then the read is not older.
        """
        return _stat(self.path), _stat(self._log)

    def is_at(self, version: tuple[int, str], signature: Signature) -> bool:
        """Whether the corpus is still at ``version`` (number and token), which a read saw before
        which ``signature`` was taken. False if that cannot be told without opening the file."""
        now = self.signature()
        return now == signature or self._written == (now, version)

    def _retry(self, attempt: Callable[[], T]) -> T:
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(_Busy),
            wait=tenacity.wait_random(0.001, 0.008),
            stop=tenacity.stop_after_delay(self._timeout_s),
            reraise=True,
        )
        try:
            return retrying(attempt)
        except _Busy as error:
            raise self._busy(str(error).partition("\n")[0]) from error

    def _once(self, work: Callable[[duckdb.DuckDBPyConnection], T], *, read_only: bool) -> T:
        try:
            with self._opened(read_only=read_only) as connection:
                if not read_only:
                    self._mend_log(connection)
                result = work(connection)
                if not read_only:
                    self._fold_log(connection)
                    self._note_version(connection)
                return result
        except duckdb.Error as error:
            if is_busy(error):
                raise _Busy(str(error)) from error
            raise translate(error, self.path) from error

    @contextlib.contextmanager
    def _opened(self, *, read_only: bool) -> Iterator[duckdb.DuckDBPyConnection]:
        with self._turn(read_only=read_only):
            connection = self._retry(lambda: self._connect(read_only=read_only))
        try:
            yield connection
        except BaseException as error:
            self._file.release(connection, error)
            raise
        self._file.release(connection)

    @contextlib.contextmanager
    def _turn(self, *, read_only: bool) -> Iterator[None]:
        turn = FileLock(self.folder / "turn.lock", timeout=self._timeout_s)
        try:
            turn.acquire(poll_interval=TURN_POLL_S)
        except Timeout as error:
            raise self._busy("others were waiting for it") from error
        except OSError as error:
            if not read_only:
                raise self._unwritable(error) from error
            # A folder that cannot be written has no writer to take turns with.
        try:
            yield
        finally:
            turn.release()

    def _connect(self, *, read_only: bool) -> duckdb.DuckDBPyConnection:
        started_s = time.perf_counter()
        try:
            connection = self._file.connection(read_only=read_only)
        except InUse as error:
            raise _Busy(str(error)) from error
        except duckdb.Error as error:
            if is_busy(error):
                raise _Busy(str(error)) from error
            raise translate(error, self.path) from error
        if not read_only:
            self._opening_s = time.perf_counter() - started_s
        return connection

    @property
    def _log_note(self) -> Path:
        return self.path.with_name(self.path.name + ".wal-bytes")

    @property
    def _log(self) -> Path:
        return self.path.with_name(self.path.name + ".wal")

    def _log_bytes(self) -> int:
        found = _stat(self._log)
        return 0 if found is None else found[1]

    def _noted(self) -> _Log:
        try:
            return _Log(*map(int, self._log_note.read_text(encoding="ascii").split()))
        except (FileNotFoundError, ValueError, TypeError):
            return _Log()

    def _mend_log(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Fold in a log whose last writer was killed in the middle.

        DuckDB 1.3 opens such a log, but may take it for corrupt once more was appended: without
        this, one in two runs of the test that kills writers ended so. The log is as the last
        writer left it if it has the length that writer noted.
        """
        if self._noted().length == self._log_bytes():
            return
        # Another thread's transaction is in the way only if this process has the log open already.
        with contextlib.suppress(duckdb.TransactionException):
            connection.execute("CHECKPOINT")

    def _fold_log(self, connection: duckdb.DuckDBPyConnection) -> None:
        noted = self._noted()
        log = replace(
            noted,
            length=self._log_bytes(),
            commits=noted.commits + 1,
            replayed_ms=noted.replayed_ms + round(self._opening_s * 1000),
        )
        if log.is_due:
            started_s = time.perf_counter()
            # The change is safe in the log already. If another thread's transaction or a full disk
            # is in the way, a later write folds it in.
            with contextlib.suppress(duckdb.Error):
                connection.execute("CHECKPOINT")
            if log.length >= WAL_CHECKPOINT_BYTES:
                took_ms = round((time.perf_counter() - started_s) * 1000)
                log = replace(log, folding_ms=took_ms)
            log = replace(log, length=self._log_bytes())
        if log.length == 0:
            log = _Log(folding_ms=log.folding_ms)
        # The change is stored by now. Without a note the next writer folds the log in.
        with contextlib.suppress(OSError):
            self._log_note.write_text(
                f"{log.length} {log.commits} {log.replayed_ms} {log.folding_ms}", encoding="ascii"
            )

    def _note_version(self, connection: duckdb.DuckDBPyConnection) -> None:
        # In this order a commit in between leaves a signature that never comes again.
        signature = self.signature()
        row = connection.execute("SELECT version, token FROM store.corpus").fetchone()
        self._written = None if row is None else (signature, (int(row[0]), str(row[1])))

    def _prepare(self) -> None:
        """Create or upgrade the workspace, once per process."""
        if self._prepared:
            return
        self._create()
        found = self._retry(lambda: self._once(migrations.stored_format, read_only=True))
        if found is None:
            raise damaged(self.path, "a DuckDB file, but not a workspace")
        migrations.require_known(found, self.path)
        if found < migrations.FORMAT:
            self._retry(lambda: self._once(_transaction(migrations.upgrade), read_only=False))
        self._prepared = True

    def _create(self) -> None:
        if self.path.exists():
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with FileLock(self.folder / "create.lock", timeout=self._timeout_s):
                if not self.path.exists():
                    self._create_locked()
        except Timeout as error:
            raise self._busy("it is being created") from error
        except OSError as error:
            raise self._unwritable(error) from error
        except duckdb.Error as error:
            raise translate(error, self.path) from error

    def _busy(self, why: str) -> WorkspaceBusy:
        return WorkspaceBusy(
            f"the workspace was in use for {self._timeout_s:g} s",
            value=why,
            next_step="Wait for the other program to finish, or stop it, and try again.",
        )

    def _unwritable(self, error: OSError) -> StoreError:
        return StoreError(
            "the workspace folder cannot be written",
            value=f"{self.folder} ({error.strerror or error})",
            next_step="Check the path, free space and your right to write there.",
        )

    def _create_locked(self) -> None:
        # Renamed when complete: a crash here must not leave a file that looks damaged.
        draft = self.path.with_name(f"creating-{os.getpid()}.duckdb")
        draft.unlink(missing_ok=True)
        with contextlib.closing(duckdb.connect(draft, config={"threads": "1"})) as connection:
            _transaction(migrations.upgrade)(connection)
        draft.replace(self.path)


def _stat(path: Path) -> tuple[int, int, int] | None:
    # Only stat: opening the file here would drop the process's lock on it.
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _transaction(
    work: Callable[[duckdb.DuckDBPyConnection], T],
) -> Callable[[duckdb.DuckDBPyConnection], T]:
    def run(connection: duckdb.DuckDBPyConnection) -> T:
        connection.begin()
        try:
            result = work(connection)
            connection.commit()
        except BaseException:
            # A failed commit has rolled back already; closing discards the rest.
            with contextlib.suppress(duckdb.Error):
                connection.rollback()
            raise
        return result

    return run
