from __future__ import annotations

import threading

import pytest

from workbench.errors import StoreError
from workbench.store import versions
from workbench.store.corpus import Corpus
from workbench.store.versions import EMPTY, Version, changes_since, current_version, descends

SELECT = (
    "SELECT c.id AS chunk_id, c.text FROM store.chunks c "
    "JOIN store.documents d ON d.id = c.document_id"
)


def texts(corpus: Corpus, held: Version) -> tuple[bool, int, list[str]]:
    changes = changes_since(corpus._database, held, SELECT)
    added = [row["text"] for page in changes.added for row in page.to_pylist()]
    return changes.anew, len(changes.removed), added


@pytest.mark.parametrize("page_rows", [1, 2, 20_000])
def test_changes_lead_from_any_version_to_now(
    corpus: Corpus, run_for, put, monkeypatch, page_rows: int
) -> None:
    monkeypatch.setattr(versions, "PAGE_ROWS", page_rows)
    seen = [corpus._database.read(current_version)]
    for step in (
        lambda: put("a", "a1", "a2"),
        lambda: put("b", "b1"),
        lambda: put("a", "a3"),
        lambda: corpus.remove(run_for("*"), "b"),
    ):
        step()
        seen.append(corpus._database.read(current_version))
    assert [version.number for version in seen] == [0, 1, 2, 3, 4]
    assert len({version.token for version in seen}) == 5
    assert texts(corpus, seen[0]) == (False, 3 - 1, ["a3"])
    assert texts(corpus, seen[1]) == (False, 2, ["a3"])
    assert texts(corpus, seen[2]) == (False, 2, ["a3"])
    assert texts(corpus, seen[3]) == (False, 1, [])
    assert texts(corpus, seen[4]) == (False, 0, [])


def test_another_history_starts_anew(corpus: Corpus, put) -> None:
    put("a", "a1")
    for stranger in (Version(1, "other"), Version(7, "later")):
        assert not corpus._database.read(lambda c: descends(c, stranger))  # noqa: B023
        assert texts(corpus, stranger) == (True, 0, ["a1"])
    assert corpus._database.read(lambda c: descends(c, EMPTY))


def test_pages_are_read_one_ahead_but_not_among_reads_that_share_the_file(
    corpus: Corpus, put, monkeypatch
) -> None:
    monkeypatch.setattr(versions, "PAGE_ROWS", 1)
    put("a", "a1", "a2", "a3")
    database = corpus._database
    readers: list[int] = []
    read = database.read

    def noted(work):
        readers.append(threading.get_ident())
        return read(work)

    monkeypatch.setattr(database, "read", noted)
    assert texts(corpus, EMPTY)[2] == ["a1", "a2", "a3"]
    assert len(readers) == 3
    assert len(set(readers[1:]) - {threading.get_ident()}) == 1
    readers.clear()
    with database.together():
        assert texts(corpus, EMPTY)[2] == ["a1", "a2", "a3"]
    assert set(readers) == {threading.get_ident()}


def test_a_page_that_cannot_be_read_is_told(corpus: Corpus, put, monkeypatch) -> None:
    monkeypatch.setattr(versions, "PAGE_ROWS", 1)
    put("a", "a1", "a2")
    changes = changes_since(corpus._database, EMPTY, SELECT)

    def unreadable(work):
        raise StoreError("it cannot be read", value="page 2", next_step="Look at the disk.")

    monkeypatch.setattr(corpus._database, "read", unreadable)
    with pytest.raises(StoreError, match="page 2"):
        list(changes.added)
