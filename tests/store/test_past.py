from __future__ import annotations

import random

import numpy as np
import pytest

from workbench.errors import EmbeddingMismatch
from workbench.guard.policy import Action
from workbench.store.corpus import Corpus
from workbench.store.filters import AllOf, Where
from workbench.store.nodes import MaskedNode
from workbench.store.records import EmbeddingInfo, SearchQuery

WORDS = ("zebra", "quartz", "harbour", "violin", "meadow", "copper", "lantern", "saffron")
LABELS = ("hr", "public")


def found(corpus: Corpus, run, text: str, **fields) -> list[tuple[object, ...]]:
    vector = np.array([1, 2, 3], np.float32)
    query = SearchQuery(text, vector, embedding="sha256:one", **fields)
    return [
        (hit.chunk.id, hit.document, hit.chunk.text, hit.similarity, hit.vector_rank)
        for hit in corpus.search(run, query)
    ]


@pytest.mark.parametrize("mode", ["hybrid", "keyword", "vector"])
def test_an_old_version_is_searched_as_it_was(corpus: Corpus, put, run_for, mode: str) -> None:
    rng = random.Random(7)

    def change() -> None:
        uri = f"u{rng.randrange(12)}"
        texts = [" ".join(rng.choices(WORDS, k=6)) for _ in range(rng.randint(1, 3))]
        vectors = [[rng.gauss(0, 1) for _ in range(3)] for _ in texts]
        label = LABELS[int(uri[1:]) % 2]
        put(uri, *texts, label=label, vectors=vectors)

    then = {}
    for _ in range(6):
        for _ in range(4):
            change()
        present = run_for("*", action=Action.SEARCH)
        then[corpus.version(present)] = {
            word: found(corpus, present, word, mode=mode, k=50) for word in WORDS
        }
    for version, results in then.items():
        past = run_for("*", action=Action.SEARCH, version=version)
        for word, before in results.items():
            now = found(corpus, past, word, mode=mode, k=50)
            # BM25 counts what was deleted until the index is merged, so only the order of close
            # matches may differ.
            assert sorted(now) == sorted(before)
            if mode == "vector":
                assert now == before


def test_an_old_version_shows_what_may_be_seen_now(corpus: Corpus, put, run_for) -> None:
    put("open", "zebra", label="public")
    put("moved", "zebra", label="public")
    put("gone", "zebra", label="public")
    put("moved", "zebra", label="hr")
    corpus.remove(run_for("*"), "gone")
    put("open", "quartz", label="public")
    vic = run_for("public", action=Action.SEARCH, version=3)
    assert {hit[1] for hit in found(corpus, vic, "zebra")} == {"open", "gone"}
    assert {hit[1] for hit in found(corpus, run_for("*", version=3), "zebra")} == {
        "open",
        "moved",
        "gone",
    }
    only = {"where": Where("name", "==", "gone")}
    assert {hit[1] for hit in found(corpus, vic, "zebra", **only)} == {"gone"}
    assert found(corpus, run_for(version=3), "zebra") == []
    assert found(corpus, run_for("*", version=0), "zebra") == []


def test_vectors_of_another_model_are_noticed(corpus: Corpus, put, run_for) -> None:
    put("a", "zebra")
    put("a", "zebra", model=EmbeddingInfo("other", "sha256:two", 3))
    with pytest.raises(EmbeddingMismatch, match="no vectors"):
        found(corpus, run_for("*", version=2), "zebra")
    past = run_for("*", version=2)
    assert len(found(corpus, past, "zebra", mode="keyword")) == 1
    assert len(found(corpus, run_for("*", version=1), "zebra")) == 1


def test_the_fields_of_an_old_version_are_those_that_documents_had_then(
    corpus: Corpus, run_for, put
) -> None:
    run = run_for("*")
    nodes = [MaskedNode("a", "s", "a name", "words", {"colour": "red"})]
    vectors, model = np.ones((1, 3), np.float32), EmbeddingInfo("fake", "sha256:one", 3)
    corpus.nodes.put(run, nodes, label="public", vectors=vectors, embedding=model)
    then = corpus.version(run_for("*", action=Action.SEARCH))
    corpus.nodes.remove(run, "public", AllOf(()))
    past = run_for("*", action=Action.SEARCH, version=then)
    assert "colour" in corpus.metadata_keys(past)
    assert "colour" not in corpus.metadata_keys(run_for("*", action=Action.SEARCH))
    assert "colour" not in corpus.metadata_keys(run_for("hr", action=Action.SEARCH, version=then))
