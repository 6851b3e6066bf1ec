from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.store.test_elsewhere import DIM, ONE, TWO, rows
from workbench.errors import StoreError
from workbench.store.elsewhere import Batch, Change, Place
from workbench.store.qdrant import QdrantServer
from workbench.store.versions import EMPTY

PLACE = Place("place", DIM)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[QdrantServer]:
    made = QdrantServer(f"qdrant://{tmp_path}/qdrant")
    yield made
    made.close()


def test_half_a_change_is_made_good(server: QdrantServer) -> None:
    def broken() -> Iterator[Batch]:
        yield rows(1, 2)
        raise OSError("the line broke")

    with pytest.raises(StoreError, match="line broke"):
        server.change(PLACE, EMPTY, Change(ONE, True, (), broken()))
    assert server.version(PLACE) == EMPTY
    server.change(PLACE, EMPTY, Change(ONE, True, (), iter([rows(5, 3)])))
    assert [batch.chunk_ids.tolist() for batch in server.rows(PLACE)] == [[5, 6, 7]]


def test_rows_come_in_pages(server: QdrantServer) -> None:
    server.change(PLACE, EMPTY, Change(TWO, True, (), iter([rows(1, 1_100)])))
    pages = list(server.rows(PLACE))
    assert [len(page.chunk_ids) for page in pages] == [1_000, 100]
    assert [i for page in pages for i in page.chunk_ids.tolist()] == list(range(1, 1_101))


# The client leaves its lock file open when it cannot have it.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_folder_in_use_is_a_clear_error(server: QdrantServer, tmp_path: Path) -> None:
    assert server.version(PLACE) == EMPTY
    with pytest.raises(StoreError, match="cannot be used"):
        QdrantServer(f"qdrant://{tmp_path}/qdrant").version(PLACE)
    gc.collect()


def test_a_collection_that_was_deleted_is_not_taken_for_whole(
    server: QdrantServer, tmp_path: Path
) -> None:
    """The note of the version that it showed is kept elsewhere and may outlive it."""

    def broken() -> Iterator[Batch]:
        yield rows(1, 2)
        raise OSError("the line broke")

    server.change(PLACE, EMPTY, Change(TWO, True, (), iter([rows(1, 9)])))
    server._open().delete_collection(PLACE.name)
    with pytest.raises(StoreError, match="line broke"):
        server.change(PLACE, EMPTY, Change(TWO, False, (), broken()))
    assert server.version(PLACE) == EMPTY
