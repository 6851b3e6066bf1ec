from __future__ import annotations

import json

import numpy as np
import pytest

from workbench.errors import AccessDenied, StoreError, UsageError
from workbench.guard.policy import Action
from workbench.store.corpus import Corpus
from workbench.store.filters import AllOf, Op, Where
from workbench.store.nodes import MaskedNode, node_uri
from workbench.store.records import EmbeddingInfo

MODEL = EmbeddingInfo("fake", "sha256:one", 3)
ALL = AllOf(())


def node(node_id: str, text: str = "words", source: str = "s", **metadata: object) -> MaskedNode:
    return MaskedNode(node_id, source, "a name", text, metadata, json.dumps({"mimetype": "x"}))


@pytest.fixture
def add(corpus: Corpus, run_for):
    def store(*nodes: MaskedNode, label: str = "hr", vectors=None) -> None:
        rows = np.eye(3, dtype=np.float32)[[i % 3 for i in range(len(nodes))]]
        rows = rows if vectors is None else np.array(vectors, np.float32)
        corpus.nodes.put(run_for("*"), nodes, label=label, vectors=rows, embedding=MODEL)

    return store


def found(corpus: Corpus, run, label: str | None = "hr", where=ALL) -> list[str]:
    return [one.node_id for one in corpus.nodes.find(run, label, where)]


def test_nodes_come_back_as_they_were_put(corpus: Corpus, run_for, add) -> None:
    given = node("a", "some words", tags=["x", 1], nested={"deep": None}, size=2.5)
    add(given)
    (back,) = corpus.nodes.find(run_for("hr", action=Action.READ), "hr", ALL)
    assert back == given
    (info,) = corpus.documents(run_for("hr"))
    assert (info.uri, info.name, info.chunks) == (node_uri("hr", "a"), "a name", 1)
    assert corpus.document(run_for("hr"), info.id).text == "some words"


def test_a_node_replaces_its_former_version(corpus: Corpus, run_for, add) -> None:
    add(node("a", "old"), node("b"))
    add(node("a", "first"), node("a", "new"))
    assert {n.node_id: n.text for n in corpus.nodes.find(run_for("hr"), "hr", ALL)} == {
        "b": "words",
        "a": "new",
    }
    add(node("a", "elsewhere"), label="legal")
    assert found(corpus, run_for("*")) == ["b", "a"]
    assert found(corpus, run_for("*"), None) == ["b", "a", "a"]


def test_a_batch_is_one_version(corpus: Corpus, run_for, add) -> None:
    add(*(node(f"n{i}") for i in range(50)))
    assert corpus.version(run_for("*")) == 1
    assert corpus.health().problems == ()


def test_scope_and_label_hold(corpus: Corpus, run_for, add) -> None:
    add(node("a"))
    add(node("b"), label="legal")
    assert found(corpus, run_for("legal"), "hr") == []
    assert found(corpus, run_for("legal"), None) == ["b"]
    assert found(corpus, run_for(), None) == []
    for label, run in (("hr", run_for("legal")), ("hr", run_for("hr", action=Action.READ))):
        with pytest.raises(AccessDenied):
            corpus.nodes.remove(run, label, ALL)
        with pytest.raises(AccessDenied):
            corpus.nodes.put(run, [node("x")], label=label, vectors=np.eye(3)[:1], embedding=MODEL)


def test_removal_takes_what_the_filter_says_and_no_files(corpus: Corpus, run_for, add, put) -> None:
    put("file", "from a file", label="hr")
    add(node("a", source="one", kind="x"), node("b", source="two", kind="x"), node("c", kind="y"))
    run = run_for("hr", action=Action.REMOVE)
    assert corpus.nodes.remove(run, "hr", Where("metadata.kind", Op.EQ, "z")) == 0
    version = corpus.version(run)
    assert corpus.nodes.remove(run, "hr", Where("metadata._ref_doc_id", Op.EQ, "one")) == 1
    assert corpus.version(run) == version + 1
    assert found(corpus, run) == ["b", "c"]
    assert corpus.nodes.remove(run, "hr", ALL) == 2
    assert [info.uri for info in corpus.documents(run)] == ["file"]


def test_unfit_vectors_store_nothing(corpus: Corpus, run_for, add) -> None:
    for vectors in ([[1, 0]], [[0, 0, 0]], [[np.nan, 0, 1]], [[1, 0, 0], [0, 1, 0]]):
        with pytest.raises(UsageError):
            add(node("a"), vectors=vectors)
    assert corpus.version(run_for("*")) == 0


def test_extras_are_kept_for_documents_in_scope(corpus: Corpus, run_for, add, put) -> None:
    add(node("a", kind="x"))
    number = put("file", "from a file", label="hr")
    ids = [info.id for info in corpus.documents(run_for("hr"))]
    kept = corpus.nodes.extras(run_for("hr"), [*ids, 999])
    assert {key: json.loads(value)["extras"] for key, value in kept.items()} == {
        number: None,
        next(i for i in ids if i != number): {"mimetype": "x"},
    }


def test_who_was_forgotten_on_the_way_is_not_stored(corpus: Corpus, run_for, add) -> None:
    corpus._database.write(
        lambda c: c.execute("INSERT INTO store.retired VALUES ('PERSON', 17, FALSE)")
    )
    for given in (
        node("a", "about <PERSON_17>"),
        node("a", author="<PERSON_17>"),
        MaskedNode("a", "s", "<PERSON_17>", "words", {}),
    ):
        with pytest.raises(StoreError, match="was forgotten"):
            add(given)
    add(node("b", "about <PERSON_18>"))
    assert found(corpus, run_for("*")) == ["b"]
