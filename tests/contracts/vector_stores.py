"""The vector stores that one contract is held against, and what the others are known to lack."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.schema import BaseNode, NodeRelationship, RelatedNodeInfo, TextNode
from llama_index.core.vector_stores import SimpleVectorStore
from llama_index.core.vector_stores.types import (
    BasePydanticVectorStore,
    FilterOperator,
    MetadataFilter,
    MetadataFilters,
    VectorStoreQuery,
)

from workbench.config import Config, StoreConfig
from workbench.masking.detection import Patterns
from workbench.masking.masker import Masker
from workbench.masking.placeholders import MemoryPlaceholders
from workbench.masking.recognizers import RECOGNIZERS
from workbench.models.fake import FakeServer
from workbench.models.governed import Models
from workbench.workbench import Workbench

DIM = 16

_NO_TEXT = "keeps vectors only: returns ids, not nodes"
_UNCHECKED = "vectors are not checked"
_NULL = "a missing key is null in SQL, which is neither true nor false"
_EMPTY_LIST = "an empty list of values raises IndexError"
_FLAT = "metadata must be flat"
_ONE_MODE = "query modes are not looked at"
_IDS = "ids of nodes and documents are not looked at"

GAPS: dict[str, dict[str, str]] = {
    "memory": {
        "test_query_returns_whole_nodes": _NO_TEXT,
        "test_get_nodes": _NO_TEXT,
        "test_async_reading_and_clearing": _NO_TEXT,
        "test_an_index_retrieves": _NO_TEXT,
        "test_a_pipeline_keeps_up_with_its_documents": _NO_TEXT,
        "test_deleting_without_saying_what_keeps_everything": "no arguments mean all nodes",
        "test_nested_conditions": "nested filters raise ValueError",
        "test_doc_ids_restrict": "ids of documents are not looked at",
        "test_text_search": "knows no words",
        "test_hybrid": "knows no words",
        "test_bad_vectors_are_refused": _UNCHECKED,
    },
    "shipped": {
        "test_add_nothing": "adding nothing raises",
        "test_add_again_replaces": "a known id is a constraint error",
        "test_deleting_without_saying_what_keeps_everything": "no arguments mean all nodes",
        "test_filter[size-EQ-b]": "a missing number cannot be compared with a fraction",
        "test_filter[size-LTE-ad]": "a missing number cannot be compared with a fraction",
        "test_filter[year-NE-bcd]": _NULL,
        "test_filter[unknown-NE-abcd]": _NULL,
        "test_filter[kind-IN-]": _EMPTY_LIST,
        "test_filter[kind-NIN-abcd]": _EMPTY_LIST,
        "test_filter[kind-CONTAINS-bd]": "CONTAINS finds nothing",
        "test_arrays": _FLAT,
        "test_conditions": "NOT is read as an alternative",
        "test_keys_and_values_are_data": "a dotted key is read as a path",
        "test_types_are_told_apart": "nodes of one batch must agree on types",
        "test_node_ids_restrict": _IDS,
        "test_doc_ids_restrict": _IDS,
        "test_text_search": _ONE_MODE,
        "test_hybrid": _ONE_MODE,
        "test_mmr": _ONE_MODE,
        "test_unknown_modes_are_refused": _ONE_MODE,
        "test_bad_vectors_are_refused[zero]": _UNCHECKED,
        "test_bad_vectors_are_refused[nan]": _UNCHECKED,
    },
}
"""Store -> test (with its parameters where only some fail) -> why it fails there."""


class WordsEmbedding(BaseEmbedding):
    """Each word points into a direction of its own, chosen by its hash."""

    model_name: str = "words"

    def _get_text_embedding(self, text: str) -> list[float]:
        return vector_of(text)

    def _get_query_embedding(self, query: str) -> list[float]:
        return vector_of(query)

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return vector_of(query)


def vector_of(text: str) -> list[float]:
    """The sum of the words' directions, and a little of a common one, so that none is zero."""
    total = np.full(DIM, 0.01)
    for word in text.lower().split():
        seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:4], "big")
        total += np.random.default_rng(seed).standard_normal(DIM)
    unit: list[float] = (total / np.linalg.norm(total)).tolist()
    return unit


def node(node_id: str, text: str, source: str = "", **metadata: Any) -> TextNode:
    """A node with its vector, made of its text alone."""
    relationships = {NodeRelationship.SOURCE: RelatedNodeInfo(node_id=source)} if source else {}
    return TextNode(
        id_=node_id,
        text=text,
        metadata=metadata,
        embedding=vector_of(text),
        relationships=relationships,
        excluded_embed_metadata_keys=list(metadata),
    )


def ours(folder: Path, url: str | None = None) -> Workbench:
    """A fresh workspace, with its vectors at ``url``; patterns alone mask, the rest is real."""
    settings = Config(store=StoreConfig(url=url))
    masker = Masker(
        settings.masking, MemoryPlaceholders(), key=bytes(32), detectors=[Patterns(RECOGNIZERS)]
    )
    return Workbench(
        folder / "workspace",
        settings,
        {},
        connect_models=lambda cache: Models(FakeServer(None), settings.models, cache),
        masker=masker,
    )


def shipped(folder: Path) -> BasePydanticVectorStore:
    """LlamaIndex's DuckDB store, with the extensions that it would fetch from the network."""
    import duckdb
    from llama_index.vector_stores.duckdb import DuckDBVectorStore

    connection = duckdb.connect()
    connection.execute("SET home_directory = ?", [str(folder)])
    for name in ("json", "fts"):
        found = importlib.util.find_spec(f"duckdb_extension_{name}")
        assert found is not None
        places = list(found.submodule_search_locations or [])
        (path,) = Path(places[0]).rglob(f"v{duckdb.__version__}/{name}.duckdb_extension")
        connection.install_extension(str(path))
    connection.close()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "home", lambda: folder)
        return DuckDBVectorStore(embed_dim=DIM)


@contextmanager
def opened(
    name: str, folder: Path, request: pytest.FixtureRequest
) -> Iterator[BasePydanticVectorStore]:
    """The store of this name, empty."""
    if name == "memory":
        yield SimpleVectorStore()
    elif name == "shipped":
        yield shipped(folder)
    else:
        url = {"qdrant": f"qdrant://{folder}/vectors"}.get(name)
        if name == "postgres":
            url = request.getfixturevalue("postgres_url")
        workbench = ours(folder, url)
        yield workbench.session("ana").as_vector_store("public", embed_model=WordsEmbedding())
        workbench.close()


def expect_gaps(request: pytest.FixtureRequest, name: str) -> None:
    """Mark the test as failing where the store is known to fail it."""
    test = request.node.name.replace(f"[{name}]", "").replace(f"[{name}-", "[")
    gaps = GAPS.get(name, {})
    reason = gaps.get(test) or gaps.get(test.partition("[")[0])
    if reason:
        request.applymarker(pytest.mark.xfail(strict=True, reason=reason))


def ids(nodes: Sequence[BaseNode] | None) -> list[str]:
    return [found.node_id for found in nodes or []]


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
