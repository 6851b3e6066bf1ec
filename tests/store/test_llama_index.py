from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest
from llama_index.core.embeddings import MockEmbedding
from llama_index.core.llms import MockLLM
from llama_index.core.schema import TextNode
from llama_index.core.vector_stores import MetadataFilter, MetadataFilters

from workbench.errors import UsageError
from workbench.guard.policy import Action
from workbench.store.corpus import Corpus
from workbench.store.llama_index import as_index, as_retriever
from workbench.store.records import SearchQuery


@pytest.fixture
def search(corpus: Corpus, run_for, put):
    put("policy", "travel policy", "sick leave", label="hr")
    put("secret", "travel secrets", label="legal")

    def hits(text: str, k: int):
        run = run_for("hr", action=Action.SEARCH)
        return corpus.search(run, SearchQuery(text, k=k, mode="keyword"))

    return hits


@pytest.fixture
def index(search):
    return as_index(search, embedding=MockEmbedding(embed_dim=3))


def test_nodes_lead_back_to_the_words(search, corpus: Corpus, run_for) -> None:
    (found,) = as_retriever(search, k=5).retrieve("travel")
    where = found.metadata
    assert (where["document"], where["uri"], where["page"]) == ("policy", "policy", None)
    text = corpus.document(run_for("*"), where["document_id"]).text
    assert text[where["start"] : where["end"]] == found.text == "travel policy"
    assert found.score is not None


def test_scope_holds_through_every_door(search, index) -> None:
    retrievers = (as_retriever(search), index.as_retriever(similarity_top_k=10))
    for retriever in retrievers:
        assert [node.text for node in retriever.retrieve("travel secrets")] == ["travel policy"]
        found = asyncio.run(retriever.aretrieve("travel"))
        assert [node.text for node in found] == ["travel policy"]


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
    assert corpus.version(run_for("*")) == 2


def test_filters_are_refused_instead_of_ignored(index) -> None:
    filters = MetadataFilters(filters=[MetadataFilter(key="label", value="hr")])
    with pytest.raises(UsageError, match="without filters"):
        index.as_retriever(filters=filters).retrieve("travel")


def test_llama_index_settings_stay_untouched(repo_root: Path) -> None:
    script = """
from llama_index.core import Settings
from llama_index.core.embeddings import MockEmbedding
from workbench.store.llama_index import as_index, as_retriever
index = as_index(lambda text, k: [], embedding=MockEmbedding(embed_dim=3))
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
