"""LlamaIndex objects over a governed corpus; imported only when somebody asks for them.

They hold doors, not the corpus: each call is one run of the verb behind it, masked, scoped,
budgeted and audited. LlamaIndex's global ``Settings`` are never relied upon, because they fall back
to a remote model.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from llama_index.core import StorageContext, VectorStoreIndex
from llama_index.core.base.base_query_engine import BaseQueryEngine
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.llms import LLM
from llama_index.core.schema import BaseNode, NodeWithScore, QueryBundle
from llama_index.core.vector_stores.types import (
    BasePydanticVectorStore,
    MetadataFilters,
    VectorStoreQuery,
    VectorStoreQueryMode,
    VectorStoreQueryResult,
)

from workbench.errors import UsageError
from workbench.store.filters import AllOf, Filter
from workbench.store.llama_nodes import (
    IncomingNode,
    as_filter,
    as_node,
    as_text_node,
    incoming,
    of_nodes,
)
from workbench.store.nodes import MaskedNode, NodeQuery
from workbench.values import Hit

SearchHits = Callable[[str, int], Sequence[Hit]]
"""Finds at most so many hits for a question, best first, within the caller's rights."""

_MODES = {
    VectorStoreQueryMode.DEFAULT: "vector",
    VectorStoreQueryMode.MMR: "mmr",
    VectorStoreQueryMode.HYBRID: "hybrid",
    VectorStoreQueryMode.TEXT_SEARCH: "keyword",
    VectorStoreQueryMode.SPARSE: "keyword",
}


class NodeDoors(Protocol):
    """The governed verbs behind a vector store; each call is one run."""

    def add(self, nodes: Sequence[IncomingNode]) -> None:
        """Mask, embed and store nodes."""
        ...

    def remove(self, where: Filter) -> None:
        """Hide nodes."""
        ...

    def find(self, where: Filter) -> Sequence[MaskedNode]:
        """Nodes in the order they were added."""
        ...

    def query(self, wanted: NodeQuery) -> Sequence[tuple[Hit, str | None]]:
        """Hits, each with what is kept of the node that it came as."""
        ...


class CorpusRetriever(BaseRetriever):
    """Hybrid search as a LlamaIndex retriever. Scores compare within one result only."""

    def __init__(self, search: SearchHits, *, k: int) -> None:
        super().__init__()
        self._search = search
        self._k = k

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        hits = self._search(query_bundle.query_str, self._k)
        return [NodeWithScore(node=as_node(hit), score=hit.score) for hit in hits]


class CorpusVectorStore(BasePydanticVectorStore):
    """The corpus as a LlamaIndex vector store.

    Filters mean what they mean in LlamaIndex's in-memory store (an empty list filters nothing), and
    nest. Values of different types do not match, where that store raises. Modes: default, mmr,
    hybrid, text_search and sparse (both by keywords).
    """

    stores_text: bool = True
    is_embedding_query: bool = True
    _doors: NodeDoors = PrivateAttr()

    def __init__(self, doors: NodeDoors, *, is_embedding_query: bool) -> None:
        super().__init__(stores_text=True, is_embedding_query=is_embedding_query)
        self._doors = doors

    @classmethod
    def class_name(cls) -> str:
        """The name that LlamaIndex keeps with an index."""
        return "CorpusVectorStore"

    @property
    def client(self) -> None:
        """There is no way to the database underneath."""
        return None

    def add(self, nodes: Sequence[BaseNode], **kwargs: Any) -> list[str]:
        """Mask and store nodes; one with a known id replaces its former version.

        Raises:
            UsageError: if the store is read-only, or a node holds more than text.
            AccessDenied, MaskingError, ModelError, StoreError.
        """
        if nodes:
            self._doors.add([incoming(node) for node in nodes])
        return [node.node_id for node in nodes]

    def delete(self, ref_doc_id: str, **delete_kwargs: Any) -> None:
        """Delete the nodes of one source; errors as ``add``."""
        self._doors.remove(of_nodes(ref_doc_ids=[ref_doc_id]))

    def delete_nodes(
        self,
        node_ids: list[str] | None = None,
        filters: MetadataFilters | None = None,
        **delete_kwargs: Any,
    ) -> None:
        """Delete the nodes with these ids that pass the filters; errors as ``add``.

        Raises:
            UsageError: with neither: everything is deleted by ``clear`` only.
        """
        where = as_filter(filters)
        if node_ids is None and where is None:
            raise UsageError(
                "nothing says which nodes to delete",
                next_step="Give node ids or filters, or clear the store.",
            )
        self._doors.remove(_both(of_nodes(node_ids), where))

    def clear(self) -> None:
        """Delete all nodes of the label; documents that came as files stay. Errors as ``add``."""
        self._doors.remove(AllOf(()))

    def get_nodes(
        self, node_ids: list[str] | None = None, filters: MetadataFilters | None = None
    ) -> list[BaseNode]:
        """The nodes with these ids that pass the filters, in the order they were added.

        Raises:
            AccessDenied, StoreError.
        """
        found = self._doors.find(_both(of_nodes(node_ids), as_filter(filters)))
        return [as_text_node(node) for node in found]

    def query(self, query: VectorStoreQuery, **kwargs: Any) -> VectorStoreQueryResult:
        """Search within filters, ``doc_ids`` and ``node_ids``; empty lists restrict nothing.

        Raises:
            UsageError: if the mode is not known, or what it needs is missing.
            AccessDenied, ModelError, StoreError.
        """
        mode = _MODES.get(query.mode)
        if mode is None:
            raise UsageError(
                "this vector store has no such query mode",
                value=query.mode.value,
                next_step=f"Use one of {', '.join(known.value for known in _MODES)}.",
            )
        threshold = query.mmr_threshold
        wanted = NodeQuery(
            text=query.query_str or "",
            vector=query.query_embedding,
            k=(query.hybrid_top_k if mode == "hybrid" else None) or query.similarity_top_k,
            mode=mode,
            where=_both(
                of_nodes(query.node_ids or None, query.doc_ids or None), as_filter(query.filters)
            ),
            alpha=query.alpha,
            mmr_threshold=kwargs.get("mmr_threshold") if threshold is None else threshold,
        )
        found = self._doors.query(wanted)
        nodes = [as_node(hit, kept) for hit, kept in found]
        return VectorStoreQueryResult(
            nodes=nodes,
            similarities=[_similarity(hit, mode) for hit, _ in found],
            ids=[node.node_id for node in nodes],
        )

    async def async_add(self, nodes: Sequence[BaseNode], **kwargs: Any) -> list[str]:
        """As ``add``, in a thread."""
        return await asyncio.to_thread(self.add, nodes, **kwargs)

    async def adelete(self, ref_doc_id: str, **delete_kwargs: Any) -> None:
        """As ``delete``, in a thread."""
        await asyncio.to_thread(self.delete, ref_doc_id, **delete_kwargs)

    async def adelete_nodes(
        self,
        node_ids: list[str] | None = None,
        filters: MetadataFilters | None = None,
        **delete_kwargs: Any,
    ) -> None:
        """As ``delete_nodes``, in a thread."""
        await asyncio.to_thread(self.delete_nodes, node_ids, filters, **delete_kwargs)

    async def aclear(self) -> None:
        """As ``clear``, in a thread."""
        await asyncio.to_thread(self.clear)

    async def aget_nodes(
        self, node_ids: list[str] | None = None, filters: MetadataFilters | None = None
    ) -> list[BaseNode]:
        """As ``get_nodes``, in a thread."""
        return await asyncio.to_thread(self.get_nodes, node_ids, filters)

    async def aquery(self, query: VectorStoreQuery, **kwargs: Any) -> VectorStoreQueryResult:
        """As ``query``, in a thread."""
        return await asyncio.to_thread(self.query, query, **kwargs)


class CorpusIndex(VectorStoreIndex):
    """An index over the corpus, for ``as_retriever``, ``as_query_engine`` and ``insert``."""

    def as_retriever(self, **kwargs: Any) -> BaseRetriever:
        """A retriever by words and meaning; ``vector_store_query_mode`` chooses another way."""
        kwargs.setdefault("vector_store_query_mode", VectorStoreQueryMode.HYBRID)
        return super().as_retriever(**kwargs)

    def as_query_engine(self, llm: Any = None, **kwargs: Any) -> BaseQueryEngine:
        """A query engine that answers with ``llm``.

        Raises:
            UsageError: without an LLM; LlamaIndex would reach for a remote one.
        """
        if not isinstance(llm, LLM):
            raise UsageError(
                "a query engine needs a LlamaIndex LLM object",
                value=type(llm).__name__,
                next_step="Pass llm=..., for example llama_index.llms.ollama.Ollama(...).",
            )
        return super().as_query_engine(llm=llm, **kwargs)


def as_retriever(search: SearchHits, *, k: int = 10) -> BaseRetriever:
    """A LlamaIndex retriever over ``search``, for ``k`` nodes."""
    return CorpusRetriever(search, k=k)


def as_vector_store(doors: NodeDoors, *, is_embedding_query: bool) -> CorpusVectorStore:
    """A LlamaIndex vector store behind ``doors``.

    With ``is_embedding_query`` LlamaIndex embeds questions before it asks.
    """
    return CorpusVectorStore(doors, is_embedding_query=is_embedding_query)


def as_index(store: CorpusVectorStore, *, embedding: BaseEmbedding) -> VectorStoreIndex:
    """A LlamaIndex index over ``store``.

    ``embedding`` embeds what is inserted; LlamaIndex would reach for a remote model if an index had
    none.
    """
    storage = StorageContext.from_defaults(vector_store=store)
    return CorpusIndex(nodes=[], embed_model=embedding, storage_context=storage)


def _both(one: Filter, other: Filter | None) -> Filter:
    return one if other is None else AllOf((one, other))


def _similarity(hit: Hit, mode: str) -> float:
    by_vector = mode in ("vector", "mmr") and hit.similarity is not None
    return float(hit.similarity) if by_vector and hit.similarity is not None else hit.score
