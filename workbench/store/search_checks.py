"""What a search may be asked: refused before anything is opened."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from workbench.errors import QueryError, UsageError
from workbench.store.documents import unit_rows
from workbench.store.records import SearchQuery, Vectors

MAX_K = 10_000


def checked(queries: Sequence[SearchQuery]) -> Vectors | None:
    """The unit vectors (m, dim) of the queries; None for a keyword search.

    Raises:
        UsageError: if a vector cannot be used, ``k`` is out of range, or the queries do not belong
            together.
        QueryError: if the mode is not known.
    """
    for query in queries:
        _require_valid(query)
        if _shared(query) != _shared(queries[0]):
            raise UsageError(
                "the queries of one batch must share mode, k, embedding and filter",
                next_step="Search for them one by one.",
            )
    if not queries or queries[0].mode == "keyword":
        return None
    rows = [np.asarray(query.vector, np.float32) for query in queries]
    for row in rows:
        if row.ndim != 1 or row.size == 0 or row.shape != rows[0].shape:
            raise UsageError(
                "the question's vector must be one row of numbers",
                value=f"shape {row.shape}",
                next_step="Pass the vector of one question.",
            )
    return unit_rows(np.stack(rows))


def _shared(query: SearchQuery) -> tuple[object, ...]:
    return query.mode, query.k, query.embedding, query.where


def _require_valid(query: SearchQuery) -> None:
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
    if query.mode != "keyword" and (query.vector is None or not query.embedding):
        raise UsageError(
            f"a {query.mode} search needs the question's vector and its model's digest",
            next_step="Embed the question, or search with mode='keyword'.",
        )
