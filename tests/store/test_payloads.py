from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from unittest.mock import Mock

import pytest

from workbench.store.corpus import Corpus
from workbench.store.database import Database
from workbench.store.payloads import Payloads
from workbench.store.versions import Version, advance, current_version


@pytest.fixture
def database(corpus: Corpus, tmp_path: Path) -> Database:
    return Database(tmp_path / "workspace")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "workspace/payloads.sqlite"


def texts(payloads: Payloads, database: Database, *ids: int) -> dict[int, str]:
    found = payloads.hits(ids, database.read(current_version))
    return {number: hit.chunk.text for number, hit in found.items()}


def test_a_hit_is_what_the_corpus_says(put, database) -> None:
    document = put("a.txt", "one", "two", label="hr")
    hit = Payloads(database).hits([2], database.read(current_version))[2]
    assert (hit.chunk.text, hit.chunk.start, hit.chunk.end, hit.chunk.ordinal) == ("two", 4, 7, 1)
    assert (hit.chunk.document_id, hit.document, hit.uri) == (document, "a.txt", "a.txt")
    assert (hit.label, hit.chunk.id, hit.chunk.page, hit.chunk.heading) == ("hr", 2, None, "")


def test_it_follows_what_is_added(put, database) -> None:
    payloads, other = Payloads(database), Payloads(database)
    put("a.txt", "one")
    assert texts(payloads, database, 1, 2) == {1: "one"}
    put("b.txt", "two")
    assert texts(other, database, 1, 2) == {1: "one", 2: "two"}
    assert texts(payloads, database, 2) == {2: "two"}
    many = list(range(3, 1_203))
    put("c.txt", *(f"text {i}" for i in many))
    assert texts(payloads, database, *many) == {i: f"text {i}" for i in many}


def test_what_is_kept_of_documents_is_current(put, database) -> None:
    payloads = Payloads(database)
    first = put("a.txt", "one", "two")
    assert payloads.kept([first, 9]) == {first: '{"metadata":{},"extras":null}'}
    second = put("b.txt", "three")
    assert set(payloads.kept([first, second])) == {first, second}


def test_nothing_is_shown_at_a_version_that_is_not_the_present_one(put, database) -> None:
    payloads = Payloads(database)
    put("a.txt", "one")
    before = database.read(current_version)
    put("b.txt", "two")
    assert payloads.hits([1], before) == {}
    assert payloads.hits([1], Version(99, "no")) == {}


@pytest.mark.parametrize("damage", ["garbled", "cut", "missing", "other make"])
def test_it_heals_by_itself(put, database, file, damage) -> None:
    payloads = Payloads(database)
    put("a.txt", *(f"text {i}" for i in range(1, 500)))
    assert texts(payloads, database, 7) == {7: "text 7"}
    payloads.close()
    if damage == "garbled":
        file.write_bytes(os.urandom(file.stat().st_size))
    elif damage == "cut":
        os.truncate(file, 6_000)
    elif damage == "missing":
        file.unlink()
    else:
        with sqlite3.connect(file) as other:
            other.execute("PRAGMA user_version = 77")
            other.execute("UPDATE hits SET text = 'old'")
        other.close()
    again = Payloads(database)
    found = texts(again, database, 7) or texts(again, database, 7)
    assert found == {7: "text 7"}


def test_a_file_that_another_process_made_anew_is_taken_up(put, database, file) -> None:
    ours, theirs = Payloads(database), Payloads(database)
    put("a.txt", "one")
    assert texts(ours, database, 1) == texts(theirs, database, 1) == {1: "one"}
    theirs._discard()
    put("b.txt", "two")
    assert texts(theirs, database, 1, 2) == {1: "one", 2: "two"}
    put("c.txt", "three")
    assert texts(ours, database, 3) == {3: "three"}
    assert ours._is_in_place()


def test_what_a_killed_process_left_is_in_nobodys_way(put, database, file) -> None:
    draft = file.with_name("payloads.sqlite.new")
    put("a.txt", "one")
    draft.write_bytes(os.urandom(10_000))
    assert texts(Payloads(database), database, 1) == {1: "one"}
    assert not draft.exists()


def test_what_could_not_be_caught_up_locked_to_date_is_not_taken_for_current(
    put, database, monkeypatch
) -> None:
    payloads = Payloads(database)
    first = put("a.txt", "one")
    assert set(payloads.kept([first])) == {first}
    assert texts(payloads, database, 1) == {1: "one"}
    second = put("b.txt", "two")
    with monkeypatch.context() as broken:
        broken.setattr(payloads, "_caught_up_locked", Mock(side_effect=OSError("no space")))
        assert texts(payloads, database, 2) == {}
        assert payloads.kept([first, second]) == {}
    assert set(payloads.kept([first, second])) == {first, second}


def test_what_was_forgotten_does_not_stay_in_the_file(put, database, file) -> None:
    payloads = Payloads(database)
    put("a.txt", "<PERSON_17> resigned")
    assert texts(payloads, database, 1) == {1: "<PERSON_17> resigned"}

    def forget(connection) -> None:
        connection.execute("UPDATE store.chunks SET text = '<FORGOTTEN> resigned'")
        connection.execute("UPDATE store.versions SET token = md5(token)")
        advance(connection, "run")

    database.write(forget)
    assert texts(payloads, database, 1) == {1: "<FORGOTTEN> resigned"}
    payloads.close()
    assert b"PERSON_17" not in file.read_bytes()


def test_a_search_does_without_it_on_a_full_disk(put, database, file) -> None:
    put("a.txt", "one")
    file.mkdir()
    assert Payloads(database).hits([1], database.read(current_version)) == {}
