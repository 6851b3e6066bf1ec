from __future__ import annotations

import pytest

from workbench.store.corpus import Corpus


def test_a_workspace_in_order_has_counts_and_no_problems(corpus: Corpus, run_for, put) -> None:
    assert corpus.health().problems == ()
    put("a", "one", "two")
    put("a", "three", "four", "five")
    put("b", "gone")
    corpus.remove(run_for("*"), "b")
    health = corpus.health()
    assert (health.version, health.documents, health.chunks) == (4, 1, 3)
    assert health.problems == ()


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (
            "DELETE FROM store.chunks WHERE ordinal = 1",
            "1 documents have too few",
        ),
        ("DELETE FROM store.vectors_1 WHERE chunk_id = 1", "too many vectors"),
        ("UPDATE store.documents SET uri = 'a'", "1 sources have more than one"),
        ("UPDATE store.corpus SET version = 1", "1 documents belong to a version after 1"),
    ],
)
def test_contradictions_are_named(corpus: Corpus, put, damage: str, problem: str) -> None:
    put("a", "one", "two")
    put("b", "three")
    corpus._database.write(lambda c: c.execute(damage))
    (found,) = corpus.health().problems
    assert problem in found
