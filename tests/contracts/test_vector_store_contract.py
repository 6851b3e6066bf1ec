from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from llama_index.core import Document, VectorStoreIndex
from llama_index.core.ingestion import DocstoreStrategy, IngestionPipeline
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.schema import TextNode
from llama_index.core.storage.docstore import SimpleDocumentStore
from llama_index.core.vector_stores.types import (
    BasePydanticVectorStore,
    FilterCondition,
    FilterOperator,
    MetadataFilter,
    MetadataFilters,
    VectorStoreQuery,
    VectorStoreQueryMode,
)

from tests.contracts.vector_stores import (
    DIM,
    MAKERS,
    WordsEmbedding,
    expect_gaps,
    ids,
    node,
    vector_of,
)

Op = FilterOperator
AND, OR, NOT = FilterCondition.AND, FilterCondition.OR, FilterCondition.NOT
STORES = ["ours", "shipped", "memory"]


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> BasePydanticVectorStore:
    """An empty store."""
    expect_gaps(request, request.param)
    return MAKERS[request.param](tmp_path)


@pytest.fixture
def filled(store: BasePydanticVectorStore) -> BasePydanticVectorStore:
    store.add(four_nodes())
    return store


@pytest.fixture(scope="module", params=STORES)
def shared(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> BasePydanticVectorStore:
    """The same nodes in a store that the tests only read."""
    made = MAKERS[request.param](tmp_path_factory.mktemp(request.param))
    made.add(four_nodes())
    return made


@pytest.fixture
def readable(
    request: pytest.FixtureRequest, shared: BasePydanticVectorStore
) -> BasePydanticVectorStore:
    expect_gaps(request, request.node.callspec.params["shared"])
    return shared


def four_nodes() -> list[TextNode]:
    return [
        node("a", "red apple", "fruit", kind="x", year=2001, size=1.5),
        node("b", "green apple", "fruit", kind="y", year=2002, size=2.5),
        node("c", "green car", "vehicles", kind="x", year=2003),
        node("d", "fast car", "vehicles", kind="Xy", size=0.5),
    ]


def search(store: BasePydanticVectorStore, text: str = "apple", k: int = 10, **more: Any) -> Any:
    return store.query(
        VectorStoreQuery(
            query_str=text, query_embedding=vector_of(text), similarity_top_k=k, **more
        )
    )


def found(store: BasePydanticVectorStore, filters: MetadataFilters | None) -> str:
    """The ids that a filter lets through, in order, as one word."""
    return "".join(sorted(search(store, filters=filters).ids or []))


def one(key: str, op: FilterOperator, value: Any) -> MetadataFilters:
    return MetadataFilters(filters=[MetadataFilter(key=key, operator=op, value=value)])


def test_nearest_first(readable: BasePydanticVectorStore) -> None:
    result = search(readable, "red apple", k=3)
    assert result.ids[0] == "a"
    assert len(result.ids) == 3
    wanted = {
        name: float(np.dot(vector_of("red apple"), vector_of(text)))
        for name, text in (("a", "red apple"), ("b", "green apple"), ("d", "fast car"))
    }
    for name, similarity in zip(result.ids, result.similarities, strict=True):
        if name in wanted:
            assert similarity == pytest.approx(wanted[name], abs=1e-5)
    assert result.similarities == sorted(result.similarities, reverse=True)


def test_query_returns_whole_nodes(readable: BasePydanticVectorStore) -> None:
    (first,) = search(readable, "green car", k=1).nodes
    assert (first.node_id, first.text, first.ref_doc_id) == ("c", "green car", "vehicles")
    assert first.metadata == {"kind": "x", "year": 2003}


def test_add_returns_the_ids(store: BasePydanticVectorStore) -> None:
    assert store.add([node("z", "zebra"), node("y", "yak")]) == ["z", "y"]


def test_add_nothing(store: BasePydanticVectorStore) -> None:
    assert store.add([]) == []
    assert not search(store).ids


def test_add_again_replaces(filled: BasePydanticVectorStore) -> None:
    filled.add([node("a", "blue whale", "animals", kind="z")])
    assert search(filled, "blue whale", k=1).ids == ["a"]
    assert found(filled, one("kind", Op.EQ, "x")) == "c"


def test_delete_by_source(filled: BasePydanticVectorStore) -> None:
    filled.delete("fruit")
    assert found(filled, None) == "cd"
    filled.delete("unknown")
    assert found(filled, None) == "cd"


def test_delete_nodes(filled: BasePydanticVectorStore) -> None:
    filled.delete_nodes(["a", "unknown"])
    assert found(filled, None) == "bcd"
    filled.delete_nodes(filters=one("year", Op.GTE, 2003))
    assert found(filled, None) == "bd"
    filled.delete_nodes(["b", "d"], filters=one("kind", Op.EQ, "y"))
    assert found(filled, None) == "d"


def test_delete_no_nodes(filled: BasePydanticVectorStore) -> None:
    filled.delete_nodes([])
    assert found(filled, None) == "abcd"


def test_deleting_without_saying_what_keeps_everything(filled: BasePydanticVectorStore) -> None:
    from workbench.errors import UsageError

    with pytest.raises((UsageError, ValueError)):
        filled.delete_nodes()
    assert found(filled, None) == "abcd"


def test_clear(filled: BasePydanticVectorStore) -> None:
    filled.clear()
    assert found(filled, None) == ""
    filled.add([node("a", "red apple")])
    assert found(filled, None) == "a"


def test_get_nodes(readable: BasePydanticVectorStore) -> None:
    assert ids(readable.get_nodes(["c", "a", "unknown"])) == ["a", "c"]
    assert ids(readable.get_nodes(filters=one("kind", Op.EQ, "y"))) == ["b"]
    assert ids(readable.get_nodes(["a", "b"], filters=one("kind", Op.EQ, "x"))) == ["a"]
    assert ids(readable.get_nodes()) == ["a", "b", "c", "d"]
    (got,) = readable.get_nodes(["a"])
    assert isinstance(got, TextNode)
    assert (got.text, got.ref_doc_id, got.metadata["size"]) == ("red apple", "fruit", 1.5)


def test_async(store: BasePydanticVectorStore) -> None:
    async def steps() -> list[str]:
        await store.async_add([node("a", "red apple", "s"), node("b", "car"), node("c", "bus")])
        await store.adelete("s")
        await store.adelete_nodes(["b"])
        result = await store.aquery(VectorStoreQuery(vector_of("bus"), similarity_top_k=5))
        return list(result.ids or [])

    assert asyncio.run(steps()) == ["c"]


def test_async_reading_and_clearing(filled: BasePydanticVectorStore) -> None:
    async def steps() -> list[str]:
        before = ids(await filled.aget_nodes(["a"]))
        await filled.aclear()
        return [*before, *ids(await filled.aget_nodes())]

    assert asyncio.run(steps()) == ["a"]


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


def test_text_search(readable: BasePydanticVectorStore) -> None:
    result = search(readable, "apple", mode=VectorStoreQueryMode.TEXT_SEARCH)
    assert set(result.ids) == {"a", "b"}
    result = search(
        readable, "apple", mode=VectorStoreQueryMode.TEXT_SEARCH, filters=one("kind", Op.EQ, "y")
    )
    assert result.ids == ["b"]


def test_hybrid(readable: BasePydanticVectorStore) -> None:
    mode = VectorStoreQueryMode.HYBRID
    assert search(readable, "green apple", k=2, mode=mode).ids[0] == "b"
    assert set(search(readable, "apple", mode=mode, alpha=0.0).ids) == {"a", "b"}
    assert len(search(readable, "apple", mode=mode, alpha=1.0).ids) == 4
    assert search(readable, "green apple", mode=mode, alpha=0.7).ids[0] == "b"


def test_mmr(store: BasePydanticVectorStore) -> None:
    store.add([node("a", "red apple"), node("b", "red apple"), node("c", "red car")])
    mode = VectorStoreQueryMode.MMR
    close = search(store, "red apple", k=2, mode=mode, mmr_threshold=1.0)
    spread = store.query(
        VectorStoreQuery(vector_of("red apple"), similarity_top_k=2, mode=mode), mmr_threshold=0.2
    )
    assert sorted(close.ids) == ["a", "b"]
    assert "c" in spread.ids


def test_unknown_modes_are_refused(readable: BasePydanticVectorStore) -> None:
    with pytest.raises(Exception, match="mode"):
        search(readable, mode=VectorStoreQueryMode.SEMANTIC_HYBRID)


@pytest.mark.parametrize("bad", ["short", "zero", "nan"])
def test_bad_vectors_are_refused(filled: BasePydanticVectorStore, bad: str) -> None:
    broken = node("bad", "broken")
    broken.embedding = {
        "short": [1.0, 2.0],
        "zero": [0.0] * DIM,
        "nan": [float("nan")] * DIM,
    }[bad]
    with pytest.raises(Exception, match=r"vector|embedding|[Dd]imension|Cannot cast"):
        filled.add([broken])
    assert found(filled, None) == "abcd"


def test_a_question_of_the_wrong_length_is_refused(readable: BasePydanticVectorStore) -> None:
    with pytest.raises(Exception, match=r"vector|numbers|shape|cast"):
        readable.query(VectorStoreQuery([1.0, 2.0], similarity_top_k=2))


def test_an_index_retrieves(filled: BasePydanticVectorStore) -> None:
    index = VectorStoreIndex.from_vector_store(filled, embed_model=WordsEmbedding())
    (first,) = index.as_retriever(similarity_top_k=1).retrieve("fast car")
    assert (first.node.node_id, first.text) == ("d", "fast car")
    index.insert_nodes([node("e", "slow bus", "more")])
    retriever = index.as_retriever(similarity_top_k=1, filters=one("kind", Op.IS_EMPTY, None))
    assert [hit.node.node_id for hit in retriever.retrieve("bus")] == ["e"]
    index.delete_ref_doc("more")
    assert retriever.retrieve("bus") == []


def test_a_pipeline_keeps_up_with_its_documents(store: BasePydanticVectorStore) -> None:
    def pipeline_over(docstore: SimpleDocumentStore) -> IngestionPipeline:
        return IngestionPipeline(
            transformations=[SentenceSplitter(chunk_size=20, chunk_overlap=0), WordsEmbedding()],
            docstore=docstore,
            vector_store=store,
            docstore_strategy=DocstoreStrategy.UPSERTS_AND_DELETE,
        )

    def texts(*documents: Document) -> set[str]:
        pipeline.run(documents=list(documents))
        return {n.get_content() for n in search(store, "anything", k=50).nodes}

    first = Document(text="alpha beta gamma", id_="one", metadata={"kind": "x"})
    second = Document(text="delta epsilon", id_="two")
    pipeline = pipeline_over(SimpleDocumentStore())
    assert texts(first, second) == {"alpha beta gamma", "delta epsilon"}
    assert texts(first, second) == {"alpha beta gamma", "delta epsilon"}
    changed = Document(text="zeta eta", id_="one", metadata={"kind": "x"})
    assert texts(changed, second) == {"zeta eta", "delta epsilon"}
    assert texts(second) == {"delta epsilon"}
