"""Vector search: the index of each embedding model beside the workspace file, kept current.

The index is derived. It knows the corpus version it shows, catches up by reading what changed, and
is made anew when it is missing, damaged, of an older make or of another history. Deleting it loses
nothing. docs/decisions/0012-vector-index.md has the measurements.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pyarrow as pa
from filelock import FileLock, Timeout

from workbench.errors import StoreError, WorkspaceBusy
from workbench.store.codes import TRAIN_ROWS, Codebook, Codes, Sample, one_thread_per_product
from workbench.store.database import Database
from workbench.store.matrix import EXACT_ROWS, NONE, Ids, Matrix
from workbench.store.migrations import vectors_table
from workbench.store.records import Vectors
from workbench.store.vector_files import FOLDER, Damaged, Held, State, VectorFiles
from workbench.store.versions import Changes, Version, changes_since

__all__ = ["NONE", "Ids", "Matrix", "VectorCache"]

CODES_FROM = EXACT_ROWS
"""From so many rows on they get codes. Scoring 8,000 rows one and all takes 0.17 ms, by codes
0.10; 16,000 rows 0.7 ms and 0.12, because they no longer stay in the processor's cache."""

TAIL_ROWS = EXACT_ROWS // 2
"""So many rows may lack codes before they are given some; until then they are always scored."""

_GONE_SHARE = 0.2
"""Above this share of removed rows the files are written anew without them."""

_LOCK_TIMEOUT_S = 600.0


@dataclass(frozen=True, slots=True, eq=False)
class _Shown:
    """A state, its arrays, and the matrix made of them."""

    state: State
    arrays: Held
    matrix: Matrix


class VectorCache:
    """One matrix per embedding model and process, brought up to date by what changed."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._folder = database.folder / FOLDER
        self._file_lock = FileLock(database.folder / "vectors.lock", timeout=_LOCK_TIMEOUT_S)
        self._lock = threading.Lock()
        self._held: dict[int, _Shown] = {}

    def matrix(self, embedding_id: int, dim: int, version: Version) -> Matrix:
        """The vectors of one embedding model as of ``version`` or later.

        Raises:
            WorkspaceBusy: if another process has been making the index for too long.
            StoreError: if the index cannot be written.
        """
        with self._lock:
            held = self._held.get(embedding_id)
            if held is None or held.matrix.version != version:
                held = self._held[embedding_id] = self._current(embedding_id, dim, version)
            return held.matrix

    def _current(self, embedding_id: int, dim: int, version: Version) -> _Shown:
        files = VectorFiles(self._folder, embedding_id, dim)
        with self._alone():
            try:
                state = files.state()
                if state.version == version:  # another process has brought it there
                    return self._shown(files, embedding_id, state)
                return self._caught_up(files, embedding_id, state)
            except Damaged:
                files.discard()
                return self._caught_up(files, embedding_id, files.state())

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep other processes from changing the files."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with self._file_lock:
                yield
        except Timeout as error:
            raise WorkspaceBusy(
                "another program has been making the vector index for too long",
                value=self._folder,
                next_step="Wait for it to finish, or stop it, and try again.",
            ) from error
        except OSError as error:
            raise StoreError(
                "the vector index cannot be written",
                value=f"{self._folder} ({error.strerror or error})",
                next_step="Check free space and your right to write there; nothing stored is lost.",
            ) from error

    def _caught_up(self, files: VectorFiles, embedding_id: int, state: State) -> _Shown:
        before = self._shown(files, embedding_id, state)
        changes = changes_since(
            self._database,
            state.version,
            "SELECT c.chunk_id, c.document_id, c.vector FROM "
            f"{vectors_table(embedding_id)} c JOIN store.documents d ON d.id = c.document_id",
        )
        if changes.version == state.version:
            return before
        after = state if changes.anew else _appended(files, before, changes)
        gone = after.lengths.get("gone", 0)
        if changes.anew or gone > max(EXACT_ROWS, _GONE_SHARE * after.lengths.get("rows", 0)):
            files.discard()
            return self._caught_up(files, embedding_id, files.state())
        after = _coded(files, before, after)
        files.commit(after)
        return self._shown(files, embedding_id, after, before)

    def _shown(
        self, files: VectorFiles, embedding_id: int, state: State, before: _Shown | None = None
    ) -> _Shown:
        before = before or self._held.get(embedding_id)
        if before is not None and before.state == state:
            return before
        arrays = files.held(state, None if before is None else (before.state, before.arrays))
        alive = np.ones(len(arrays.chunks), np.bool_)
        alive[arrays.gone] = False
        matrix = Matrix(
            state.version,
            arrays.rows,
            (arrays.chunks, arrays.documents),
            alive=alive,
            codes=_codes(arrays, state, before),
            anew=partial(self._anew, embedding_id, state),
        )
        return _Shown(state, arrays, matrix)

    def _anew(self, embedding_id: int, damaged: State) -> Matrix:
        files = VectorFiles(self._folder, embedding_id, damaged.dim)
        with self._lock:
            held = self._held.get(embedding_id)
            if held is None or held.state.folder == damaged.folder:
                with self._alone():
                    self._held.pop(embedding_id, None)
                    files.discard()
                    held = self._caught_up(files, embedding_id, files.state())
                self._held[embedding_id] = held
            return held.matrix


def _appended(files: VectorFiles, before: _Shown, changes: Changes) -> State:
    state, matrix = before.state, before.matrix
    removed = np.unique(np.asarray(changes.removed, np.int32))
    positions = matrix.positions_of(removed)
    gone = positions[matrix.alive[positions]]
    if gone.size:
        state = files.append(state, gone=gone.astype(np.int32))
    for page in changes.added:
        if page.num_rows:
            state = files.append(
                state,
                rows=_flat(page["vector"], state.dim),
                chunks=_integers(page["chunk_id"]),
                documents=_integers(page["document_id"]),
            )
    return replace(state, version=changes.version)


def _coded(files: VectorFiles, before: _Shown, state: State) -> State:
    """Give codes to the rows that lack them, if there are many."""
    count = state.lengths.get("rows", 0)
    if count < CODES_FROM:
        return state
    arrays = files.held(state, (before.state, before.arrays))
    book, coded = arrays.book, len(arrays.codes)
    if book is not None and count < 2 * state.trained_on:
        if count - coded <= TAIL_ROWS:
            return state
        with one_thread_per_product():
            made = book.codes(arrays.rows[coded:])
        return files.append(state, codes=made)
    # What is stored changes over time, and with it which codes are good and how far they lead.
    chosen = np.random.default_rng(count).choice(count, min(count, TRAIN_ROWS), replace=False)
    with one_thread_per_product(), ThreadPoolExecutor(max_workers=1) as beside:
        drawn = beside.submit(Sample.of, arrays.rows)
        book = Codebook.trained(np.asarray(arrays.rows[np.sort(chosen)]))
        made = book.codes(arrays.rows)
        sample = drawn.result()
    widths = Codes(book, made).measured_widths(sample)
    return files.append(files.keep_book(state, book, widths), codes=made)


def _codes(arrays: Held, state: State, before: _Shown | None) -> Codes | None:
    if arrays.book is None or state.widths is None or len(arrays.codes) == 0:
        return None
    if before is not None and before.state.folder == state.folder:
        known = before.matrix.codes
        if known is not None and known.book is arrays.book and known.count == len(arrays.codes):
            return known
    return Codes(arrays.book, arrays.codes, state.widths)


def _flat(column: pa.ChunkedArray, dim: int) -> Vectors:
    flat = column.combine_chunks().flatten().to_numpy(zero_copy_only=False)
    return np.asarray(flat, np.float32).reshape(-1, dim)


def _integers(column: pa.ChunkedArray) -> Ids:
    return np.asarray(column.to_numpy(), np.int32)
