from __future__ import annotations

import asyncio

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
    VectorStoreQuery,
    VectorStoreQueryMode,
)

from tests.contracts.vector_stores import (
    DIM,
    WordsEmbedding,
    found,
    ids,
    node,
    one,
    search,
    vector_of,
)

Op = FilterOperator
AND, OR, NOT = FilterCondition.AND, FilterCondition.OR, FilterCondition.NOT


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
