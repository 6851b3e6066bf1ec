from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest

from workbench.errors import NewerWorkspace, StoreError, UsageError, WorkspaceBusy, WorkspaceDamaged
from workbench.store import database as module
from workbench.store import migrations
from workbench.store.attached import AttachedFile
from workbench.store.corpus import Corpus
from workbench.store.database import DATABASE_FILE, Database

HOLD = """
import duckdb, sys, time
connection = duckdb.connect(sys.argv[1], read_only=sys.argv[2] == "read")
print("held", flush=True)
time.sleep(float(sys.argv[3]))
"""


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database(tmp_path / "workspace", timeout_s=10)


@contextmanager
def held_by_another_process(path: Path, mode: str, seconds: float) -> Iterator[None]:
    command = [sys.executable, "-c", HOLD, str(path), mode, str(seconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield
        process.kill()


def count(connection: duckdb.DuckDBPyConnection) -> int:
    return connection.execute("SELECT version FROM store.corpus").fetchone()[0]


def add_one(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("UPDATE store.corpus SET version = version + 1")


def test_nothing_is_created_before_it_is_used(tmp_path: Path) -> None:
    database = Database(tmp_path / "workspace")
    assert not database.folder.exists()
    assert database.read(count) == 0
    assert database.path.exists()


def test_a_failed_write_changes_nothing(database: Database) -> None:
    def fail(connection: duckdb.DuckDBPyConnection) -> None:
        add_one(connection)
        raise KeyError("stop")

    with pytest.raises(KeyError):
        database.write(fail)
    assert database.read(count) == 0
    database.write(add_one)
    assert database.read(count) == 1


@pytest.mark.parametrize("mode", ["read", "write"])
def test_an_operation_waits_for_another_process(database: Database, mode: str) -> None:
    database.write(add_one)
    with held_by_another_process(database.path, mode, 1.0):
        database.write(add_one)
        assert database.read(count) == 2


def test_readers_of_two_processes_do_not_wait(database: Database) -> None:
    database.write(add_one)
    with held_by_another_process(database.path, "read", 60):
        assert database.read(count) == 1


def test_a_workspace_held_too_long_is_busy(database: Database) -> None:
    database.read(count)
    impatient = Database(database.folder, timeout_s=0.3)
    with held_by_another_process(database.path, "write", 60):
        started_s = time.monotonic()
        with pytest.raises(WorkspaceBusy, match=r"0\.3 s"):
            impatient.read(count)
        assert time.monotonic() - started_s < 5


def test_threads_read_and_write_at_once(tmp_path: Path) -> None:
    """Two Database objects, as two pages of the app would hold, and four threads."""
    databases = [Database(tmp_path), Database(tmp_path)]
    errors: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for _ in range(10):
                databases[number % 2].write(add_one)
                databases[number % 2].read(count)
        except Exception as error:  # noqa: BLE001
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert databases[0].read(count) == 40


@pytest.mark.parametrize("content", [b"not a database", b"\0" * 50_000, b""])
def test_a_file_that_is_no_database_is_damaged(database: Database, content: bytes) -> None:
    database.folder.mkdir()
    database.path.write_bytes(content)
    with pytest.raises(WorkspaceDamaged, match="Restore it"):
        database.read(count)


def test_flipped_bytes_are_damage(database: Database) -> None:
    database.write(lambda c: c.execute("INSERT INTO store.replies SELECT range, 'x', now() "
                                       "FROM range(20000)"))  # fmt: skip
    database.write(lambda c: c.execute("UPDATE store.corpus SET token = 'x'"))
    fold(database)
    content = bytearray(database.path.read_bytes())
    for at in range(8192, len(content), 1000):
        content[at] ^= 0xFF
    database.path.write_bytes(content)
    with pytest.raises(WorkspaceDamaged):
        Database(database.folder).read(
            lambda c: c.execute("SELECT count(reply), max(key) FROM store.replies").fetchall()
        )


def test_a_foreign_database_is_not_touched(database: Database) -> None:
    database.folder.mkdir()
    with duckdb.connect(database.path) as connection:
        connection.execute("CREATE TABLE mine AS SELECT 1")
    with pytest.raises(WorkspaceDamaged, match="not a workspace"):
        database.write(add_one)
    with duckdb.connect(database.path, read_only=True) as connection:
        assert connection.execute("SHOW TABLES").fetchall() == [("mine",)]


def test_a_newer_workspace_is_left_alone(database: Database) -> None:
    newer = migrations.FORMAT + 1
    database.write(lambda c: c.execute("UPDATE store.format SET version = ?", [newer]))
    with pytest.raises(NewerWorkspace, match=f"format {newer}"):
        Database(database.folder).write(add_one)


def test_a_newer_duckdb_file_is_named_as_such(database: Database) -> None:
    database.read(count)
    fold(database)
    content = bytearray(database.path.read_bytes())
    # The storage version stands after the magic bytes of the main header.
    content[12:20] = (9_999).to_bytes(8, "little")
    database.path.write_bytes(content)
    with pytest.raises((NewerWorkspace, WorkspaceDamaged)):
        Database(database.folder).read(count)


def test_a_folder_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="cannot be written"):
        Database(tmp_path / "file" / "workspace").read(count)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_can_be_read(database: Database) -> None:
    database.write(add_one)
    database.path.chmod(0o400)
    database.folder.chmod(0o500)
    try:
        fresh = Database(database.folder)
        assert fresh.read(count) == 1
        with pytest.raises(StoreError, match="cannot be opened"):
            fresh.write(add_one)
    finally:
        database.folder.chmod(0o700)


def test_a_full_disk_loses_nothing(database: Database) -> None:
    """A file size limit stands in for the full disk: writing fails in the same place."""
    database.write(add_one)
    script = f"""
import resource, signal
from pathlib import Path
from workbench.errors import StoreError
from workbench.store.database import Database
database = Database(Path({str(database.folder)!r}))
database.read(lambda c: None)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
try:
    database.write(lambda c: c.execute(
        "INSERT INTO store.replies SELECT range, repeat('x', 1000), now() FROM range(5000)"
    ))
except StoreError as error:
    print(type(error).__name__, error)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert "StoreError the disk is full" in done.stdout, done.stdout + done.stderr
    fresh = Database(database.folder)
    assert fresh.read(count) == 1
    assert fresh.read(lambda c: c.execute("SELECT count(*) FROM store.replies").fetchone()) == (0,)
    fresh.write(add_one)
    assert fresh.read(count) == 2


def test_a_long_log_is_folded_into_the_file(database: Database, monkeypatch) -> None:
    monkeypatch.setattr(module, "WAL_CHECKPOINT_BYTES", 100_000)
    log = database.path.with_name("workbench.duckdb.wal")
    database.write(add_one)
    assert log.stat().st_size < 100_000
    rows = "SELECT range, repeat(range::VARCHAR, 50), now() FROM range(2000)"
    database.write(lambda c: c.execute(f"INSERT INTO store.replies {rows}"))
    assert not log.exists() or log.stat().st_size == 0
    assert database.read(count) == 1


def test_a_long_log_waits_until_replaying_it_costs_what_folding_does(
    database: Database, monkeypatch
) -> None:
    monkeypatch.setattr(module, "WAL_CHECKPOINT_BYTES", 10_000)
    rows = "SELECT uuid(), repeat('x', 100), now() FROM range(1000)"

    def more(connection: duckdb.DuckDBPyConnection) -> None:
        connection.execute(f"INSERT INTO store.replies {rows}")

    log, note = (database.path.with_name(f"{DATABASE_FILE}.{end}") for end in ("wal", "wal-bytes"))
    database.write(add_one)
    note.write_text(f"{log.stat().st_size} 1 0 60000")
    database.write(more)
    length, commits, replayed_ms, folding_ms = map(int, note.read_text().split())
    assert (length, commits, folding_ms) == (log.stat().st_size, 2, 60000)
    assert length > 100_000
    assert 0 < replayed_ms < 30_000
    note.write_text(f"{length} 2 30000 60000")
    database.write(add_one)
    assert not log.exists() or log.stat().st_size == 0
    note.write_text("0 0 0 60000")
    monkeypatch.setattr(module, "WAL_MOST_BYTES", 100_000)
    database.write(more)
    assert not log.exists() or log.stat().st_size == 0
    assert database.read(count) == 2


def fold(database: Database) -> None:
    with duckdb.connect(database.path) as connection:
        connection.execute("CHECKPOINT")


@pytest.mark.parametrize("share", [0.05, 0.25, 0.5, 0.75, 0.95])
def test_a_half_written_log_entry_costs_no_other_document(
    corpus: Corpus, put, share: float
) -> None:
    log = corpus._database.path.with_name(f"{DATABASE_FILE}.wal")
    put("file-1", "the first text")
    whole = log.stat().st_size
    put("file-2", "the second text " * 200)
    # What a kill in the middle of the second write leaves behind.
    with log.open("r+b") as file:
        file.truncate(int(whole + share * (log.stat().st_size - whole)))
    put("file-3", "the third text " * 400)
    reopened = Corpus(corpus._database.folder)
    assert reopened.health().problems == ()
    assert reopened.health().documents == 2


def test_a_log_of_many_small_commits_is_folded_in(database: Database, monkeypatch) -> None:
    monkeypatch.setattr(module, "WAL_CHECKPOINT_COMMITS", 5)
    log = database.path.with_name("workbench.duckdb.wal")
    sizes = []
    for _ in range(10):
        database.write(add_one)
        sizes.append(log.stat().st_size if log.exists() else 0)
    assert [size == 0 for size in sizes] == [*[False] * 4, True] * 2
    assert database.read(count) == 10


def test_the_signature_tells_every_commit_and_no_read(database: Database, monkeypatch) -> None:
    monkeypatch.setattr(module, "WAL_CHECKPOINT_COMMITS", 3)
    seen = [database.signature()]
    for _ in range(8):
        database.write(add_one)
        seen.append(database.signature())
        database.read(count)
        assert database.signature() == seen[-1]
    assert len(set(seen)) == len(seen)


def test_reads_together_open_the_file_once(database: Database, monkeypatch) -> None:
    database.write(add_one)
    opened = []
    connect = AttachedFile.connection

    def counted(file: AttachedFile, *, read_only: bool) -> duckdb.DuckDBPyConnection:
        opened.append(read_only)
        return connect(file, read_only=read_only)

    monkeypatch.setattr(AttachedFile, "connection", counted)
    with database.together():
        assert [database.read(count) for _ in range(3)] == [1, 1, 1]
        with pytest.raises(StoreError):
            database.read(lambda connection: connection.execute("SELECT * FROM nowhere"))
        with pytest.raises(UsageError, match="wait for itself"):
            database.write(add_one)
    assert opened == [True]
    database.write(add_one)
    assert database.read(count) == 2


def test_reads_together_wait_for_a_writer_and_keep_one_out(database: Database) -> None:
    database.write(add_one)
    with held_by_another_process(database.path, "write", 1.0), database.together():
        assert database.read(count) == 1
    impatient = Database(database.folder, timeout_s=0.3)
    with database.together():
        failed: list[str] = []
        other = threading.Thread(target=lambda: failed.append(_why(impatient)))
        other.start()
        other.join()
    assert failed == ["WorkspaceBusy"]


def _why(database: Database) -> str:
    try:
        database.write(add_one)
    except StoreError as error:
        return type(error).__name__
    return "written"


def test_a_note_that_cannot_be_written_fails_no_write(database: Database, monkeypatch) -> None:
    """The change is stored by then; without the note the next writer folds the log in."""
    database.write(add_one)
    stored = database.read(count)

    def full(path: Path, *args: object, **named: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", full)
        database.write(add_one)
    database.write(add_one)
    assert database.read(count) == stored + 2
