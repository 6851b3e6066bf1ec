"""One DuckDB instance per process and file, attached only while it is used."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from workbench.store.attached import ROW_GROUP_ROWS, AttachedFile, InUse


@pytest.fixture
def file(tmp_path: Path) -> AttachedFile:
    path = tmp_path / "it's.duckdb"
    with duckdb.connect(path) as connection:
        connection.execute("CREATE TABLE t (i INTEGER)")
    return AttachedFile.of(path)


def write(file: AttachedFile, count: int) -> None:
    connection = file.connection(read_only=False)
    connection.execute(f"INSERT INTO t SELECT range FROM range({count})")
    file.release(connection)


def count(file: AttachedFile) -> int:
    connection = file.connection(read_only=True)
    try:
        return connection.execute("SELECT count(*) FROM t").fetchone()[0]
    finally:
        file.release(connection)


def another_process_writes(path: Path) -> str:
    script = "import duckdb, sys; duckdb.connect(sys.argv[1]).execute('INSERT INTO t VALUES (1)')"
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=False
    )
    return done.stderr


def test_all_of_a_process_share_one_file(file: AttachedFile, tmp_path: Path) -> None:
    assert AttachedFile.of(tmp_path / "." / "it's.duckdb") is file
    first, second = file.connection(read_only=True), file.connection(read_only=True)
    file.release(first)
    assert second.execute("SELECT count(*) FROM t").fetchone() == (0,)
    file.release(second)


def test_nobody_reads_while_another_thread_writes(file: AttachedFile) -> None:
    writing = file.connection(read_only=False)
    with pytest.raises(InUse):
        file.connection(read_only=True)
    file.release(writing)
    reading = file.connection(read_only=True)
    with pytest.raises(InUse):
        file.connection(read_only=False)
    with pytest.raises(duckdb.InvalidInputException, match="read-only"):
        reading.execute("INSERT INTO t VALUES (1)")
    file.release(reading)
    write(file, 2)
    assert count(file) == 2


def test_the_lock_goes_with_the_last_who_uses_it(file: AttachedFile, tmp_path: Path) -> None:
    path = tmp_path / "it's.duckdb"
    connections = [file.connection(read_only=False) for _ in range(2)]
    file.release(connections[0])
    assert "lock" in another_process_writes(path)
    file.release(connections[1])
    assert another_process_writes(path) == ""
    assert count(file) == 1


def test_many_rows_go_past_the_log(file: AttachedFile, tmp_path: Path) -> None:
    log = tmp_path / "it's.duckdb.wal"
    write(file, ROW_GROUP_ROWS // 2)
    few = log.stat().st_size
    write(file, ROW_GROUP_ROWS * 20)
    assert log.stat().st_size - few < few
    # Whoever reads finds them, with and without us.
    assert count(file) == ROW_GROUP_ROWS * 20 + ROW_GROUP_ROWS // 2
    with duckdb.connect(tmp_path / "it's.duckdb", read_only=True) as other:
        assert other.execute("SELECT count(*), max(i) FROM t").fetchone() == (
            ROW_GROUP_ROWS * 20 + ROW_GROUP_ROWS // 2,
            ROW_GROUP_ROWS * 20 - 1,
        )


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "COPY t TO '{folder}/out.csv'",
        "ATTACH '{folder}/other.duckdb'",
        "SET threads = 1",
        "SET enable_external_access = true",
        "INSTALL httpfs",
    ],
)
def test_a_connection_reaches_nothing_else(file: AttachedFile, tmp_path: Path, query: str) -> None:
    connection = file.connection(read_only=False)
    try:
        with pytest.raises(duckdb.Error):
            connection.execute(query.format(folder=tmp_path))
    finally:
        file.release(connection)


def test_an_instance_that_an_error_spoilt_is_replaced(file: AttachedFile) -> None:
    first, second = file.connection(read_only=True), file.connection(read_only=True)
    file.release(first, duckdb.FatalException("the database has been invalidated"))
    with pytest.raises(InUse):
        file.connection(read_only=True)
    spoilt = file._instance
    file.release(second)
    assert count(file) == 0
    assert file._instance is not spoilt


def test_a_file_that_cannot_be_attached_is_not_in_use(tmp_path: Path) -> None:
    path = tmp_path / "broken.duckdb"
    path.write_bytes(b"not a database" * 100)
    file = AttachedFile.of(path)
    with pytest.raises(duckdb.Error):
        file.connection(read_only=True)
    path.unlink()
    write_new = file.connection(read_only=False)
    write_new.execute("CREATE TABLE t (i INTEGER)")
    file.release(write_new)
    assert count(file) == 0


def test_what_nobody_holds_is_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "some.duckdb"
    number = id(AttachedFile.of(path))
    gc.collect()
    assert path.resolve() not in AttachedFile._known, number


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_process_makes_its_own(file: AttachedFile, tmp_path: Path) -> None:
    script = f"""
import os
from pathlib import Path
from workbench.store.attached import AttachedFile
path = Path({str(tmp_path / "it's.duckdb")!r})
file = AttachedFile.of(path)
file.release(file.connection(read_only=True))
child = os.fork()
if not child:
    own = AttachedFile.of(path)
    os._exit(0 if own is not file and own._instance is None else 1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "0\n"
