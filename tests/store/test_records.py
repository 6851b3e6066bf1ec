from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from workbench.store.records import EmbeddingInfo, SearchQuery


def test_a_query_needs_only_its_text() -> None:
    query = SearchQuery("words")
    assert (query.vector, query.k, query.mode, query.embedding) == (None, 10, "hybrid", "")


def test_records_cannot_change() -> None:
    with pytest.raises(FrozenInstanceError):
        SearchQuery("words").k = 3  # type: ignore[misc]
    assert EmbeddingInfo("m", "d", 3) == EmbeddingInfo("m", "d", 3)
