from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
import pytest

from workbench.store import scattered
from workbench.store.scattered import ScatteredRows

ROWS = np.random.default_rng(0).normal(size=(5_000, 96)).astype(np.float32)


@pytest.fixture
def mapped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> np.memmap:
    monkeypatch.setattr(scattered, "MAPPED_BYTES", 2**20)
    ROWS.tofile(tmp_path / "rows")
    return np.memmap(tmp_path / "rows", np.float32, "r", shape=ROWS.shape)


def test_rows_come_in_the_order_asked_for_and_nothing_is_mapped(mapped: np.memmap) -> None:
    places = np.array([4_999, 0, 17, 17, 2_500])
    reader = ScatteredRows.of(mapped)
    assert reader is not None
    assert np.array_equal(reader.read(places), ROWS[places])
    assert reader.read(np.empty(0, np.int64)).shape == (0, 96)
    maps = Path("/proc/self/smaps")
    if maps.exists():
        own = maps.read_text(encoding="ascii").split(str(mapped.filename))[1]
        assert int(re.search(r"^Rss:\s+(\d+)", own, re.M)[1]) == 0


@pytest.mark.parametrize("part_bytes", [96 * 4 * 700, 2**20])
def test_many_rows_are_read_part_by_part(
    mapped: np.memmap, monkeypatch: pytest.MonkeyPatch, part_bytes: int
) -> None:
    monkeypatch.setattr(scattered, "FEW", 10)
    monkeypatch.setattr(scattered, "_PART_BYTES", part_bytes)
    reader = ScatteredRows.of(mapped)
    assert reader is not None
    places = np.random.default_rng(1).integers(0, 5_000, 900)
    assert np.array_equal(reader.read(places), ROWS[places])
    assert np.array_equal(reader.read(slice(7, 3_000)), ROWS[7:3_000])


def test_what_the_file_lacks_is_zero_and_so_no_unit_vector(mapped: np.memmap) -> None:
    reader = ScatteredRows.of(mapped)
    assert reader is not None
    os.truncate(mapped.filename, 96 * 4 * 2)
    assert not reader.read(np.array([4_000])).any()


def test_a_deleted_file_is_still_read_by_who_has_it(mapped: np.memmap) -> None:
    reader = ScatteredRows.of(mapped)
    Path(mapped.filename).unlink()
    assert reader is not None
    assert np.array_equal(reader.read(np.array([3])), ROWS[[3]])
    assert ScatteredRows.of(mapped) is None


def test_memory_and_short_files_are_not_read_this_way(
    mapped: np.memmap, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ScatteredRows.of(ROWS) is None
    monkeypatch.setattr(scattered, "MAPPED_BYTES", mapped.nbytes)
    assert ScatteredRows.of(mapped) is None


def test_the_file_is_closed_with_its_reader(mapped: np.memmap) -> None:
    reader = ScatteredRows.of(mapped)
    assert reader is not None
    fd = reader._fd
    del reader
    with pytest.raises(OSError, match="Bad file"):
        os.fstat(fd)
