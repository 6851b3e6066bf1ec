from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from llama_index.core.schema import TextNode
from llama_index.core.vector_stores.types import (
    BasePydanticVectorStore,
    FilterCondition,
    FilterOperator,
    MetadataFilter,
    MetadataFilters,
    VectorStoreQuery,
)

from tests.contracts.vector_stores import (
    DIM,
    found,
    node,
    one,
    search,
)

Op = FilterOperator
AND, OR, NOT = FilterCondition.AND, FilterCondition.OR, FilterCondition.NOT


FILTERS = [
    ("kind", Op.EQ, "x", "ac"),
    ("year", Op.EQ, 2002, "b"),
    ("size", Op.EQ, 2.5, "b"),
    ("kind", Op.NE, "x", "bd"),
    ("year", Op.NE, 2001, "bcd"),
    ("year", Op.GT, 2001, "bc"),
    ("year", Op.GTE, 2001, "abc"),
    ("year", Op.LT, 2003, "ab"),
    ("size", Op.LTE, 1.5, "ad"),
    ("kind", Op.GT, "a", "abc"),
    ("kind", Op.IN, ["x", "Xy", "q"], "acd"),
    ("year", Op.IN, [2001, 2003], "ac"),
    ("kind", Op.IN, [], ""),
    ("kind", Op.NIN, ["x"], "bd"),
    ("year", Op.NIN, [2001], "bcd"),
    ("kind", Op.NIN, [], "abcd"),
    ("kind", Op.TEXT_MATCH, "X", "d"),
    ("kind", Op.TEXT_MATCH_INSENSITIVE, "X", "acd"),
    ("kind", Op.CONTAINS, "y", "bd"),
    ("year", Op.IS_EMPTY, None, "d"),
    ("unknown", Op.EQ, "x", ""),
    ("unknown", Op.NE, "x", "abcd"),
    ("unknown", Op.IS_EMPTY, None, "abcd"),
    ("ref_doc_id", Op.EQ, "fruit", "ab"),
    ("doc_id", Op.IN, ["vehicles"], "cd"),
]


@pytest.mark.parametrize(
    ("key", "op", "value", "wanted"), FILTERS, ids=[f"{k}-{o.name}-{w}" for k, o, _, w in FILTERS]
)
def test_filter(
    readable: BasePydanticVectorStore, key: str, op: FilterOperator, value: Any, wanted: str
) -> None:
    assert found(readable, one(key, op, value)) == wanted


ARRAYS = [
    (Op.CONTAINS, "x", "ab"),
    (Op.ANY, ["y", "z"], "bc"),
    (Op.ALL, ["x", "y"], "b"),
    (Op.ALL, ["x", "q"], ""),
    (Op.IS_EMPTY, None, "de"),
]


@pytest.mark.parametrize(("op", "value", "wanted"), ARRAYS, ids=[o.name + w for o, _, w in ARRAYS])
def test_arrays(
    store: BasePydanticVectorStore, op: FilterOperator, value: Any, wanted: str
) -> None:
    store.add(
        [
            node("a", "one", tags=["x"]),
            node("b", "two", tags=["x", "y"]),
            node("c", "three", tags=["z"]),
            node("d", "four", tags=[]),
            node("e", "five"),
        ]
    )
    assert found(store, one("tags", op, value)) == wanted


def test_conditions(readable: BasePydanticVectorStore) -> None:
    parts: list[Any] = [
        MetadataFilter(key="kind", value="x"),
        MetadataFilter(key="year", value=2003, operator=Op.LT),
    ]
    assert found(readable, MetadataFilters(filters=parts, condition=AND)) == "a"
    assert found(readable, MetadataFilters(filters=parts, condition=OR)) == "abc"
    assert found(readable, MetadataFilters(filters=parts, condition=NOT)) == "d"


def test_nested_conditions(readable: BasePydanticVectorStore) -> None:
    inner = MetadataFilters(
        filters=[
            MetadataFilter(key="year", value=2002),
            MetadataFilters(filters=[MetadataFilter(key="kind", value="x")], condition=NOT),
        ],
        condition=OR,
    )
    outer = MetadataFilters(
        filters=[inner, MetadataFilter(key="size", value=1, operator=Op.LT)], condition=AND
    )
    assert found(readable, outer) == "d"


@pytest.mark.parametrize("condition", [AND, OR, NOT])
def test_an_empty_list_filters_nothing(
    readable: BasePydanticVectorStore, condition: FilterCondition
) -> None:
    assert found(readable, MetadataFilters(filters=[], condition=condition)) == "abcd"


def test_keys_and_values_are_data(store: BasePydanticVectorStore) -> None:
    keys = ["a.b", 'say "x"', "'); DROP TABLE documents; --", "año", "$.kind", "a/b~c"]
    for number, key in enumerate(keys):
        store.add([node(str(number), f"word{number}", **{key: "it's; --"})])
    for number, key in enumerate(keys):
        assert found(store, one(key, Op.EQ, "it's; --")) == str(number)
        assert found(store, one(key, Op.EQ, "' OR '1' = '1")) == ""


def test_types_are_told_apart(store: BasePydanticVectorStore) -> None:
    store.add([node("a", "one", n="5"), node("b", "two", n=5), node("c", "three", n=5.5)])
    assert found(store, one("n", Op.EQ, 5)) == "b"
    assert found(store, one("n", Op.EQ, "5")) == "a"


def test_large_numbers_are_exact(store: BasePydanticVectorStore) -> None:
    store.add([node("a", "one", n=2**53), node("b", "two", n=2**53 + 1)])
    assert found(store, one("n", Op.EQ, 2**53 + 1)) == "b"
    assert found(store, one("n", Op.GT, 2**53)) == "b"


def test_filters_come_before_the_ranking(store: BasePydanticVectorStore) -> None:
    rng = np.random.default_rng(3)
    nodes = []
    for number in range(200):
        made = node(f"n{number}", f"text {number}", rare=int(number % 50 == 7))
        made.embedding = rng.standard_normal(DIM).tolist()
        nodes.append(made)
    store.add(nodes)
    query = rng.standard_normal(DIM)
    rare = [n for n in nodes if n.metadata["rare"]]

    def cosine(one: TextNode) -> float:
        row = np.array(one.embedding)
        return float(row @ query / np.linalg.norm(row) / np.linalg.norm(query))

    wanted = [n.node_id for n in sorted(rare, key=cosine, reverse=True)]
    result = store.query(
        VectorStoreQuery(query.tolist(), similarity_top_k=10, filters=one("rare", Op.EQ, 1))
    )
    assert result.ids == wanted


def test_node_ids_restrict(readable: BasePydanticVectorStore) -> None:
    assert set(search(readable, node_ids=["a", "c", "unknown"]).ids) == {"a", "c"}


def test_doc_ids_restrict(readable: BasePydanticVectorStore) -> None:
    assert set(search(readable, doc_ids=["vehicles"]).ids) == {"c", "d"}
