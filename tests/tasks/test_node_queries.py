from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from llama_index.core.vector_stores.types import VectorStoreQuery, VectorStoreQueryMode

from tests.contracts.vector_stores import WordsEmbedding, node, vector_of
from tests.workbenches import MakeWorkbench
from workbench.errors import UsageError


@pytest.fixture
def store(make_workbench: MakeWorkbench) -> Any:
    made = make_workbench().session("ana").as_vector_store("hr", embed_model=WordsEmbedding())
    made.add([node("a", "red apple"), node("b", "red apple pie"), node("c", "blue sky")])
    return made


def ask(store: Any, mode: str, **more: Any) -> Sequence[str]:
    result = store.query(VectorStoreQuery(mode=VectorStoreQueryMode(mode), **more))
    return result.ids or []


def test_a_question_needs_what_its_mode_needs(store: Any) -> None:
    with pytest.raises(UsageError, match="needs words"):
        ask(store, "text_search", query_embedding=vector_of("red"))
    with pytest.raises(UsageError, match="needs words"):
        ask(store, "hybrid", query_embedding=vector_of("red"))
    with pytest.raises(UsageError, match="vector or words"):
        ask(store, "default")
    with pytest.raises(UsageError, match="alpha"):
        ask(store, "hybrid", query_str="red", alpha=1.5)


def test_words_are_embedded_where_no_vector_comes(store: Any) -> None:
    assert ask(store, "default", query_str="blue sky") == ["c"]


def test_alpha_moves_the_weight(store: Any) -> None:
    # The words say c, the vector says a.
    both = {"query_str": "sky", "query_embedding": vector_of("red apple"), "similarity_top_k": 3}
    assert ask(store, "hybrid", alpha=0.1, **both)[0] == "c"
    assert ask(store, "hybrid", alpha=0.9, **both)[0] == "a"


def test_hybrid_top_k_counts_for_hybrid(store: Any) -> None:
    more = {"query_str": "red", "similarity_top_k": 1, "hybrid_top_k": 2}
    assert len(ask(store, "hybrid", **more)) == 2
    assert len(ask(store, "default", **more)) == 1


def test_an_empty_workspace_answers_without_a_model(make_workbench: MakeWorkbench) -> None:
    empty = make_workbench().session("ana").as_vector_store("hr")
    assert ask(empty, "default", query_str="anything") == []
    assert empty.get_nodes() == []
