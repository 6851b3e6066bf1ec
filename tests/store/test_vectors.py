"""The index beside the workspace: current, small changes cheap, and made anew when in doubt."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from workbench.errors import StoreError
from workbench.store import vectors as vectors_module
from workbench.store.corpus import Corpus
from workbench.store.database import Database
from workbench.store.documents import append, next_ids
from workbench.store.records import EmbeddingInfo
from workbench.store.vector_files import VectorFiles
from workbench.store.vectors import NONE, VectorCache
from workbench.store.versions import advance, current_version

QUESTION = np.array([[1.0, 0.0, 0.0]], np.float32)


@pytest.fixture
def database(corpus: Corpus, tmp_path: Path) -> Database:
    return Database(tmp_path / "workspace")


def found(cache: VectorCache, database: Database, k: int = 10) -> list[int]:
    version = database.read(current_version)
    matrix = cache.matrix(1, 3, version)
    assert matrix.version == version
    ids, _ = matrix.nearest(QUESTION, k, None)
    return [int(i) for i in ids[0] if i != NONE]


def test_it_follows_what_is_added_replaced_and_removed(corpus, put, run_for, database) -> None:
    cache = VectorCache(database)
    put("a.txt", "one", "two", vectors=[[1, 0, 0], [0, 1, 0]])
    assert found(cache, database) == [1, 2]
    put("b.txt", "three", vectors=[[0.8, 0.6, 0]])
    assert found(cache, database) == [1, 3, 2]
    put("a.txt", "four", vectors=[[0, 0, 1]])
    assert found(cache, database) == [3, 4]
    corpus.remove(run_for("*"), "b.txt")
    assert found(cache, database) == [4]
    assert found(VectorCache(database), database) == [4]


def test_a_corpus_emptied_before_the_first_search_is_followed(
    corpus, put, run_for, database
) -> None:
    cache = VectorCache(database)
    put("a.txt", "one")
    corpus.remove(run_for("*"), "a.txt")
    assert found(cache, database) == []
    put("b.txt", "two")
    corpus.remove(run_for("*"), "b.txt")
    assert found(cache, database) == []
    put("c.txt", "three")
    assert found(cache, database) == [3]


def test_another_process_reads_what_the_first_wrote(put, database, tmp_path) -> None:
    put("a.txt", "one")
    first, second = VectorCache(database), VectorCache(database)
    assert found(first, database) == [1]
    state = (tmp_path / "workspace/vectors/1.json").read_text()
    assert found(second, database) == [1]
    assert (tmp_path / "workspace/vectors/1.json").read_text() == state
    put("b.txt", "two")
    assert found(second, database) == [1, 2]
    assert found(first, database) == [1, 2]
    state = (tmp_path / "workspace/vectors/1.json").read_text()
    assert json.loads(state)["lengths"]["rows"] == 2, "each row is written once"


def _cut(folder: Path) -> None:
    for path in folder.glob("1-*/rows"):
        path.write_bytes(path.read_bytes()[:-1])


def _garble(folder: Path) -> None:
    for path in folder.glob("1-*/rows"):
        path.write_bytes(os.urandom(path.stat().st_size))


def _garble_ids(folder: Path) -> None:
    for path in folder.glob("1-*/documents"):
        path.write_bytes(os.urandom(path.stat().st_size))


def _lose_files(folder: Path) -> None:
    for path in folder.glob("1-*"):
        shutil.rmtree(path)


def _garble_state(folder: Path) -> None:
    (folder / "1.json").write_text('{"make": 1, "dim": 3')


def _other_make(folder: Path) -> None:
    state = json.loads((folder / "1.json").read_text())
    (folder / "1.json").write_text(json.dumps({**state, "make": 0}))


def _lose_all(folder: Path) -> None:
    shutil.rmtree(folder)


@pytest.mark.parametrize(
    "damage", [_cut, _garble, _garble_ids, _lose_files, _garble_state, _other_make, _lose_all]
)
def test_it_heals_by_itself(damage, put, database, tmp_path) -> None:
    put("a.txt", "one", "two", vectors=[[1, 0, 0], [0, 1, 0]])
    put("b.txt", "three", vectors=[[0.8, 0.6, 0]])
    open_already = VectorCache(database)
    assert found(open_already, database) == [1, 3, 2]
    damage(tmp_path / "workspace/vectors")
    assert found(VectorCache(database), database) == [1, 3, 2]
    put("c.txt", "four", vectors=[[0.6, 0.8, 0]])
    assert found(open_already, database) == [1, 3, 4, 2]


def test_a_workspace_restored_from_a_copy_does_not_show_its_future(put, database, tmp_path) -> None:
    put("a.txt", "one")
    shutil.copytree(tmp_path / "workspace", tmp_path / "copy")
    put("b.txt", "two")
    cache = VectorCache(database)
    assert found(cache, database) == [1, 2]
    for path in (tmp_path / "copy").glob("workbench.duckdb*"):
        shutil.copy(path, tmp_path / "workspace" / path.name)
    if not (tmp_path / "copy/workbench.duckdb.wal").exists():
        (tmp_path / "workspace/workbench.duckdb.wal").unlink(missing_ok=True)
    put("c.txt", "other", vectors=[[0, 1, 0]])
    assert found(cache, database) == [1, 2]
    version = database.read(current_version)
    _, cosine = cache.matrix(1, 3, version).nearest(QUESTION, 2, None)
    assert cosine[0].tolist() == [1, 0]


def test_what_was_appended_but_never_committed_is_overwritten(put, database, tmp_path) -> None:
    put("a.txt", "one")
    assert found(VectorCache(database), database) == [1]
    files = VectorFiles(tmp_path / "workspace/vectors", 1, 3)
    files.append(files.state(), rows=np.ones((5, 3), np.float32), chunks=np.arange(5, dtype="i4"))
    assert found(VectorCache(database), database) == [1]
    put("b.txt", "two")
    assert found(VectorCache(database), database) == [1, 2]


def test_a_full_disk_loses_nothing(put, database, tmp_path, monkeypatch) -> None:
    put("a.txt", "one")
    cache = VectorCache(database)
    assert found(cache, database) == [1]
    put("b.txt", "two")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(VectorFiles, "append", full)
        with pytest.raises(StoreError, match="cannot be written") as caught:
            found(cache, database)
    assert "nothing stored is lost" in str(caught.value)
    assert found(cache, database) == [1, 2]


@pytest.fixture
def many(database: Database, put) -> EmbeddingInfo:
    """A model with 16 numbers a vector, beside the other."""
    model = EmbeddingInfo("wide", "sha256:wide", 16)
    put("first.txt", "one", model=model, vectors=[np.eye(16)[0]])
    return model


def _insert(database: Database, rows: np.ndarray, *, per_document: int) -> list[int]:
    """Store rows as chunks of new documents, in bulk; return the documents' ids."""
    import pyarrow as pa

    def write(connection) -> list[int]:
        version = advance(connection, "run")
        count = len(rows) // per_document
        documents = next_ids(connection, "store.document_ids", count).to_pylist()
        for document in documents:
            connection.execute(
                "INSERT INTO store.documents SELECT * REPLACE (? AS id, ? AS uri, ? AS added_in, "
                "NULL AS removed_in) FROM store.documents ORDER BY id LIMIT 1",
                [document, f"uri {document}", version],
            )
        owners = pa.array(np.repeat(np.array(documents, np.int32), per_document))
        flat = pa.array(np.ascontiguousarray(rows, np.float32).ravel())
        table = {
            "chunk_id": next_ids(connection, "store.chunk_ids", len(rows)),
            "document_id": owners,
            "vector": pa.FixedSizeListArray.from_arrays(flat, rows.shape[1]),
        }
        append(connection, "store.vectors_1", pa.table(table))
        return documents

    return database.write(write)


def test_codes_come_with_growth_and_removed_rows_go(many, database, run_for, monkeypatch) -> None:
    monkeypatch.setattr(vectors_module, "CODES_FROM", 20_000)
    rng = np.random.default_rng(4)
    cache, reference = VectorCache(database), {}

    def grow(count: int) -> None:
        rows = rng.normal(size=(count, 16))
        rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
        for at, document in enumerate(_insert(database, rows, per_document=1_000)):
            reference[document] = rows[at * 1_000 : (at + 1) * 1_000]

    def recall() -> float:
        matrix = cache.matrix(1, 16, database.read(current_version))
        questions = rng.normal(size=(20, 16)).astype(np.float32)
        questions /= np.linalg.norm(questions, axis=1, keepdims=True)
        _, cosine = matrix.nearest(questions, 10, None)
        rows = np.concatenate(list(reference.values()))
        true = -np.sort(-(questions @ rows.T), axis=1)[:, 9]
        return float(np.mean(cosine >= true[:, None] - 1e-5))

    grow(15_000)
    assert recall() == 1
    assert cache.matrix(1, 16, database.read(current_version)).codes is None
    grow(10_000)
    assert recall() >= 0.99
    first = cache.matrix(1, 16, database.read(current_version)).codes
    assert first is not None
    assert first.count == 25_001
    grow(2_000)
    assert recall() >= 0.99
    assert cache.matrix(1, 16, database.read(current_version)).codes is first
    grow(6_000)
    assert recall() >= 0.99
    second = cache.matrix(1, 16, database.read(current_version)).codes
    assert second is not None
    assert second.count == 33_001
    assert second.book is first.book
    grow(20_000)
    assert recall() >= 0.99
    third = cache.matrix(1, 16, database.read(current_version)).codes
    assert third is not None
    assert third.book is not first.book, "twice as many rows get a new book"
    gone = list(reference)[:20]
    for document in gone:
        del reference[document]
    database.write(lambda c: _remove(c, gone))
    assert recall() >= 0.99
    assert len(cache.matrix(1, 16, database.read(current_version)).rows) == 33_001


def _remove(connection, documents: list[int]) -> None:
    version = advance(connection, "run")
    for document in documents:
        connection.execute(
            "UPDATE store.documents SET removed_in = ? WHERE id = ?", [version, document]
        )
