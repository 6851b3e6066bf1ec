"""Keyword search: BM25 in a tantivy index beside the workspace file.

The index is derived. It knows the corpus version it shows, catches up by itself, and is built anew
when it is missing, damaged, of an older make or of another history. Deleting it loses nothing.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeVar

import numpy as np
import pyarrow as pa
import tantivy
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from workbench.errors import StoreError, WorkspaceBusy
from workbench.store import keyword_query
from workbench.store.database import Database
from workbench.store.keyword_query import Documents
from workbench.store.matching import Match
from workbench.store.versions import EMPTY, Version, changes_since
from workbench.store.visible import DocumentIds

T = TypeVar("T")
ChunkIds = NDArray[np.int32]

MAKE = 2
"""Raise it when fields or analysis change: older indexes are then built anew."""

_LOCK_TIMEOUT_S = 120.0
_HEAP_BYTES = 50_000_000
_ALL = 2**31 - 1
_ANALYSER = "workbench_english"
_NO_DOCUMENTS: Documents = MappingProxyType({})


CHUNKS = (
    "SELECT c.id AS chunk_id, c.document_id, c.page, c.heading, c.text "
    "FROM store.chunks c JOIN store.documents d ON d.id = c.document_id"
)
"""What is indexed, as ``changes_since`` wants it."""


_LEFT_BEHIND = "FileAlreadyExists"


class _Damaged(Exception):
    """The index cannot be read as it is."""


@dataclass(frozen=True, slots=True)
class _Opened:
    """An index as it is on disk, and the corpus version it shows."""

    index: tantivy.Index
    version: Version


class KeywordIndex:
    """BM25 over heading and text of the chunks, within the documents that are allowed."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._folder = database.folder / "keyword"
        self._file_lock = FileLock(database.folder / "keyword.lock", timeout=_LOCK_TIMEOUT_S)
        self._thread_lock = threading.Lock()
        self._opened: _Opened | None = None
        self._analyser = _english()

    def search(
        self,
        match: Match,
        k: int,
        version: Version,
        *,
        allowed: DocumentIds | None,
        documents: Documents = _NO_DOCUMENTS,
    ) -> list[int]:
        """Chunk ids of the ``k`` best matches, best first; equal scores go by chunk id.

        Only chunks of the documents ``allowed`` (ascending ids, None for all) are scored.
        ``documents`` gives the ids for each filter inside ``match``, by its repr. The index shows
        ``version`` or a later one.

        Raises:
            WorkspaceBusy: if another process has been building the index for too long.
            StoreError: if the index cannot be written.
        """
        if allowed is not None and not allowed.size:
            return []

        def ranked() -> list[int]:
            index = self._at(version).index
            query = keyword_query.build(index, self._analyser, match, documents)
            return [] if query is None else _ranked(index, query, allowed, k)

        return self._mending(ranked)

    def matching(
        self,
        match: Match,
        version: Version,
        *,
        allowed: DocumentIds | None,
        documents: Documents = _NO_DOCUMENTS,
    ) -> ChunkIds:
        """Ascending ids (n,) of all chunks that fulfil ``match``; see ``search``."""
        found = self.search(match, _ALL, version, allowed=allowed, documents=documents)
        return np.sort(np.asarray(found, np.int32))

    def _mending(self, work: Callable[[], T]) -> T:
        """Do it; if the index turns out to be damaged, do it with a new one."""
        try:
            return _intact(work)
        except _Damaged:
            self._discard()
        try:
            return _intact(work)
        except _Damaged as error:
            raise self._unusable(error) from error

    def _at(self, version: Version) -> _Opened:
        with self._thread_lock:
            opened = self._opened
            if opened is None or opened.version != version:
                with self._alone():
                    opened = self._open()
                    # Mostly another process has brought it there, and the workspace stays closed.
                    if opened.version != version:
                        opened = self._updated(opened)
                    self._opened = opened
            return opened

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep other processes from changing the index."""
        try:
            with self._file_lock:
                yield
        except Timeout as error:
            raise WorkspaceBusy(
                "another program has been building the keyword index for too long",
                value=self._folder,
                next_step="Wait for it to finish, or stop it, and try again.",
            ) from error
        except (OSError, ValueError) as error:
            if _LEFT_BEHIND in str(error):
                # A killed writer left a file that the next commit wants to write.
                raise _Damaged(str(error)) from error
            raise self._unusable(error) from error

    def _unusable(self, error: Exception) -> StoreError:
        return StoreError(
            "the keyword index cannot be written",
            value=f"{self._folder} ({error})",
            next_step="Check free space and your right to write there; nothing stored is lost.",
        )

    def _open(self) -> _Opened:
        """The index as it is on disk; an empty one if there is none that can be used."""
        try:
            return _intact(self._open_existing)
        except _Damaged:
            shutil.rmtree(self._folder, ignore_errors=True)
            return self._open_existing()

    def _open_existing(self) -> _Opened:
        self._folder.mkdir(exist_ok=True)
        index = tantivy.Index(_schema(), str(self._folder))
        index.register_tokenizer(_ANALYSER, self._analyser)
        return _Opened(index, _stored_version(index))

    def _updated(self, opened: _Opened) -> _Opened:
        """The index, brought to the corpus version of this moment."""
        changes = changes_since(
            self._database,
            opened.version,
            CHUNKS,
        )
        if changes.version == opened.version:
            return opened
        writer = opened.index.writer(_HEAP_BYTES, 1)
        if changes.anew:
            writer.delete_all_documents()
        for document_id in changes.removed:
            writer.delete_documents_by_term("document_id", document_id)
        for page in changes.added:
            _add(writer, page)
        writer.delete_documents_by_term("kind", "state")
        state = f"{MAKE}:{changes.version.number}:{changes.version.token}"
        writer.add_document(tantivy.Document(kind="state", state=state))
        writer.commit()
        writer.wait_merging_threads()
        opened.index.reload()
        return _Opened(opened.index, changes.version)

    def _discard(self) -> None:
        with self._thread_lock, self._alone():
            self._opened = None
            shutil.rmtree(self._folder, ignore_errors=True)


def _ranked(
    index: tantivy.Index, query: tantivy.Query, allowed: DocumentIds | None, k: int
) -> list[int]:
    searcher = index.searcher()
    if allowed is not None:
        inside = keyword_query.inside(index.schema, allowed)
        query = tantivy.Query.boolean_query(
            [(tantivy.Occur.Must, query), (tantivy.Occur.Must, inside)]
        )
    limit = min(k, searcher.num_docs)
    hits = searcher.search(query, limit=limit, count=False).hits if limit else []
    ids = searcher.fast_field_values("chunk_id", [address for _, address in hits])
    # The entry that keeps the index's state has no chunk.
    scored = [(-hit[0], int(i)) for i, hit in zip(ids, hits, strict=True) if i is not None]
    return [chunk_id for _, chunk_id in sorted(scored)]


def _stored_version(index: tantivy.Index) -> Version:
    searcher = index.searcher()
    query = tantivy.Query.term_query(index.schema, "kind", "state")
    hits = searcher.search(query, limit=1).hits
    if not hits:
        if searcher.num_docs:
            raise _Damaged("it does not say which version it shows")
        return EMPTY
    make, number, token = str(searcher.doc(hits[0][1]).get_first("state")).split(":")
    if int(make) != MAKE:
        raise _Damaged("it was made by another version of Workbench")
    return Version(int(number), token)


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("kind", tokenizer_name="raw", index_option="basic")
    builder.add_text_field("state", stored=True, tokenizer_name="raw", index_option="basic")
    builder.add_integer_field("chunk_id", fast=True)
    builder.add_integer_field("document_id", indexed=True, fast=True)
    builder.add_integer_field("page", indexed=True, fast=True)
    builder.add_text_field("body", tokenizer_name=_ANALYSER, index_option="position")
    builder.add_text_field("heading", tokenizer_name=_ANALYSER, index_option="position")
    return builder.build()


def _english() -> tantivy.TextAnalyzer:
    # Chosen by measurement, see docs/decisions/0003-store.md. \w keeps placeholders whole.
    return (
        tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.regex(r"\w+"))
        .filter(tantivy.Filter.remove_long(64))
        .filter(tantivy.Filter.lowercase())
        .filter(tantivy.Filter.ascii_fold())
        .filter(tantivy.Filter.stopword("english"))
        .filter(tantivy.Filter.stemmer("english"))
        .build()
    )


def _add(writer: tantivy.IndexWriter, page: pa.Table) -> None:
    for row in page.to_pylist():
        heading = row["heading"]
        document = tantivy.Document(kind="chunk", heading=heading, body=f"{heading}\n{row['text']}")
        if row["page"] is not None:
            document.add_integer("page", row["page"])
        document.add_integer("chunk_id", row["chunk_id"])
        document.add_integer("document_id", row["document_id"])
        writer.add_document(document)


def _intact(work: Callable[[], T]) -> T:
    """Run ``work`` and tell a damaged index by whatever tantivy raises, its panics included."""
    try:
        return work()
    except (ValueError, OSError) as error:
        raise _Damaged(str(error)) from error
    except BaseException as error:
        if type(error).__name__ == "PanicException":
            raise _Damaged(str(error)) from error
        raise
