from __future__ import annotations

import threading
from collections.abc import Iterator

import psycopg
import pytest

from tests.store.test_elsewhere import DIM, ONE, TWO, rows
from workbench.errors import StoreError
from workbench.store.elsewhere import Batch, Change, Place
from workbench.store.postgres import PostgresServer
from workbench.store.versions import EMPTY

PLACE = Place('quoted "place"; --', DIM)


@pytest.fixture
def server(postgres_url: str) -> Iterator[PostgresServer]:
    made = PostgresServer(postgres_url)
    made.drop(PLACE)
    yield made
    made.drop(PLACE)
    made.close()


def test_a_connection_that_the_server_closed_is_opened_again(
    server: PostgresServer, postgres_url: str
) -> None:
    server.change(PLACE, EMPTY, Change(ONE, True, (), iter([rows(1, 3)])))
    with psycopg.connect(postgres_url, autocommit=True) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
    assert server.version(PLACE) == ONE


def test_of_two_that_catch_up_at_once_one_does_it(
    server: PostgresServer, postgres_url: str
) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow() -> Iterator[Batch]:
        yield rows(1, 3)
        begun.set()
        go_on.wait(10)

    other = PostgresServer(postgres_url)
    first = threading.Thread(
        target=server.change, args=(PLACE, EMPTY, Change(ONE, True, (), slow()))
    )
    first.start()
    assert begun.wait(10)
    second = threading.Thread(
        target=other.change, args=(PLACE, EMPTY, Change(TWO, True, (), iter([rows(50, 3)])))
    )
    second.start()
    go_on.set()
    for thread in (first, second):
        thread.join(20)
    assert other.version(PLACE) == ONE
    assert [batch.chunk_ids.tolist() for batch in server.rows(PLACE)] == [[1, 2, 3]]
    other.close()


def test_vectors_of_another_length_are_a_clear_error(server: PostgresServer) -> None:
    server.change(PLACE, EMPTY, Change(ONE, True, (), iter([rows(1, 3)])))
    with pytest.raises(StoreError, match="dimensions"):
        server.nearest(PLACE, rows(1, 1).vectors[0][:3], 2, None)
