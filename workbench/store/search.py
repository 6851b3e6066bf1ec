"""Hybrid search: keyword and vector ranks joined by reciprocal rank fusion on the chunk id.

Scope and filters are applied before anything is scored: both indexes get the ids of the documents
that ``visible`` allows.
"""

from __future__ import annotations

import heapq
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb
import numpy as np

from workbench.errors import EmbeddingMismatch, StoreError, UsageError
from workbench.store.database import Database, Signature
from workbench.store.documents import IN_SCOPE, one, scope_values
from workbench.store.elsewhere import RemoteMatrix, RemoteVectors
from workbench.store.filters import Filter, compile_filter
from workbench.store.keyword import KeywordIndex
from workbench.store.keyword_query import Documents
from workbench.store.matching import Clauses, Words, constraint, filters_of
from workbench.store.payloads import Payloads
from workbench.store.records import SearchQuery, Vectors
from workbench.store.search_checks import checked
from workbench.store.vectors import NONE, Matrix, VectorCache
from workbench.store.versions import Version, current_version
from workbench.store.visible import DocumentIds, VisibleCache
from workbench.values import Chunk, Hit, Scope

RANK_CONSTANT = 10
KEYWORD_WEIGHT = 1.0
VECTOR_WEIGHT = 1.0
DEPTH = 100
"""How many candidates each search hands to the fusion, at least."""

_ATTEMPTS = 5
_RECENT = 32
_SCORED_TOGETHER = 20_000
_HELD_ROWS = 20_000


@dataclass(frozen=True, slots=True)
class _Ranks:
    """Chunk ids best first, from each search, and the cosine of all of them."""

    keyword: Sequence[int] = ()
    vector: Sequence[int] = ()
    similarity: Mapping[int, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """What one connection saw: the corpus version, the embedding's number and length, and the
    documents that are allowed. ``signature`` is the file's from before it was opened."""

    signature: Signature
    version: Version
    embedding: tuple[int, int] | None
    allowed: DocumentIds | None
    documents: Documents

    def allows(self, hit: Hit) -> bool:
        if self.allowed is None:
            return True
        at = int(np.searchsorted(self.allowed, hit.chunk.document_id))
        return at < len(self.allowed) and int(self.allowed[at]) == hit.chunk.document_id


class Search:
    """Searches one workspace. Its caches belong to this process and keep themselves current."""

    def __init__(
        self, database: Database, payloads: Payloads, vectors: RemoteVectors | None = None
    ) -> None:
        self._database = database
        self._keyword = KeywordIndex(database)
        self._vectors: VectorCache | RemoteVectors = vectors or VectorCache(database)
        self._payloads = payloads
        self._visible = VisibleCache()
        self._recent: OrderedDict[tuple[object, ...], _Seen] = OrderedDict()
        self._rows: dict[int, Hit] = {}
        self._rows_version: Version | None = None
        self._keys: dict[Scope, tuple[Version, Signature, frozenset[str]]] = {}
        self._lock = threading.Lock()

    def hits(self, query: SearchQuery, scope: Scope) -> tuple[Hit, ...]:
        """At most ``query.k`` hits within ``scope``, best first.

        Raises:
            UsageError: if the query lacks a usable vector or ``k`` is out of range.
            QueryError: if its filter cannot be used.
            EmbeddingMismatch: if documents in scope that pass the filter were embedded by another
                model.
        """
        return self.many([query], scope)[0]

    def many(self, queries: Sequence[SearchQuery], scope: Scope) -> list[tuple[Hit, ...]]:
        """The hits of each query, as ``hits``, all from one version of the corpus.

        The queries share mode, ``k``, embedding and filter.
        """
        vectors = checked(queries)
        if not queries or scope.is_empty:
            return [() for _ in queries]
        # Ranking happens between two looks at the workspace; if it changed meanwhile, rank again,
        # so that a result never mixes two versions of a document. The first look is mostly
        # spared: what the last search found is right until something is committed. The second is
        # spared if nothing was but audit rows of this process, and all rows are held.
        key = _key(queries, scope)
        recalled = self._recalled(key)
        seen = recalled or self._look(queries, scope, ())
        attempt = 0
        while True:
            attempt += 1
            try:
                with self._payloads.catching_up(seen.version):
                    ranks = self._rank(queries, vectors, seen)
            except StoreError:
                if seen is not recalled:
                    raise
                # What it recalled may be gone, as the vectors of a former model are.
                seen = self._look(queries, scope, ())
                continue
            fused = [_fused(each, query.k) for each, query in zip(ranks, queries, strict=True)]
            ids = list(dict.fromkeys(i for each in fused for i in each))
            rows = self._held(ids, seen.version)
            if len(rows) == len(ids) and self._is_at(seen.version, seen.signature):
                break
            ranked, seen = seen.version, self._look(queries, scope, ids)
            if seen.version == ranked or attempt == _ATTEMPTS:
                rows = self._held(ids, seen.version)
                break
        self._remember(key, seen)
        return [
            tuple(
                _scored(rows[i], score, of_query)
                for i, score in each.items()
                if i in rows and seen.allows(rows[i])
            )
            for each, of_query in zip(fused, ranks, strict=True)
        ]

    def metadata_keys(self, scope: Scope) -> frozenset[str]:
        """The metadata keys that visible documents have."""
        held = self._keys.get(scope)
        if held is not None and self._is_at(held[0], held[1]):
            return held[2]
        signature = self._database.signature()
        documents, values = self._readable(scope)
        query = f"SELECT DISTINCT unnest(json_keys(d.metadata)) FROM {documents}"
        version, rows = self._database.read(
            lambda c: (current_version(c), c.execute(query, values).fetchall())
        )
        keys = frozenset(str(row[0]) for row in rows)
        with self._lock:
            if len(self._keys) > _RECENT:
                self._keys.clear()
            self._keys[scope] = (version, signature, keys)
        return keys

    def _readable(self, scope: Scope) -> tuple[str, list[Any]]:
        """The documents ``d`` that are searched, as SQL, and its values."""
        return f"store.documents d WHERE d.removed_in IS NULL AND {IN_SCOPE}", scope_values(scope)

    def _is_at(self, version: Version, signature: Signature) -> bool:
        return self._database.is_at((version.number, version.token), signature)

    def _recalled(self, key: tuple[object, ...]) -> _Seen | None:
        with self._lock:
            if key in self._recent:
                self._recent.move_to_end(key)
            return self._recent.get(key)

    def _remember(self, key: tuple[object, ...], seen: _Seen) -> None:
        with self._lock:
            self._recent[key] = seen
            if len(self._recent) > _RECENT:
                self._recent.popitem(last=False)

    def _held(self, ids: Sequence[int], version: Version) -> dict[int, Hit]:
        with self._lock:
            held = self._rows if self._rows_version == version else {}
            rows = {i: held[i] for i in ids if i in held}
        missing = [i for i in ids if i not in rows]
        if missing:
            found = self._payloads.hits(missing, version)
            self._hold(found, version)
            rows.update(found)
        return rows

    def _hold(self, rows: Mapping[int, Hit], version: Version) -> None:
        with self._lock:
            # A commit may have taken words out of rows that stay, to forget somebody.
            if self._rows_version != version or len(self._rows) > _HELD_ROWS:
                self._rows_version, self._rows = version, {}
            self._rows.update(rows)

    def _look(self, queries: Sequence[SearchQuery], scope: Scope, ids: Sequence[int]) -> _Seen:
        query = queries[0]
        inner = {repr(f): f for q in queries if q.match is not None for f in filters_of(q.match)}
        signature = self._database.signature()

        def look(connection: duckdb.DuckDBPyConnection) -> tuple[_Seen, dict[int, Hit]]:
            version = current_version(connection)
            seen = _Seen(
                signature,
                version,
                _embedding(connection, query, scope),
                self._visible.at(connection, version, scope, query.where),
                {
                    name: self._visible.at(connection, version, scope, where)
                    for name, where in inner.items()
                },
            )
            return seen, _rows(connection, scope, ids) if ids else {}

        seen, rows = self._database.read(look)
        self._hold(rows, seen.version)
        return seen

    def _rank(
        self, queries: Sequence[SearchQuery], vectors: Vectors | None, seen: _Seen
    ) -> list[_Ranks]:
        first = queries[0]
        depth = first.k if first.mode == "vector" else max(first.k, DEPTH)
        keyword: list[list[int]] = [[] for _ in queries]
        if queries[0].mode != "vector":
            keyword = [
                self._keyword.search(
                    query.match or Words(query.text),
                    depth,
                    seen.version,
                    allowed=seen.allowed,
                    documents=seen.documents,
                )
                for query in queries
            ]
        if vectors is None:
            return [_Ranks(keyword=found) for found in keyword]
        matrix = self._matrix(vectors, seen)
        required = [None if q.match is None else constraint(q.match) for q in queries]
        free = [at for at, clauses in enumerate(required) if clauses is None]
        found = matrix.nearest(vectors[free], depth, seen.allowed)[0] if free else ()
        near = dict(zip(free, found, strict=True))
        ranks = []
        for at, clauses in enumerate(required):
            if clauses is None:
                nearest = [int(i) for i in near[at] if i != NONE]
            else:
                nearest = self._nearest_of(matrix, vectors[at], clauses, seen, depth)
            similarity = matrix.similarity(vectors[at], [*keyword[at], *nearest])
            ranks.append(_Ranks(keyword[at], nearest, similarity))
        return ranks

    def _nearest_of(
        self,
        matrix: Matrix | RemoteMatrix,
        vector: Vectors,
        required: Clauses,
        seen: _Seen,
        depth: int,
    ) -> list[int]:
        """The ``depth`` nearest of the chunks that fulfil ``required``, which may be nearly all."""
        chunk_ids = self._keyword.matching(
            required, seen.version, allowed=seen.allowed, documents=seen.documents
        )
        best: list[tuple[int, float]] = []
        for start in range(0, len(chunk_ids), _SCORED_TOGETHER):
            some = matrix.similarity(vector, chunk_ids[start : start + _SCORED_TOGETHER].tolist())
            best = heapq.nsmallest(
                depth, (*best, *some.items()), key=lambda pair: (-pair[1], pair[0])
            )
        return [number for number, _ in best]

    def _matrix(self, vectors: Vectors, seen: _Seen) -> Matrix | RemoteMatrix:
        dim = vectors.shape[1]
        matrix: Matrix | RemoteMatrix = Matrix.empty(dim)
        if seen.embedding:
            matrix = self._vectors.matrix(*seen.embedding, seen.version)
        if matrix.dim != dim:
            raise UsageError(
                f"the question's vector must have {matrix.dim} numbers",
                value=dim,
                next_step="Embed the question with the model that embedded the documents.",
            )
        return matrix


def _key(queries: Sequence[SearchQuery], scope: Scope) -> tuple[object, ...]:
    query = queries[0]
    inner = {repr(f) for q in queries if q.match is not None for f in filters_of(q.match)}
    model = "" if query.mode == "keyword" else query.embedding
    return model, scope, repr(query.where), frozenset(inner)


def _embedding(
    connection: duckdb.DuckDBPyConnection, query: SearchQuery, scope: Scope
) -> tuple[int, int] | None:
    """Number and vector length of the query's embedding model; None if it embedded nothing."""
    if query.mode == "keyword":
        return None
    found = connection.execute(
        "SELECT id, dim FROM store.embeddings WHERE digest = ?", [query.embedding]
    ).fetchone()
    _require_same_model(connection, found[0] if found else 0, scope, query.where)
    return None if found is None else (int(found[0]), int(found[1]))


def _require_same_model(
    connection: duckdb.DuckDBPyConnection, embedding_id: int, scope: Scope, where: Filter | None
) -> None:
    predicate, values = ("TRUE", []) if where is None else compile_filter(where)
    others = int(
        one(
            connection.execute(
                "SELECT count(*) FROM store.documents d WHERE d.removed_in IS NULL "
                f"AND d.chunk_count > 0 AND d.embedding_id <> ? AND {IN_SCOPE} AND {predicate}",
                [embedding_id, *scope_values(scope), *values],
            )
        )
    )
    if others:
        raise EmbeddingMismatch(
            "the question was embedded by another model than the documents",
            value=f"{others:,} documents",
            next_step="Ingest their sources again, or use the embedding model of before.",
        )


def _rows(
    connection: duckdb.DuckDBPyConnection, scope: Scope, ids: Sequence[int]
) -> dict[int, Hit]:
    rows = connection.execute(
        "SELECT c.ordinal, c.start_char, c.end_char, c.text, c.page, c.heading, c.id, "
        "c.document_id, d.name, d.uri, d.label FROM store.chunks c "
        "JOIN store.documents d ON d.id = c.document_id "
        f"WHERE list_contains(?::INTEGER[], c.id) AND d.removed_in IS NULL AND {IN_SCOPE}",
        [list(ids), *scope_values(scope)],
    ).fetchall()
    return {row[6]: _hit(row) for row in rows}


def _hit(row: tuple[Any, ...]) -> Hit:
    ordinal, start, end, text, page, heading, number, document_id, name, uri, label = row
    chunk = Chunk(ordinal, start, end, text, page, heading, id=number, document_id=document_id)
    return Hit(chunk, name, uri, label, score=0.0)


def _fused(ranks: _Ranks, k: int) -> dict[int, float]:
    """The ``k`` best chunk ids with their fused scores, best first."""
    scores: dict[int, float] = {}
    for weight, ids in ((KEYWORD_WEIGHT, ranks.keyword), (VECTOR_WEIGHT, ranks.vector)):
        for rank, chunk_id in enumerate(ids, start=1):
            scores[chunk_id] = scores.get(chunk_id, 0.0) + weight / (RANK_CONSTANT + rank)
    best = sorted(scores.items(), key=lambda item: (-item[1], item[0]))[:k]
    return dict(best)


def _scored(hit: Hit, score: float, ranks: _Ranks) -> Hit:
    chunk_id = hit.chunk.id
    return Hit(
        hit.chunk,
        hit.document,
        hit.uri,
        hit.label,
        score=score,
        keyword_rank=_rank_of(chunk_id, ranks.keyword),
        vector_rank=_rank_of(chunk_id, ranks.vector),
        similarity=ranks.similarity.get(chunk_id),
    )


def _rank_of(chunk_id: int, ids: Sequence[int]) -> int | None:
    return ids.index(chunk_id) + 1 if chunk_id in ids else None
