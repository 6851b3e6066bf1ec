"""Verbs that hand out LlamaIndex objects over the governed corpus."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from workbench.guard.policy import Action
from workbench.guard.run import Run
from workbench.values import Hit
from workbench.verbs.ask import AskVerbs

if TYPE_CHECKING:
    from llama_index.core import VectorStoreIndex
    from llama_index.core.llms import LLM
    from llama_index.core.retrievers import BaseRetriever


class LlamaIndexVerbs(AskVerbs):
    """The corpus and the models as LlamaIndex knows them."""

    def as_retriever(self, k: int = 10) -> BaseRetriever:
        """A LlamaIndex retriever over this session's corpus; each retrieval is a governed run."""
        from workbench.store.llama_index import as_retriever

        return as_retriever(self._hits, k=k)

    def as_index(self) -> VectorStoreIndex:
        """A read-only LlamaIndex index over this session's corpus, governed like the rest."""
        from workbench.models.llama_index import as_embedding
        from workbench.store.llama_index import as_index

        workbench = self._workbench
        embedding = as_embedding(
            workbench.models, self._llama_index_run, mask=workbench.masker.mask_text
        )
        return as_index(self._hits, embedding=embedding)

    def as_llm(self) -> LLM:
        """The chat model as a LlamaIndex LLM, for ``as_index().as_query_engine(llm=...)``.

        Prompts are masked like questions.
        """
        from workbench.models.llama_index import as_llm

        workbench = self._workbench
        return as_llm(workbench.models, self._llama_index_run, mask=workbench.masker.mask_text)

    def _hits(self, query: str, k: int) -> Sequence[Hit]:
        return self.search(query, k).hits

    def _llama_index_run(self) -> AbstractContextManager[Run]:
        return self._run(Action.ASK, "llama_index")
