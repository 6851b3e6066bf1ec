"""SQL rows from a real PostgreSQL, which is shipped as a package and started for the tests."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import create_engine, text

from tests.sources.places import access
from tests.store.servers import postgres_url
from tests.workbenches import MakeWorkbench
from workbench.errors import SourceError
from workbench.results import ItemStatus
from workbench.sources.sql import SqlRows

__all__ = ["postgres_url"]

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def url(postgres_url: str) -> Iterator[str]:
    pytest.importorskip("psycopg")
    address = postgres_url.replace("postgresql://", "postgresql+psycopg://", 1)
    engine = create_engine(address)
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE IF EXISTS people"))
        connection.execute(
            text("CREATE TABLE people (id INT, name TEXT, mail TEXT, tags TEXT[], at TIMESTAMPTZ)")
        )
        for number in range(1, 4):
            add(connection, number)
    yield address
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE people"))
    engine.dispose()


def add(connection: object, number: int) -> None:
    connection.execute(  # type: ignore[attr-defined]
        text("INSERT INTO people VALUES (:id, :name, :mail, ARRAY['a', 'b'], :at)"),
        {
            "id": number,
            "name": f"Person {number}",
            "mail": f"p{number}@example.com",
            "at": START + timedelta(days=number),
        },
    )


def rows(url: str, query: str = "SELECT * FROM people ORDER BY id") -> SqlRows:
    return SqlRows(url, query, "people", key="id", since="at")


def test_rows_with_their_types(url: str) -> None:
    item = rows(url).listing(access()).items[0]
    document = item.read("hr")
    assert document.text == (
        "id: 1\nname: Person 1\nmail: p1@example.com\n"
        'tags: ["a", "b"]\nat: 2026-03-02 12:00:00+00:00'
    )
    assert document.uri.startswith("postgresql://")
    assert document.uri.endswith("/people/1")
    assert "@" not in document.uri


def test_an_incremental_ingest(url: str, make_workbench: MakeWorkbench) -> None:
    session = make_workbench().session("ana")
    assert session.ingest(rows(url)).count(ItemStatus.ADDED) == 3
    engine = create_engine(url)
    with engine.begin() as connection:
        add(connection, 4)
        connection.execute(text("UPDATE people SET name = 'Changed' WHERE id = 3"))
    engine.dispose()
    report = session.ingest(rows(url))
    assert {(item.name, item.status.value) for item in report.items} == {
        ("people 3", "updated"),
        ("people 4", "added"),
    }
    texts = [session.document(info.id).text for info in session.documents()]
    assert not [found for found in texts if "@example.com" in found]


@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM people RETURNING *",
        "WITH gone AS (DELETE FROM people RETURNING *) SELECT * FROM gone",
        "SELECT id, pg_terminate_backend(id), setval('nowhere', 1) AS at FROM people",
        "SELECT nope FROM people",
        "SELECT id, name::int AS at FROM people",
    ],
)
def test_a_query_reads_only_and_errors_quote_no_value(url: str, query: str) -> None:
    with pytest.raises(SourceError, match="database cannot be read") as caught:
        rows(url, query).listing(access())
    assert "Person 1" not in "".join(traceback.format_exception(caught.value))
    assert len(rows(url).listing(access()).items) == 3


def test_a_function_that_writes_is_refused_by_the_transaction(url: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(
            text(
                "CREATE OR REPLACE FUNCTION wipe() RETURNS INT LANGUAGE sql "
                "AS 'DELETE FROM people; SELECT 1'"
            )
        )
    engine.dispose()
    with pytest.raises(SourceError):
        rows(url, "SELECT wipe() AS id, now() AS at").listing(access())
    assert len(rows(url).listing(access()).items) == 3
