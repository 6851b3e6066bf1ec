from __future__ import annotations

import numpy as np
import pytest

from tests.store.conftest import MODEL
from workbench.errors import AccessDenied, EmbeddingMismatch, UsageError
from workbench.guard.policy import Action
from workbench.store.records import EmbeddingInfo, SearchQuery

OTHER = EmbeddingInfo("other", "sha256:two", 4)


@pytest.fixture
def run(run_for):
    return run_for("*", action=Action.REEMBED, role="admin")


def first(corpus, run_for, vector, model) -> list[str]:
    query = SearchQuery(
        "", np.array(vector, np.float32), k=5, mode="vector", embedding=model.digest
    )
    hits = corpus.search(run_for("*", action=Action.SEARCH), query)
    return [hit.chunk.text for hit in hits]


def embed(corpus, run, limit: int) -> int:
    waiting = corpus.reembedding.waiting(run, OTHER, limit=limit)
    if waiting:
        rows = np.eye(4, dtype=np.float32)[[chunk.chunk_id % 4 for chunk in waiting]]
        corpus.reembedding.keep(run, OTHER, waiting, rows)
    return len(waiting)


def test_all_change_at_once_and_nothing_before(corpus, put, run_for, run, tmp_path) -> None:
    put("a.txt", "one", "two", vectors=[[1, 0, 0], [0, 1, 0]])
    put("b.txt", "three")
    assert first(corpus, run_for, [0, 1, 0], MODEL)[0] == "two"
    assert embed(corpus, run, limit=2) == 2
    assert corpus.reembedding.switch(run, OTHER) is None
    assert first(corpus, run_for, [0, 1, 0], MODEL)[0] == "two"
    with pytest.raises(EmbeddingMismatch):
        first(corpus, run_for, [1, 0, 0, 0], OTHER)
    put("c.txt", "four")
    assert [embed(corpus, run, limit=2), embed(corpus, run, limit=2)] == [2, 0]
    assert corpus.reembedding.switch(run, OTHER) == 3
    for number, text in enumerate(("four", "one", "two", "three")):
        assert first(corpus, run_for, np.eye(4)[number], OTHER)[0] == text
    with pytest.raises(EmbeddingMismatch):
        first(corpus, run_for, [0, 1, 0], MODEL)
    assert not (tmp_path / "workspace/vectors/1.json").exists()
    put("d.txt", "five", model=OTHER, vectors=[[0, 0, 0.9, 0.1]])
    assert set(first(corpus, run_for, [0, 0, 1, 0], OTHER)[:2]) == {"two", "five"}


def test_replaced_documents_change_too(corpus, put, run_for, run) -> None:
    put("a.txt", "old")
    put("a.txt", "new")
    assert embed(corpus, run, limit=10) == 2
    assert corpus.reembedding.switch(run, OTHER) == 2


def test_the_same_model_changes_nothing(corpus, put, run, run_for) -> None:
    put("a.txt", "one")
    assert corpus.reembedding.waiting(run, MODEL, limit=5) == ()
    assert corpus.reembedding.switch(run, MODEL) == 0
    assert first(corpus, run_for, [1, 0, 0], MODEL) == ["one"]


def test_back_and_forth(corpus, put, run, run_for) -> None:
    """An index of the first number must not be taken for that of the later one."""
    put("a.txt", "one", "two", vectors=[[1, 0, 0], [0, 1, 0]])
    assert first(corpus, run_for, [0, 1, 0], MODEL)[0] == "two"
    embed(corpus, run, limit=10)
    corpus.reembedding.switch(run, OTHER)
    put("b.txt", "three", model=OTHER, vectors=[[0, 0, 0, 1]])
    waiting = corpus.reembedding.waiting(run, MODEL, limit=10)
    rows = np.eye(3, dtype=np.float32)[[0, 1, 2]]
    corpus.reembedding.keep(run, MODEL, waiting, rows)
    assert corpus.reembedding.switch(run, MODEL) == 2
    assert first(corpus, run_for, [0, 0, 1], MODEL)[0] == "three"
    assert first(corpus, run_for, [0, 1, 0], MODEL)[0] == "two"


def test_a_vector_without_direction_is_refused(corpus, put, run) -> None:
    put("a.txt", "one")
    waiting = corpus.reembedding.waiting(run, OTHER, limit=5)
    for bad in (np.zeros((1, 4), np.float32), np.full((1, 4), np.nan, np.float32)):
        with pytest.raises(UsageError, match="zero or holds"):
            corpus.reembedding.keep(run, OTHER, waiting, bad)


def test_only_who_sees_everything_may(corpus, put, run_for) -> None:
    put("a.txt", "one")
    for run in (
        run_for("internal", action=Action.REEMBED, role="admin"),
        run_for("*", action=Action.READ, role="admin"),
    ):
        with pytest.raises(AccessDenied):
            corpus.reembedding.waiting(run, OTHER, limit=5)
        with pytest.raises(AccessDenied):
            corpus.reembedding.keep(run, OTHER, (), np.empty((0, 4), np.float32))
        with pytest.raises(AccessDenied):
            corpus.reembedding.switch(run, OTHER)
