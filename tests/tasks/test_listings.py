from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from tests.workbenches import MakeWorkbench
from workbench.config import ActorConfig, Config
from workbench.errors import AccessDenied, UsageError
from workbench.results import IngestReport, ItemStatus
from workbench.sources.rows import Rows
from workbench.sources.sql import SqlRows

PEOPLE = [
    {"id": 1, "name": "Ann", "mail": "ann@example.com", "city": "Riga"},
    {"id": 2, "name": "Bo", "mail": "bo@example.com", "city": "Oslo"},
]


def counted(report: IngestReport) -> dict[str, int]:
    return {status.value: n for status in ItemStatus if (n := report.count(status))}


def test_tables_and_files_in_one_ingest(make_workbench: MakeWorkbench, folder: Path) -> None:
    session = make_workbench().session("ana")
    people = Rows(PEOPLE, "people", key="mail", text=["name", "mail", "city"])
    assert counted(session.ingest(folder, people)) == {"added": 5}
    assert counted(session.ingest(folder, people)) == {"unchanged": 5}
    hit = session.search("Oslo").hits[0]
    document = session.document(hit.chunk.document_id)
    assert document.text == "name: Bo\nmail: <EMAIL_ADDRESS_2>\ncity: Oslo"
    assert document.metadata == {"source": "table in memory", "key": "<EMAIL_ADDRESS_2>"}
    assert document.name == "people <EMAIL_ADDRESS_2>"
    stored = (session._workbench.folder / "workbench.duckdb").read_bytes()
    assert b"bo@example.com" not in stored


def test_sync_removes_rows_that_are_gone(make_workbench: MakeWorkbench, folder: Path) -> None:
    session = make_workbench().session("ana")
    session.ingest(folder, Rows(PEOPLE, "people", key="id"))
    moved = [{**PEOPLE[0], "city": "Bern"}]
    report = session.ingest(Rows(moved, "people", key="id"), sync=True)
    assert counted(report) == {"updated": 1, "removed": 1}
    assert len(session.documents()) == 4


def test_nothing_to_ingest_is_bad_usage(make_workbench: MakeWorkbench) -> None:
    with pytest.raises(UsageError, match="no path was given"):
        make_workbench().session("ana").ingest()


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with sqlite3.connect(tmp_path / "shop.db") as connection:
        connection.execute("CREATE TABLE orders (id INTEGER, what TEXT, at TEXT)")
        insert(connection, 1, "2026-01-01")
        insert(connection, 2, "2026-01-02")
        yield connection
    connection.close()


def insert(connection: sqlite3.Connection, number: int, day: str) -> None:
    connection.execute("INSERT INTO orders VALUES (?, ?, ?)", [number, f"order {number}", day])
    connection.commit()


def test_incremental_rows(
    make_workbench: MakeWorkbench, shop: sqlite3.Connection, tmp_path: Path
) -> None:
    session = make_workbench().session("ana")
    url = f"sqlite:///{tmp_path / 'shop.db'}"
    orders = SqlRows(url, "SELECT * FROM orders", "orders", key="id", since="at")
    assert counted(session.ingest(orders)) == {"added": 2}
    insert(shop, 3, "2026-01-03")
    insert(shop, 4, "2026-01-02")
    assert counted(session.ingest(orders)) == {"added": 2, "unchanged": 1}
    assert counted(session.ingest(orders)) == {"unchanged": 1}
    # Under another label they are other documents, so the mark does not hold.
    assert counted(session.ingest(orders, label="sales")) == {"updated": 4}


def test_a_mark_does_not_tell_where_its_source_is(
    make_workbench: MakeWorkbench, shop: sqlite3.Connection, tmp_path: Path
) -> None:
    home = tmp_path / "anna@example.org"
    home.mkdir()
    (tmp_path / "shop.db").rename(home / "shop.db")
    workbench = make_workbench()
    session = workbench.session("ana")
    query = "SELECT * FROM orders"
    orders = SqlRows(f"sqlite:///{home / 'shop.db'}", query, "orders", key="id", since="at")
    assert counted(session.ingest(orders)) == {"added": 2}
    assert counted(session.ingest(orders)) == {"unchanged": 1}
    [(identity, state)] = workbench.corpus._database.read(
        lambda c: c.execute("SELECT identity, state FROM store.marks").fetchall()
    )
    assert re.fullmatch("[0-9a-f]{16}", identity)
    assert state.startswith("2:")


def test_a_mark_is_not_kept_over_a_failure(
    make_workbench: MakeWorkbench, shop: sqlite3.Connection, tmp_path: Path
) -> None:
    session = make_workbench().session("ana")
    url = f"sqlite:///{tmp_path / 'shop.db'}"
    shop.execute("UPDATE orders SET what = NULL WHERE id = 1")
    shop.commit()
    orders = SqlRows(url, "SELECT * FROM orders", "orders", key="id", text=["what"], since="at")
    assert counted(session.ingest(orders)) == {"added": 1, "failed": 1}
    shop.execute("UPDATE orders SET what = 'mended' WHERE id = 1")
    shop.commit()
    assert counted(session.ingest(orders)) == {"added": 1, "unchanged": 1}


def test_duckdb_files(make_workbench: MakeWorkbench, tmp_path: Path) -> None:
    path = tmp_path / "cities.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            "CREATE TABLE cities AS SELECT * FROM (VALUES (1, 'Riga', DATE '2026-01-01'), "
            "(2, 'Oslo', DATE '2026-01-02')) t(id, city, seen)"
        )
    session = make_workbench().session("ana")
    cities = SqlRows(f"duckdb:///{path}", "SELECT * FROM cities", "cities", key="id", since="seen")
    assert counted(session.ingest(cities)) == {"added": 2}
    assert counted(session.ingest(cities)) == {"unchanged": 1}
    assert session.search("Riga").hits[0].document == "cities 1"
    own = SqlRows(
        f"duckdb:///{session._workbench.folder / 'workbench.duckdb'}",
        "SELECT id, text FROM store.documents",
        "stolen",
        key="id",
    )
    with pytest.raises(AccessDenied, match="source of itself"):
        session.ingest(own)


def test_rows_need_the_right_to_write_their_label(make_workbench: MakeWorkbench) -> None:
    actors = {"ana": ActorConfig(role="analyst", labels=("hr",))}
    session = make_workbench(config=Config(actors=actors)).session("ana")
    with pytest.raises(AccessDenied):
        session.ingest(Rows(PEOPLE, "people", key="id"), label="board")
    assert counted(session.ingest(Rows(PEOPLE, "people", key="id"), label="hr")) == {"added": 2}
