"""Verbs that hand out LlamaIndex objects over the governed corpus."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from workbench.guard.policy import Action
from workbench.guard.run import Run
from workbench.values import DEFAULT_LABEL, Hit
from workbench.verbs.ask import AskVerbs

if TYPE_CHECKING:
    from llama_index.core import Document, VectorStoreIndex
    from llama_index.core.base.embeddings.base import BaseEmbedding
    from llama_index.core.llms import LLM
    from llama_index.core.retrievers import BaseRetriever
    from llama_index.core.vector_stores.types import BasePydanticVectorStore
    from llama_index.ingestion.ray import RayTransformComponent

    from workbench.store.llama_index import NodeDoors
    from workbench.tasks.nodes import NodeRooms


class LlamaIndexVerbs(AskVerbs):
    """The corpus and the models as LlamaIndex knows them."""

    def as_retriever(self, k: int = 10) -> BaseRetriever:
        """A LlamaIndex retriever over this session's corpus; each retrieval is a governed run."""
        from workbench.store.llama_index import as_retriever

        return as_retriever(self._hits, k=k)

    def as_vector_store(
        self, label: str | None = None, *, embed_model: BaseEmbedding | None = None
    ) -> BasePydanticVectorStore:
        """A LlamaIndex vector store: of the nodes and documents under ``label``, to read and write,
        or without a label of all that is in scope, to read.

        Text and metadata of nodes are masked before they are stored. Without ``embed_model`` the
        workspace's own model makes every vector, from masked text, and vectors that nodes bring
        along are not used. With it, a node's vector is kept where masking changed nothing of the
        node, and made anew by ``embed_model`` elsewhere; then search the label by this store only.

        Raises (each call of the store):
            AccessDenied, UsageError, MaskingError, ModelError, StoreError, BudgetExceeded.
        """
        from workbench.store.llama_index import as_vector_store

        given = embed_model is not None
        return as_vector_store(self._nodes(label, embed_model), is_embedding_query=given)

    def ingest_with_ray(
        self,
        documents: Sequence[Document],
        transformations: Sequence[RayTransformComponent],
        *,
        label: str = DEFAULT_LABEL,
        embed_model: BaseEmbedding | None = None,
    ) -> list[str]:
        """Send LlamaIndex documents through Ray's workers, and store the nodes that come back under
        ``label``, to be read by ``as_vector_store(label, embed_model=...)``. Returns their ids.

        Documents are masked whole in this process before Ray sees them; their ids go as they are.
        What a transformation added to the masked words is masked before it is stored. Vectors are
        kept and made as ``as_vector_store`` says: with ``embed_model`` the workers may embed, with
        the same model; without it the workspace's own model embeds here. A node with a known id
        replaces its former version. It needs the extra ``ray``, and Ray to be started.

        Raises:
            ConfigError: if the extra is not installed.
            UsageError: if Ray was not started, something given is of another type, or a worker
                failed.
            AccessDenied, MaskingError, ModelError, StoreError, BudgetExceeded.
        """
        from workbench.tasks.ray_nodes import put_by_ray

        rooms = self._node_rooms(embed_model)
        with self._run(Action.INGEST, label) as run:
            return put_by_ray(run, rooms, documents, transformations, label=label)

    def as_embedding(self) -> BaseEmbedding:
        """The workspace's embedding model as a LlamaIndex embedding; it masks what it embeds."""
        from workbench.models.llama_index import as_embedding

        workbench = self._workbench
        return as_embedding(
            workbench.models, self._llama_index_run, mask=workbench.masker.mask_text
        )

    def as_index(self, label: str | None = None) -> VectorStoreIndex:
        """A LlamaIndex index over ``as_vector_store(label)``; it searches by words and meaning."""
        from workbench.store.llama_index import as_index, as_vector_store

        store = as_vector_store(self._nodes(label, None), is_embedding_query=False)
        return as_index(store, embedding=self.as_embedding())

    def as_llm(self) -> LLM:
        """The chat model as a LlamaIndex LLM, for ``as_index().as_query_engine(llm=...)``.

        Prompts are masked like questions.
        """
        from workbench.models.llama_index import as_llm

        workbench = self._workbench
        return as_llm(workbench.models, self._llama_index_run, mask=workbench.masker.mask_text)

    def _nodes(self, label: str | None, embed_model: BaseEmbedding | None) -> NodeDoors:
        from workbench.verbs.nodes import SessionNodes

        return SessionNodes(self._node_rooms(embed_model), self._run, label)

    def _node_rooms(self, embed_model: BaseEmbedding | None) -> NodeRooms:
        from workbench.tasks.nodes import GivenEmbedding, NodeRooms, WorkspaceEmbedding

        workbench = self._workbench
        return NodeRooms(
            workbench.masker,
            workbench.corpus,
            GivenEmbedding(embed_model)
            if embed_model is not None
            else WorkspaceEmbedding(workbench.models),
        )

    def _hits(self, query: str, k: int) -> Sequence[Hit]:
        return self.search(query, k).hits

    def _llama_index_run(self) -> AbstractContextManager[Run]:
        return self._run(Action.ASK, "llama_index")
