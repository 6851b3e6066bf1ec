"""LlamaIndex objects over a governed search; imported only when somebody asks for them.

They hold a function that searches, not the corpus: each retrieval is one run of the verb behind
it, masked, scoped, budgeted and audited. LlamaIndex's global ``Settings`` are never relied upon,
because they fall back to a remote model.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from llama_index.core import StorageContext, VectorStoreIndex
from llama_index.core.base.base_query_engine import BaseQueryEngine
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.llms import LLM
from llama_index.core.schema import (
    BaseNode,
    NodeRelationship,
    NodeWithScore,
    QueryBundle,
    RelatedNodeInfo,
    TextNode,
)
from llama_index.core.vector_stores.types import (
    BasePydanticVectorStore,
    VectorStoreQuery,
    VectorStoreQueryResult,
)

from workbench.errors import UsageError
from workbench.values import Hit

SearchHits = Callable[[str, int], Sequence[Hit]]
"""Finds at most so many hits for a question, best first, within the caller's rights."""

_NOT_FOR_THE_MODEL = ["uri", "label", "document_id", "start", "end"]


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
    """The corpus as a read-only LlamaIndex vector store, searched by the question's words."""

    stores_text: bool = True
    is_embedding_query: bool = False
    _search: SearchHits = PrivateAttr()

    def __init__(self, search: SearchHits) -> None:
        super().__init__(stores_text=True, is_embedding_query=False)
        self._search = search

    @property
    def client(self) -> None:
        """There is no way to the database underneath."""
        return None

    def query(self, query: VectorStoreQuery, **kwargs: Any) -> VectorStoreQueryResult:
        """Search for ``query.query_str``.

        Raises:
            UsageError: without words, or with filters, which are not applied silently.
        """
        restricted = query.filters or query.doc_ids or query.node_ids
        if restricted or not query.query_str:
            raise UsageError(
                "this index is searched by a question in words, without filters",
                next_step="Pass a question; restrict what is visible by the actor's labels.",
            )
        hits = self._search(query.query_str, query.similarity_top_k)
        nodes = [as_node(hit) for hit in hits]
        return VectorStoreQueryResult(
            nodes=nodes,
            similarities=[hit.score for hit in hits],
            ids=[node.node_id for node in nodes],
        )

    def add(self, nodes: Sequence[BaseNode], **kwargs: Any) -> list[str]:
        """Raises UsageError: documents enter through an ingest, which masks them."""
        _refuse("add")

    def delete(self, ref_doc_id: str, **delete_kwargs: Any) -> None:
        """Raises UsageError: documents leave through an ingest with sync."""
        _refuse("delete")


class CorpusIndex(VectorStoreIndex):
    """A read-only index over the corpus, for ``as_retriever`` and ``as_query_engine``."""

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


def as_index(search: SearchHits, *, embedding: BaseEmbedding) -> VectorStoreIndex:
    """A read-only LlamaIndex index over ``search``.

    ``embedding`` is the governed embedding model. Searching does not call it; LlamaIndex would
    reach for a remote one if an index had none.
    """
    storage = StorageContext.from_defaults(vector_store=CorpusVectorStore(search))
    return CorpusIndex(nodes=[], embed_model=embedding, storage_context=storage)


def as_node(hit: Hit) -> TextNode:
    """A hit as a node; its metadata lead back to the exact words of the masked document."""
    chunk = hit.chunk
    source = RelatedNodeInfo(node_id=f"document-{chunk.document_id}")
    return TextNode(
        id_=f"chunk-{chunk.id}",
        text=chunk.text,
        metadata={
            "document": hit.document,
            "page": chunk.page,
            "heading": chunk.heading,
            "uri": hit.uri,
            "label": hit.label,
            "document_id": chunk.document_id,
            "start": chunk.start,
            "end": chunk.end,
        },
        excluded_llm_metadata_keys=_NOT_FOR_THE_MODEL,
        excluded_embed_metadata_keys=_NOT_FOR_THE_MODEL,
        relationships={NodeRelationship.SOURCE: source},
    )


def _refuse(action: str) -> NoReturn:
    raise UsageError(
        "this index is read-only",
        value=action,
        next_step="Change documents with the session's ingest, which masks them first.",
    )
