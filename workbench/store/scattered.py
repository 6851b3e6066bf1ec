"""Rows of a long mapped file, without the whole of it coming into memory.

A row of a mapped file brings up to 2 MiB around it into the process, most where the file was just
written: ten questions mapped all 1.5 GB of a million vectors. So a few rows are read one by one,
which takes a thousandth of a millisecond each, and many part of the file by part, each of which is
let go.
"""

from __future__ import annotations

import mmap
import os
import weakref

import numpy as np
from numpy.typing import NDArray

from workbench.store.records import Vectors

MAPPED_BYTES = 512 * 2**20
"""A file up to this length may be mapped as a whole."""

FEW = 1_024
"""Up to so many rows are read one by one; mapping parts takes some milliseconds."""

_PART_BYTES = 256 * 2**20


class ScatteredRows:
    """Reads ``rows`` (n, dim) of 4-byte numbers that are mapped from the file at ``path``."""

    def __init__(self, rows: Vectors, path: str) -> None:
        """Raises OSError if the file is gone."""
        self._rows = rows
        self._row_bytes = rows.shape[1] * rows.itemsize
        self._fd = os.open(path, os.O_RDONLY)
        weakref.finalize(self, os.close, self._fd)

    @classmethod
    def of(cls, rows: Vectors) -> ScatteredRows | None:
        """None where mapping does as well: what lies in memory, short files, files that are gone,
        systems that cannot read at a place."""
        mapped: object = rows.base
        path = getattr(rows, "filename", None)
        if path is None or not isinstance(mapped, mmap.mmap) or not hasattr(os, "preadv"):
            return None
        if rows.nbytes <= MAPPED_BYTES:
            return None
        try:
            return cls(rows, str(path))
        except OSError:
            return None

    def read(self, places: NDArray[np.integer] | slice) -> Vectors:
        """The rows at these positions; zeros where the file has none, if they are few."""
        if isinstance(places, slice):
            found = np.array(self._rows[places])
            release(self._rows)
            return found
        found = np.zeros((len(places), self._rows.shape[1]), np.float32)
        if len(places) <= FEW:
            self._read_singly(places, found)
        else:
            self._read_in_parts(places, found)
        return found

    def _read_singly(self, places: NDArray[np.integer], found: Vectors) -> None:
        width = self._row_bytes
        into = found.reshape(-1).view(np.uint8).data
        for at, place in enumerate(places.tolist()):
            os.preadv(self._fd, [into[at * width : (at + 1) * width]], place * width)

    def _read_in_parts(self, places: NDArray[np.integer], found: Vectors) -> None:
        order = np.argsort(places, kind="stable")
        part_rows = max(1, _PART_BYTES // self._row_bytes)
        parts = places[order] // part_rows
        for some in np.split(order, np.flatnonzero(np.diff(parts)) + 1):
            found[some] = self._rows[places[some]]
            release(self._rows)


def release(rows: Vectors) -> None:
    """Unmap what was read of a mapped file; who reads on gets it from the system's cache."""
    mapped: object = rows.base
    while isinstance(mapped, np.ndarray):
        mapped = mapped.base
    if isinstance(mapped, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        mapped.madvise(mmap.MADV_DONTNEED)
