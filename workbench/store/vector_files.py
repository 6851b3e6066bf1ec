"""The files of the vector index: derived, appended to, and checked when they are opened.

``vectors/<embedding>.json`` says what is valid; it is replaced as a whole after the files it speaks
of were written, so that whoever is killed in between leaves the former state. The files of a state
lie in ``vectors/<embedding>-<name>/``. What lies behind the lengths that the state gives was never
finished and is overwritten. Callers take turns by a file lock.
"""

from __future__ import annotations

import json
import os
import shutil
import uuid
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.store.codes import Codebook, Widths
from workbench.store.records import Vectors
from workbench.store.versions import EMPTY, Version

MAKE = 3
"""Raise it when the files change: older ones are then made anew."""

FOLDER = "vectors"
"""Where the files lie, in the workspace's folder."""

IN_MEMORY_BYTES = 32 * 1024 * 1024
"""Up to this size, vectors are read and checked as a whole instead of being mapped."""

_KINDS: Mapping[str, type[np.generic]] = {
    "rows": np.float32,
    "chunks": np.int32,
    "documents": np.int32,
    "gone": np.int32,
    "codes": np.uint8,
}
"""The files, all arrays that grow at their end, besides the book of codes."""

Ids = NDArray[np.int32]


class Damaged(Exception):
    """The files cannot be used as they are."""


@dataclass(frozen=True, slots=True)
class State:
    """What is valid: lengths in entries and checksums of the files, by name.

    ``coded`` rows have codes, made with the book of the folder. ``trained_on`` is how many rows
    there were then; ``widths`` is None before.
    """

    version: Version
    dim: int
    folder: str
    lengths: Mapping[str, int] = field(default_factory=dict)
    sums: Mapping[str, int] = field(default_factory=dict)
    trained_on: int = 0
    widths: tuple[Widths, ...] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """The arrays of a state. ``rows`` (n, dim) may be mapped; ``gone`` are positions in it."""

    rows: Vectors
    chunks: Ids
    documents: Ids
    gone: Ids
    codes: NDArray[np.uint8]
    book: Codebook | None


class VectorFiles:
    """The vectors of one embedding model beside the workspace file.

    Every method raises OSError if the disk does not allow it.
    """

    def __init__(self, folder: Path, embedding_id: int, dim: int) -> None:
        self._folder = folder
        self._prefix = f"{embedding_id:d}"
        self._dim = dim

    @property
    def _state_file(self) -> Path:
        return self._folder / f"{self._prefix}.json"

    def _file(self, state: State, name: str) -> Path:
        return self._folder / state.folder / name

    def _width(self, name: str) -> int:
        """Bytes of one entry."""
        if name == "codes":
            return -(-self._dim // 8) * 8 // 8
        return self._dim * 4 if name == "rows" else 4

    def state(self) -> State:
        """What is on disk; an empty state, with a folder of its own, if there is nothing.

        Raises:
            Damaged: if it cannot be read, or was made by another version of Workbench.
        """
        try:
            text = self._state_file.read_text(encoding="ascii")
        except FileNotFoundError:
            return State(EMPTY, self._dim, f"{self._prefix}-{uuid.uuid4().hex[:12]}")
        try:
            found = json.loads(text)
            if found.pop("make") != MAKE or found["dim"] != self._dim:
                raise Damaged("it was made by another version of Workbench")
            widths = found.pop("widths")
            return State(
                Version(**found.pop("version")),
                widths=None if widths is None else tuple(Widths(**each) for each in widths),
                **found,
            )
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise Damaged(f"its state cannot be read: {error}") from error

    def held(self, state: State, known: tuple[State, Held] | None = None) -> Held:
        """The arrays of a state. Of what is ``known`` of an earlier one, nothing is read again.

        Raises:
            Damaged: if a file is missing, too short, or not what was written.
        """
        if known is not None and known[0].folder != state.folder:
            known = None
        arrays = {
            name: self._array(state, name, kind, known)
            for name, kind in _KINDS.items()
            if name != "rows"
        }
        return Held(
            rows=self._rows(state, known),
            codes=arrays.pop("codes").reshape(-1, self._width("codes")),
            book=self._book(state, known),
            **arrays,
        )

    def append(self, state: State, **arrays: NDArray[Any]) -> State:
        """Write arrays (n, ...) behind what the files hold, and say how the state is then."""
        lengths, sums = dict(state.lengths), dict(state.sums)
        (self._folder / state.folder).mkdir(parents=True, exist_ok=True)
        for name, array in arrays.items():
            data = np.ascontiguousarray(array).view(np.uint8).reshape(-1).data
            with self._file(state, name).open("ab") as file:
                file.truncate(lengths.get(name, 0) * self._width(name))
                file.write(data)
            lengths[name] = lengths.get(name, 0) + len(array)
            sums[name] = zlib.crc32(data, sums.get(name, 0))
        return replace(state, lengths=lengths, sums=sums)

    def keep_book(self, state: State, book: Codebook, widths: tuple[Widths, ...]) -> State:
        """Write the book and forget codes that were made with another."""
        path = self._folder / state.folder / "book"
        data = np.concatenate([book.rotation.ravel(), book.centroids]).tobytes()
        path.write_bytes(data)
        count = state.lengths["rows"]
        lengths = {**state.lengths, "codes": 0, "book": len(data)}
        sums = {**state.sums, "codes": 0, "book": zlib.crc32(data)}
        return replace(state, lengths=lengths, sums=sums, trained_on=count, widths=widths)

    def commit(self, state: State) -> None:
        """Make a state the valid one, and delete what belongs to others."""
        written = {**asdict(state), "make": MAKE}
        draft = self._state_file.with_suffix(f".{os.getpid()}.new")
        self._folder.mkdir(parents=True, exist_ok=True)
        try:
            draft.write_text(json.dumps(written), encoding="ascii")
            draft.replace(self._state_file)
        finally:
            draft.unlink(missing_ok=True)
        for other in self._folder.glob(f"{self._prefix}-*"):
            if other.name != state.folder:
                shutil.rmtree(other, ignore_errors=True)

    def discard(self) -> None:
        """Delete everything. Nothing is lost: it is made anew from the workspace file."""
        self._state_file.unlink(missing_ok=True)
        for folder in self._folder.glob(f"{self._prefix}-*"):
            shutil.rmtree(folder, ignore_errors=True)

    def _array(
        self,
        state: State,
        name: str,
        kind: type[np.generic],
        known: tuple[State, Held] | None,
    ) -> NDArray[Any]:
        width = self._width(name)
        count, begun, sum_so_far = state.lengths.get(name, 0), 0, 0
        parts: list[NDArray[Any]] = []
        if known is not None and _continues(known[0], state, name):
            begun, sum_so_far = known[0].lengths.get(name, 0), known[0].sums.get(name, 0)
            parts.append(getattr(known[1], name).reshape(-1))
        if count > begun:
            path = self._existing(state, name, count * width)
            data = np.fromfile(path, np.uint8, (count - begun) * width, offset=begun * width)
            if zlib.crc32(data.data, sum_so_far) != state.sums.get(name):
                raise Damaged(f"{name} is not what was written")
            parts.append(data.view(kind))
        return np.concatenate(parts) if parts else np.empty(0, kind)

    def _rows(self, state: State, known: tuple[State, Held] | None) -> Vectors:
        count = state.lengths.get("rows", 0)
        if count * self._width("rows") <= IN_MEMORY_BYTES:
            return self._array(state, "rows", np.float32, known).reshape(count, self._dim)
        path = self._existing(state, "rows", count * self._width("rows"))
        return np.memmap(path, np.float32, "r", shape=(count, self._dim))

    def _book(self, state: State, known: tuple[State, Held] | None) -> Codebook | None:
        size = state.lengths.get("book", 0)
        if size == 0:
            return None
        if known is not None and known[0].sums.get("book") == state.sums["book"]:
            return known[1].book
        data = np.fromfile(self._existing(state, "book", size), np.uint8, size)
        if zlib.crc32(data.data) != state.sums.get("book"):
            raise Damaged("the book of codes is not what was written")
        numbers = data.view(np.float32)
        padded = self._width("codes") * 8
        turned = padded * padded
        return Codebook(self._dim, numbers[:turned].reshape(padded, padded), numbers[turned:])

    def _existing(self, state: State, name: str, size: int) -> Path:
        path = self._file(state, name)
        try:
            found = path.stat().st_size
        except FileNotFoundError as error:
            raise Damaged(f"{name} is missing") from error
        if found < size:
            raise Damaged(f"{name} is cut off")
        return path


def _continues(old: State, new: State, name: str) -> bool:
    """Whether a file of ``new`` begins with that of ``old``."""
    if name == "codes" and old.trained_on != new.trained_on:
        return False
    return old.lengths.get(name, 0) <= new.lengths.get(name, 0)
