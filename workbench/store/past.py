"""Search at an old corpus version: the same ranking, over the documents that existed then.

The indexes of the present hold only what is there now, and how rare a word is depends on all the
documents. So an old version gets indexes of its own: in memory, built by the first search (some
seconds for 100,000 chunks), held while the process lives and gone with it. That leaves nothing on
disk that would have to be cleaned when somebody is forgotten.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import tantivy

from workbench.errors import EmbeddingMismatch
from workbench.store import keyword, search
from workbench.store.database import Database
from workbench.store.documents import AT_VERSION, READABLE, one, readable_values
from workbench.store.matching import filters_of
from workbench.store.migrations import vectors_table
from workbench.store.payloads import Payloads
from workbench.store.records import SearchQuery
from workbench.store.vectors import Matrix, VectorCache
from workbench.store.versions import Version, current_version
from workbench.store.visible import visible
from workbench.values import Hit, Scope

_PAGE_ROWS = 50_000
"""Twice as many as in ``versions``: no page is read ahead here."""

_HELD = 2


class PastSearches:
    """The searches of the old versions that were looked at last."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._held: OrderedDict[int, PastSearch] = OrderedDict()
        self._lock = threading.Lock()

    def at(self, version: int) -> PastSearch:
        """The search of one version."""
        with self._lock:
            found = self._held.pop(version, None) or PastSearch(self._database, version)
            self._held[version] = found
            if len(self._held) > _HELD:
                self._held.popitem(last=False)
            return found


class PastSearch(search.Search):
    """Searches one version of one workspace, within what may be read now."""

    def __init__(self, database: Database, version: int) -> None:
        super().__init__(database, Payloads(database))
        self._number = version
        self._keyword = _PastKeywords(database, version)
        self._vectors = _PastVectors(database, version)

    def _look(
        self, queries: Sequence[SearchQuery], scope: Scope, ids: Sequence[int]
    ) -> search._Seen:
        query = queries[0]
        inner = {repr(f): f for q in queries if q.match is not None for f in filters_of(q.match)}
        signature = self._database.signature()

        def look(
            connection: duckdb.DuckDBPyConnection,
        ) -> tuple[search._Seen, dict[int, Hit]]:
            shown = partial(visible, connection, scope, version=self._number)
            seen = search._Seen(
                signature,
                current_version(connection),
                _embedding(connection, query, scope, self._number),
                shown(where=query.where),
                {name: shown(where=where) for name, where in inner.items()},
            )
            return seen, _rows(connection, scope, ids, self._number) if ids else {}

        seen, rows = self._database.read(look)
        self._hold(rows, seen.version)
        return seen

    def _readable(self, scope: Scope) -> tuple[str, list[Any]]:
        values = [*readable_values(scope), self._number, self._number]
        return f"({READABLE}) d WHERE {AT_VERSION}", values


class _PastKeywords(keyword.KeywordIndex):
    """A keyword index of one version, in memory."""

    def __init__(self, database: Database, version: int) -> None:
        super().__init__(database)
        self._number = version

    def _at(self, version: Version) -> keyword._Opened:
        with self._thread_lock:
            if self._opened is None:
                self._opened = keyword._Opened(self._built(), version)
            return self._opened

    def _built(self) -> tantivy.Index:
        index = tantivy.Index(keyword._schema())
        index.register_tokenizer(keyword._ANALYSER, self._analyser)
        writer = index.writer(keyword._HEAP_BYTES, 1)
        for page in _pages(self._database, keyword.CHUNKS, self._number):
            keyword._add(writer, page)
        writer.commit()
        writer.wait_merging_threads()
        index.reload()
        return index

    def _discard(self) -> None:
        with self._thread_lock:
            self._opened = None


class _PastVectors(VectorCache):
    """The vectors of one version; one matrix per embedding model."""

    def __init__(self, database: Database, version: int) -> None:
        super().__init__(database)
        self._number = version
        self._matrices: dict[int, Matrix] = {}

    def matrix(self, embedding_id: int, dim: int, version: Version) -> Matrix:
        """The vectors of one embedding model at the version."""
        with self._lock:
            if embedding_id not in self._matrices:
                self._matrices[embedding_id] = self._read(embedding_id, dim, version)
            return self._matrices[embedding_id]

    def _read(self, embedding_id: int, dim: int, version: Version) -> Matrix:
        select = (
            f"SELECT c.chunk_id, c.document_id, c.vector FROM {vectors_table(embedding_id)} c "
            "JOIN store.documents d ON d.id = c.document_id"
        )
        rows = pa.concat_tables(_pages(self._database, select, self._number))
        flat = rows["vector"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
        chunks, documents = (
            np.asarray(rows[column].to_numpy(), np.int32) for column in ("chunk_id", "document_id")
        )
        vectors = np.asarray(flat, np.float32).reshape(-1, dim)
        alive = np.ones(len(chunks), np.bool_)
        return Matrix(version, vectors, (chunks, documents), alive=alive)


def _pages(database: Database, select: str, version: int) -> Iterator[pa.Table]:
    """All rows of a version. They stay as they are, so pages of several reads agree."""
    query = f"{select} WHERE {AT_VERSION} AND chunk_id > ? ORDER BY chunk_id LIMIT ?"
    after_id = 0
    while True:
        values = [version, version, after_id, _PAGE_ROWS]
        table = database.read(
            lambda c, values=values: c.execute(query, values).fetch_arrow_table()  # type: ignore[misc]
        )
        yield table
        if table.num_rows < _PAGE_ROWS:
            return
        after_id = table["chunk_id"][-1].as_py()


def _embedding(
    connection: duckdb.DuckDBPyConnection, query: SearchQuery, scope: Scope, version: int
) -> tuple[int, int] | None:
    if query.mode == "keyword":
        return None
    found = connection.execute(
        "SELECT id, dim FROM store.embeddings WHERE digest = ?", [query.embedding]
    ).fetchone()
    held = "0"
    if found is not None:
        table = vectors_table(found[0])
        held = f"(SELECT count(*) FROM {table} v WHERE v.document_id = d.id)"
    missing = one(
        connection.execute(
            f"SELECT count(*) FROM ({READABLE}) d WHERE {AT_VERSION} AND d.chunk_count > {held}",
            [*readable_values(scope), version, version],
        )
    )
    if missing:
        raise EmbeddingMismatch(
            "the documents of this version have no vectors of the present embedding model",
            value=f"{missing:,} documents of version {version}",
            next_step="Search it with mode='keyword', or set the embedding model of before.",
        )
    return None if found is None else (int(found[0]), int(found[1]))


def _rows(
    connection: duckdb.DuckDBPyConnection, scope: Scope, ids: Sequence[int], version: int
) -> dict[int, Hit]:
    rows = connection.execute(
        "SELECT c.ordinal, c.start_char, c.end_char, c.text, c.page, c.heading, c.id, "
        f"c.document_id, d.name, d.uri, d.label FROM store.chunks c JOIN ({READABLE}) d "
        f"ON d.id = c.document_id WHERE {AT_VERSION} AND list_contains(?::INTEGER[], c.id)",
        [*readable_values(scope), version, version, list(ids)],
    ).fetchall()
    return {row[6]: search._hit(row) for row in rows}
