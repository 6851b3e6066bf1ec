from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from llama_index.core.embeddings import MockEmbedding
from llama_index.core.llms import MockLLM
from llama_index.core.schema import TextNode
from llama_index.core.vector_stores import MetadataFilter, MetadataFilters

from workbench.errors import UsageError
from workbench.guard.policy import Action
from workbench.guard.run import Run
from workbench.store.corpus import Corpus
from workbench.store.filters import Filter, Op, Where
from workbench.store.llama_index import as_index, as_retriever, as_vector_store
from workbench.store.llama_nodes import IncomingNode
from workbench.store.nodes import MaskedNode, NodeQuery
from workbench.store.records import SearchQuery
from workbench.values import Hit


@dataclass
class ReadOnlyDoors:
    """What a session does behind a vector store without a label, in the scope of one run."""

    corpus: Corpus
    run_for: Callable[..., Run]
    asked: list[NodeQuery] = field(default_factory=list)

    def add(self, nodes: Sequence[IncomingNode]) -> None:
        raise UsageError("this vector store is read-only", next_step="Give a label.")

    def remove(self, where: Filter) -> None:
        raise UsageError("this vector store is read-only", next_step="Give a label.")

    def find(self, where: Filter) -> Sequence[MaskedNode]:
        return self.corpus.nodes.find(self.run_for("hr"), None, where)

    def query(self, wanted: NodeQuery) -> Sequence[tuple[Hit, str | None]]:
        self.asked.append(wanted)
        run = self.run_for("hr", action=Action.SEARCH)
        query = SearchQuery(wanted.text, k=wanted.k, mode="keyword", where=wanted.where)
        return [(hit, None) for hit in self.corpus.search(run, query)]


@pytest.fixture
def doors(corpus: Corpus, run_for, put) -> ReadOnlyDoors:
    put("policy", "travel policy", "sick leave", label="hr")
    put("other", "travel costs", label="hr")
    put("secret", "travel secrets", label="legal")
    return ReadOnlyDoors(corpus, run_for)


@pytest.fixture
def search(doors: ReadOnlyDoors):
    def hits(text: str, k: int):
        where = Where("uri", Op.NE, "other")
        return [hit for hit, _ in doors.query(NodeQuery(text, k=k, where=where))]

    return hits


@pytest.fixture
def index(doors: ReadOnlyDoors):
    store = as_vector_store(doors, is_embedding_query=False)
    return as_index(store, embedding=MockEmbedding(embed_dim=3))


def test_nodes_lead_back_to_the_words(search, corpus: Corpus, run_for) -> None:
    (found,) = as_retriever(search, k=5).retrieve("travel")
    where = found.metadata
    assert (where["document"], where["uri"], where["page"]) == ("policy", "policy", None)
    text = corpus.document(run_for("*"), where["document_id"]).text
    assert text[where["start"] : where["end"]] == found.text == "travel policy"
    assert found.score is not None


def test_scope_holds_through_every_door(search, index) -> None:
    for retriever in (as_retriever(search), index.as_retriever(similarity_top_k=10)):
        found = {node.text for node in retriever.retrieve("travel secrets")}
        assert "travel policy" in found <= {"travel policy", "travel costs"}
        again = asyncio.run(retriever.aretrieve("travel"))
        assert {node.text for node in again} == found


def test_a_query_engine_answers_from_the_corpus(index) -> None:
    answer = index.as_query_engine(llm=MockLLM(), similarity_top_k=1).query("sick leave")
    assert [node.text for node in answer.source_nodes] == ["sick leave"]
    assert "sick leave" in str(answer)


@pytest.mark.parametrize("llm", [None, "default", "local"])
def test_no_model_is_reached_for_by_default(index, llm) -> None:
    with pytest.raises(UsageError, match="llm="):
        index.as_query_engine(llm=llm)


def test_the_index_is_read_only(index, corpus: Corpus, run_for) -> None:
    for change in (
        lambda: index.insert_nodes([TextNode(text="x", embedding=[1, 0, 0])]),
        lambda: index.delete_ref_doc("document-1"),
    ):
        with pytest.raises(UsageError, match="read-only"):
            change()
    assert corpus.version(run_for("*")) == 3


def test_an_index_asks_by_words_and_meaning_within_filters(index, doors) -> None:
    filters = MetadataFilters(filters=[MetadataFilter(key="document", value="policy")])
    found = index.as_retriever(filters=filters).retrieve("travel")
    assert [node.text for node in found] == ["travel policy"]
    assert [asked.mode for asked in doors.asked] == ["hybrid"]


def test_llama_index_settings_stay_untouched(repo_root: Path) -> None:
    script = """
from llama_index.core import Settings
from llama_index.core.embeddings import MockEmbedding
from workbench.store.llama_index import as_index, as_retriever, as_vector_store
class Doors:
    def query(self, wanted): return []
store = as_vector_store(Doors(), is_embedding_query=False)
index = as_index(store, embedding=MockEmbedding(embed_dim=3))
assert index.as_retriever().retrieve("x") == as_retriever(lambda text, k: []).retrieve("x") == []
assert Settings._llm is None and Settings._embed_model is None, "a global model was set"
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=repo_root,
        env={**os.environ, "OPENAI_API_KEY": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
