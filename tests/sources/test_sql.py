from __future__ import annotations

import json
import sqlite3
import traceback
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from tests.sources.places import access
from workbench.errors import SourceError, UsageError, WorkbenchError
from workbench.sources.sql import SqlRows, _kept, _loaded

Orders = Callable[..., SqlRows]
SECRET = "hunter2-and-more"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE orders (id INTEGER, who TEXT, at TEXT, pay BLOB)")
        connection.executemany(
            "INSERT INTO orders VALUES (?, ?, ?, ?)",
            [
                (1, "Ann: 10:30", "2026-01-01", b"xyz"),
                (2, None, "2026-01-02", None),
                (3, "Cy", "2026-01-02", None),
            ],
        )
    connection.close()
    return path


def query(path: Path, text: str = "SELECT * FROM orders;", **more: str) -> SqlRows:
    return SqlRows(f"sqlite:///{path}", text, "orders", key="id", **more)


def test_rows_of_a_query_are_documents(shop: Path) -> None:
    listing = query(shop).listing(access())
    first = listing.items[0].read("sales")
    assert first.text == "id: 1\nwho: Ann: 10:30\nat: 2026-01-01\npay: (3 bytes)"
    assert first.uri == f"sqlite://{shop.as_posix()}/orders/1"
    assert first.metadata == {
        "source": f"sqlite://{shop.as_posix()}",
        "query": "SELECT * FROM orders;",
        "key": "1",
    }
    assert listing.covers(f"sqlite://{shop.as_posix()}/orders/99")
    assert listing.marks == ()


def test_colons_and_other_signs_of_a_query_are_its_own(shop: Path) -> None:
    given = query(shop, "SELECT id, who AS \"a:since\" FROM orders WHERE who LIKE '%:30' -- :x")
    listing = given.listing(access())
    assert [item.read("x").text for item in listing.items] == ["id: 1\na:since: Ann: 10:30"]


def test_a_repeated_incremental_read_begins_at_the_mark(shop: Path) -> None:
    growing = query(shop, "SELECT id, at, ':since' AS q FROM orders", since="at")
    first = growing.listing(access())
    assert len(first.items) == 3
    (mark,) = first.marks
    again = growing.listing(access(marks={mark.identity: mark.value}))
    # Both rows of the last day: a third may have come since.
    assert [item.uri.rpartition("/")[2] for item in again.items] == ["2", "3"]
    assert again.marks == first.marks
    assert not again.covers(first.items[0].uri)


@pytest.mark.parametrize(
    "value",
    [7, 1.5, Decimal("2.10"), date(2026, 1, 2), datetime(2026, 1, 2, 3, 4, 5), "2026-01-02 03:04"],
)
def test_marks_keep_their_type(value: object) -> None:
    read = _loaded(json.dumps(_kept(value)))
    assert (type(read), read) == (type(value), value)


@pytest.mark.parametrize("value", ["Ann", "1999 Ann", True, b"x"])
def test_a_mark_is_no_text_of_a_person(value: object) -> None:
    with pytest.raises(UsageError, match="number or a date"):
        _kept(value)


def test_a_mark_needs_its_column(shop: Path) -> None:
    with pytest.raises(UsageError, match="no such column: nope"):
        query(shop, since="nope").listing(access())
    with pytest.raises(UsageError, match="number or a date"):
        query(shop, since="who").listing(access())


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM orders",
        "DELETE FROM orders RETURNING *",
        "SELECT * FROM orders); DELETE FROM orders; --",
        "INSERT INTO orders VALUES (9, 'x', 'y', NULL)",
        "SELECT * FROM nowhere",
    ],
)
def test_a_query_reads_only(shop: Path, statement: str) -> None:
    before = shop.read_bytes()
    with pytest.raises(SourceError, match="cannot be read"):
        query(shop, statement).listing(access())
    assert shop.read_bytes() == before


def test_a_missing_database_is_not_made(tmp_path: Path) -> None:
    missing = tmp_path / "nowhere.db"
    with pytest.raises(UsageError, match=r"no such database file: nowhere\.db"):
        query(missing).listing(access())
    assert not missing.exists()
    for url in ("sqlite://", "duckdb:///nowhere.duckdb", "no address", "", "oracle://u:p@h/x"):
        with pytest.raises(UsageError):
            SqlRows(url, "SELECT 1", "x", key="a").listing(access())


@pytest.mark.parametrize("driver", ["postgresql+psycopg", "nodriver", "oracle"])
def test_credentials_are_never_shown(driver: str) -> None:
    url = f"{driver}://robin:{SECRET}@127.0.0.1:1/shop?password={SECRET}"
    given = SqlRows(url, "SELECT 1", "x", key="a")
    assert SECRET not in repr(given)
    with pytest.raises(WorkbenchError) as caught:
        given.listing(access())
    shown = "".join(traceback.format_exception(caught.value))
    assert SECRET not in shown
    assert "robin" not in str(caught.value)


def test_chinook(shared_data: Path) -> None:
    path = shared_data / "sql-chinook" / "Chinook_Sqlite.sqlite"
    tracks = SqlRows(
        f"sqlite:///{path}",
        "SELECT t.TrackId, t.Name AS Track, a.Title AS Album, r.Name AS Artist, t.Composer "
        "FROM Track t JOIN Album a USING (AlbumId) JOIN Artist r USING (ArtistId)",
        "tracks",
        key="TrackId",
    ).listing(access())
    assert len(tracks.items) == 3503
    assert len({item.uri for item in tracks.items}) == 3503
    text = tracks.items[0].read("music").text
    assert text.startswith("TrackId: 1\nTrack: For Those About To Rock (We Salute You)\nAlbum: ")
