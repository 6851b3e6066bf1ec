"""Hybrid search: keyword and vector ranks joined by reciprocal rank fusion on the chunk id."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import duckdb
import numpy as np

from workbench.errors import EmbeddingMismatch, QueryError, UsageError
from workbench.store.database import Database
from workbench.store.documents import IN_SCOPE, one, scope_values, unit_rows
from workbench.store.keyword import KeywordIndex
from workbench.store.records import SearchQuery, Vectors
from workbench.store.vectors import Matrix, VectorCache
from workbench.store.versions import Version, current_version
from workbench.values import Chunk, Hit, Scope

MAX_K = 10_000
RANK_CONSTANT = 10
KEYWORD_WEIGHT = 1.0
VECTOR_WEIGHT = 1.0
DEPTH = 100
"""How many candidates each search hands to the fusion, at least."""

_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class _Ranks:
    """Chunk ids best first, from each search, and the cosine of all of them."""

    keyword: Sequence[int] = ()
    vector: Sequence[int] = ()
    similarity: Mapping[int, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Found:
    """What one connection saw: the corpus version, the rows, and the embedding's number."""

    version: Version
    rows: Mapping[int, Hit]
    embedding: tuple[int, int] | None


class Search:
    """Searches one workspace. Its caches belong to this process and keep themselves current."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._keyword = KeywordIndex(database)
        self._vectors = VectorCache(database)
        self._recent: dict[str, _Found] = {}

    def hits(self, query: SearchQuery, scope: Scope) -> tuple[Hit, ...]:
        """At most ``query.k`` hits within ``scope``, best first.

        Raises:
            UsageError: if the query lacks a usable vector or ``k`` is out of range.
            EmbeddingMismatch: if documents in scope were embedded by another model.
        """
        vector = _checked(query)
        if not scope.unrestricted and not scope.labels:
            return ()
        # Ranking happens between two looks at the workspace; if it changed meanwhile, rank again,
        # so that a result never mixes two versions of a document. The first look is mostly
        # spared: what the last search found is right until something is committed.
        model = "" if vector is None else query.embedding
        found = self._recent.get(model) or self._look(query, scope, ())
        attempt = 0
        while True:
            version, attempt = found.version, attempt + 1
            ranks = self._rank(query, vector, scope, found)
            fused = _fused(ranks, query.k)
            found = self._look(query, scope, list(fused))
            if found.version == version or attempt == _ATTEMPTS:
                self._recent[model] = replace(found, rows={})
                break
        return tuple(
            _scored(found.rows[i], score, ranks) for i, score in fused.items() if i in found.rows
        )

    def _look(self, query: SearchQuery, scope: Scope, ids: Sequence[int]) -> _Found:
        return self._database.read(lambda c: _look(c, query, scope, ids))

    def _rank(
        self, query: SearchQuery, vector: Vectors | None, scope: Scope, found: _Found
    ) -> _Ranks:
        depth = max(query.k, DEPTH)
        keyword: list[int] = []
        if query.mode != "vector":
            keyword = self._keyword.search(query.text, scope, depth, found.version)
        if vector is None:
            return _Ranks(keyword=keyword)
        matrix = (
            self._vectors.matrix(*found.embedding, found.version)
            if found.embedding
            else Matrix.empty(len(vector))
        )
        if matrix.rows.shape[1] != len(vector):
            raise UsageError(
                f"the question's vector must have {matrix.rows.shape[1]} numbers",
                value=len(vector),
                next_step="Embed the question with the model that embedded the documents.",
            )
        nearest = matrix.nearest(vector, scope, depth)
        return _Ranks(keyword, nearest, matrix.similarity(vector, [*keyword, *nearest]))


def _checked(query: SearchQuery) -> Vectors | None:
    if not 1 <= query.k <= MAX_K:
        raise UsageError(
            f"k must be between 1 and {MAX_K:,}", value=query.k, next_step="Ask for fewer hits."
        )
    if query.mode not in ("hybrid", "keyword", "vector"):
        raise QueryError(
            "the search mode is not known",
            value=query.mode,
            next_step="Use hybrid, keyword or vector.",
        )
    if query.mode == "keyword":
        return None
    if query.vector is None or not query.embedding:
        raise UsageError(
            f"a {query.mode} search needs the question's vector and its model's digest",
            next_step="Embed the question, or search with mode='keyword'.",
        )
    vector = np.asarray(query.vector, np.float32)
    if vector.ndim != 1 or vector.size == 0:
        raise UsageError(
            "the question's vector must be one row of numbers",
            value=f"shape {vector.shape}",
            next_step="Pass the vector of one question.",
        )
    unit: Vectors = unit_rows(vector[None, :])[0]
    return unit


def _look(
    connection: duckdb.DuckDBPyConnection, query: SearchQuery, scope: Scope, ids: Sequence[int]
) -> _Found:
    embedding = None
    if query.mode != "keyword":
        embedding = connection.execute(
            "SELECT id, dim FROM store.embeddings WHERE digest = ?", [query.embedding]
        ).fetchone()
        _require_same_model(connection, embedding[0] if embedding else 0, scope)
    rows = _rows(connection, scope, ids) if ids else {}
    return _Found(current_version(connection), rows, embedding)


def _require_same_model(
    connection: duckdb.DuckDBPyConnection, embedding_id: int, scope: Scope
) -> None:
    others = int(
        one(
            connection.execute(
                "SELECT count(*) FROM store.documents d WHERE d.removed_in IS NULL "
                f"AND d.chunk_count > 0 AND d.embedding_id <> ? AND {IN_SCOPE}",
                [embedding_id, *scope_values(scope)],
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
    return replace(
        hit,
        score=score,
        keyword_rank=_rank_of(chunk_id, ranks.keyword),
        vector_rank=_rank_of(chunk_id, ranks.vector),
        similarity=ranks.similarity.get(chunk_id),
    )


def _rank_of(chunk_id: int, ids: Sequence[int]) -> int | None:
    return ids.index(chunk_id) + 1 if chunk_id in ids else None
