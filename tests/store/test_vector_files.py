from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from workbench.store import vector_files as module
from workbench.store.codes import Codebook, Widths
from workbench.store.vector_files import Damaged, State, VectorFiles
from workbench.store.versions import EMPTY, Version

NAMES = ("rows", "chunks", "documents", "gone", "codes", "book")


@pytest.fixture
def files(tmp_path: Path) -> VectorFiles:
    return VectorFiles(tmp_path / "vectors", 4, 8)


@pytest.fixture
def stored(files: VectorFiles) -> State:
    rows = np.random.default_rng(0).normal(size=(5_000, 8)).astype(np.float32)
    ids = np.arange(5_000, dtype=np.int32)
    state = files.append(files.state(), rows=rows, chunks=ids, documents=ids + 7, gone=ids[:3])
    book = Codebook.trained(rows)
    state = files.append(files.keep_book(state, book, (Widths(5, 50),)), codes=book.codes(rows))
    state = replace(state, version=Version(3, "abc"))
    files.commit(state)
    return state


def test_what_was_written_is_read(files: VectorFiles, stored: State) -> None:
    assert files.state() == stored
    held = files.held(files.state())
    assert held.rows.shape == (5_000, 8)
    assert held.documents[-1] == 5_006
    assert held.gone.tolist() == [0, 1, 2]
    assert held.book is not None
    assert np.array_equal(held.book.codes(held.rows), held.codes)


def test_large_vectors_are_mapped(files: VectorFiles, stored: State, monkeypatch) -> None:
    read = files.held(stored).rows
    monkeypatch.setattr(module, "IN_MEMORY_BYTES", 10)
    mapped = files.held(stored).rows
    assert isinstance(mapped, np.memmap)
    assert np.array_equal(read, mapped)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("how", ["missing", "cut", "garbled"])
def test_damage_is_noticed(files, stored, tmp_path, name, how) -> None:
    path = tmp_path / "vectors" / stored.folder / name
    if how == "missing":
        path.unlink()
    elif how == "cut":
        os.truncate(path, path.stat().st_size - 1)
    else:
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(bytes(data))
    with pytest.raises(Damaged):
        files.held(files.state())


def test_only_what_is_new_is_read(files, stored, tmp_path) -> None:
    known = (stored, files.held(stored))
    later = files.append(stored, gone=np.array([9], np.int32))
    (tmp_path / "vectors" / stored.folder / "chunks").unlink()
    held = files.held(later, known)
    assert held.gone.tolist() == [0, 1, 2, 9]
    assert held.chunks is known[1].chunks or np.array_equal(held.chunks, known[1].chunks)
    assert held.book is known[1].book


def test_a_new_state_deletes_what_belongs_to_others(files, stored, tmp_path) -> None:
    other = tmp_path / "vectors" / "4-left-behind"
    other.mkdir()
    neighbour = tmp_path / "vectors" / "44-of-another-model"
    neighbour.mkdir()
    files.commit(stored)
    assert not other.exists()
    assert neighbour.exists()
    assert (tmp_path / "vectors" / stored.folder).exists()


def test_discarded_files_leave_nothing(files, stored, tmp_path) -> None:
    files.discard()
    assert list((tmp_path / "vectors").iterdir()) == []
    assert files.state().version == EMPTY
