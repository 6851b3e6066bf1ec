from __future__ import annotations

import os
import random
from dataclasses import dataclass

import numpy as np
import pytest

from workbench.config import ModelsConfig
from workbench.errors import QueryError, StoreError, UsageError
from workbench.guard.audit import AuditEntry, Outcome
from workbench.guard.policy import Action
from workbench.models.server import connect
from workbench.store import keyword, payloads, search, vectors
from workbench.store.corpus import Corpus
from workbench.store.language import parse
from workbench.store.records import EmbeddingInfo, SearchQuery
from workbench.store.search import RANK_CONSTANT
from workbench.values import Chunk, MaskedDocument, Scope, Usage

LABELS = ("hr", "legal", "public", "it's")
WORDS = ("zebra", "quartz", "harbour", "violin", "meadow", "copper", "lantern", "saffron")
DIM = 3
ENTRY = AuditEntry(
    run_id="r1",
    actor="ana",
    role="analyst",
    action="search",
    resource="",
    outcome=Outcome.DONE,
    detail="allowed",
    usage=Usage(),
    model_calls=0,
    cache_hits=0,
    started_at="2026-01-02T03:04:05.678+02:00",
)


def ask(corpus: Corpus, run, text: str, vector=(1, 0, 0), **fields):
    return corpus.search(
        run, SearchQuery(text, np.array(vector, np.float32), embedding="sha256:one", **fields)
    )


def test_a_hit_carries_its_ranks_and_similarity(corpus: Corpus, run_for, put) -> None:
    put("both", "zebra crossing", vectors=[(1, 0, 0)])
    put("words", "zebra zebra", vectors=[(0, 1, 0)])
    put("meaning", "striped horse", vectors=[(0.6, 0.8, 0)])
    hits = {hit.document: hit for hit in ask(corpus, run_for("*"), "zebra", k=3)}
    assert next(iter(hits)) == "both"
    assert (hits["words"].keyword_rank, hits["words"].vector_rank) == (1, 3)
    assert hits["words"].similarity == 0
    assert (hits["meaning"].keyword_rank, hits["meaning"].vector_rank) == (None, 2)
    assert hits["meaning"].similarity == pytest.approx(0.6)
    expected = 1 / (RANK_CONSTANT + 2) + 1 / (RANK_CONSTANT + 1)
    assert hits["both"].score == pytest.approx(expected)


def test_the_mode_decides_what_is_searched(corpus: Corpus, run_for, put) -> None:
    put("words", "zebra", vectors=[(0, 1, 0)])
    put("meaning", "horse", vectors=[(1, 0, 0)])
    run = run_for("*")
    keyword = ask(corpus, run, "zebra", mode="keyword")
    assert [(h.document, h.similarity, h.vector_rank) for h in keyword] == [("words", None, None)]
    vector = ask(corpus, run, "zebra", mode="vector")
    assert [(h.document, h.keyword_rank) for h in vector] == [("meaning", None), ("words", None)]


@pytest.mark.parametrize(
    "fields",
    [
        {"vector": None},
        {"vector": np.array([np.nan, 0, 0])},
        {"vector": np.zeros(3)},
        {"vector": np.ones(4)},
        {"vector": np.ones((1, 3))},
        {"vector": np.ones(0)},
        {"embedding": ""},
        {"k": 0},
        {"k": 10_001},
    ],
)
def test_an_unusable_query_is_refused(corpus: Corpus, run_for, put, fields) -> None:
    put("a", "zebra")
    good = {"vector": np.array([1, 0, 0]), "embedding": "sha256:one"}
    with pytest.raises(UsageError):
        corpus.search(run_for("*"), SearchQuery("zebra", **{**good, **fields}))


def test_an_unknown_mode_is_refused(corpus: Corpus, run_for) -> None:
    with pytest.raises(QueryError, match="fuzzy"):
        ask(corpus, run_for("*"), "zebra", mode="fuzzy")


def test_an_empty_workspace_has_no_hits(corpus: Corpus, run_for) -> None:
    assert ask(corpus, run_for("*"), "zebra") == ()


@dataclass
class Row:
    document_id: int
    label: str
    words: frozenset[str]
    vector: np.ndarray


def test_random_labels_and_scopes_match_a_brute_force_oracle(corpus: Corpus, run_for, put) -> None:
    """Documents are added, replaced and removed; after each step searches equal the oracle's."""
    rng = random.Random(7)
    alive: dict[str, Row] = {}
    cases = 0
    for _ in range(30):
        uri = f"file-{rng.randrange(15)}"
        if uri in alive and rng.random() < 0.3:
            corpus.remove(run_for("*"), uri)
            del alive[uri]
        else:
            words = frozenset(rng.sample(WORDS, rng.randint(1, 4)))
            vector = np.array([rng.choice((-2, -1, 0, 1, 2)) for _ in range(DIM)] + [1])[:DIM]
            vector = vector if vector.any() else np.array([1, 1, 1])
            label = rng.choice(LABELS)
            number = put(uri, " ".join(sorted(words)), label=label, vectors=[vector])
            alive[uri] = Row(number, label, words, vector / np.linalg.norm(vector))
        for _ in range(6):
            cases += check_one(corpus, run_for, alive, rng)
    assert cases == 180


def check_one(corpus: Corpus, run_for, alive: dict[str, Row], rng: random.Random) -> int:
    labels = ("*",) if rng.random() < 0.2 else tuple(rng.sample(LABELS, rng.randint(0, 4)))
    run = run_for(*labels, action=Action.SEARCH)
    scope: Scope = run.scope
    asked = rng.sample(WORDS, rng.randint(1, 3))
    vector = np.array([rng.choice((-1, 0, 1)) for _ in range(DIM)])
    vector = vector if vector.any() else np.array([0, 1, 0])
    visible = [row for row in alive.values() if scope.allows(row.label)]

    found = ask(corpus, run, " ".join(asked), vector, mode="keyword", k=50)
    expected = {row.document_id for row in visible if row.words & set(asked)}
    assert {hit.chunk.document_id for hit in found} == expected

    k = rng.randint(1, 8)
    found = ask(corpus, run, "", vector, mode="vector", k=k)
    unit = vector / np.linalg.norm(vector)
    true = {row.document_id: float(row.vector @ unit) for row in visible}
    got = {hit.chunk.document_id: hit.similarity for hit in found}
    assert len(got) == len(found) == min(k, len(true))
    assert got == {number: pytest.approx(true[number], abs=1e-5) for number in got}
    assert list(got.values()) == pytest.approx(sorted(true.values(), reverse=True)[:k], abs=1e-5)

    found = ask(corpus, run, " ".join(asked), vector, k=50)
    assert {hit.chunk.document_id for hit in found} == {row.document_id for row in visible}
    return 1


@pytest.mark.models
def test_real_embeddings_find_what_words_do_not(corpus: Corpus, run_for) -> None:
    models = connect(ModelsConfig(), env=os.environ)
    texts = [
        "Employees may stay at home when they are ill.",
        "The canteen serves soup on Fridays.",
        "Invoices are paid within thirty days.",
        "Visitors sign the book at the entrance.",
    ]
    run = run_for("*")
    try:
        vectors = models.embed(run, [*texts, "sick leave rules"])
        digest = models.digest(models.config.embedding)
    finally:
        models.close()
    starts = [sum(map(len, texts[:i])) for i in range(len(texts))]
    corpus.put(
        run,
        MaskedDocument("a", "a", "text/plain", "h", "".join(texts)),
        [Chunk(i, starts[i], starts[i] + len(t), t) for i, t in enumerate(texts)],
        vectors=vectors[:-1],
        fingerprint="f",
        embedding=EmbeddingInfo(models.config.embedding, digest, vectors.shape[1]),
    )
    query = SearchQuery("sick leave rules", vectors[-1], k=2, embedding=digest)
    first, second = corpus.search(run, query)
    assert first.chunk.text == texts[0]
    assert first.similarity is not None
    assert second.similarity is not None
    assert first.similarity > second.similarity


def test_own_audit_rows_do_not_make_a_search_look_again(
    corpus: Corpus, run_for, put, monkeypatch
) -> None:
    put("a", "zebra crossing")
    run, other = run_for("*"), Corpus(corpus._database.folder)
    reads = []
    read = corpus._database.read
    monkeypatch.setattr(corpus._database, "read", lambda work: reads.append(work) or read(work))
    assert len(ask(corpus, run, "zebra")) == 1
    for _ in range(3):
        corpus.ledger.record(ENTRY)
        reads.clear()
        assert len(ask(corpus, run, "zebra")) == 1
        assert corpus.metadata_keys(run) == frozenset()
        assert len(reads) <= 1
    assert reads == []
    # What this process cannot know is looked up.
    other.ledger.record(ENTRY)
    assert len(ask(corpus, run, "zebra")) == 1
    assert reads
    put("b", "zebra finch")
    corpus.ledger.record(ENTRY)
    assert len(ask(corpus, run, "zebra")) == 2
    reads.clear()
    other.reviews._database.write(lambda c: c.execute("UPDATE store.corpus SET token = 'else'"))
    assert len(ask(corpus, run, "zebra")) == 2
    assert reads


def test_what_another_process_brought_up_to_date_is_taken_as_it_is(
    corpus: Corpus, run_for, put, monkeypatch
) -> None:
    """Its first search after a commit opens the workspace to look at it, and for nothing else."""
    put("a", "zebra")
    other = Corpus(corpus._database.folder)
    for mode in ("hybrid", "keyword", "vector"):
        ask(other, run_for("*"), "zebra", mode=mode)
    put("b", "zebra crossing")
    expected = [hit.document for hit in ask(corpus, run_for("*"), "zebra")]

    def unneeded(*_: object) -> None:
        raise AssertionError("there is nothing to catch up with")

    for module in (keyword, payloads, vectors):
        monkeypatch.setattr(module, "changes_since", unneeded)
    assert [hit.document for hit in ask(other, run_for("*"), "zebra")] == expected


def test_what_a_search_recalls_may_be_gone(corpus: Corpus, run_for, put, monkeypatch) -> None:
    put("a", "zebra")
    ask(corpus, run_for("*"), "zebra")
    real, failed = corpus._search._rank, []

    def once(*given: object) -> object:
        if not failed:
            failed.append(True)
            raise StoreError("the vectors of a former model are gone", next_step="Try again.")
        return real(*given)

    monkeypatch.setattr(corpus._search, "_rank", once)
    assert [hit.document for hit in ask(corpus, run_for("*"), "zebra")] == ["a"]
    assert failed
    failed.clear()
    with pytest.raises(StoreError, match="former model"):
        ask(corpus, run_for("*"), "another query by keywords", mode="keyword", k=3)


def test_many_required_chunks_are_scored_in_parts(
    corpus: Corpus, run_for, put, monkeypatch
) -> None:
    rng = np.random.default_rng(3)
    for number in range(30):
        put(f"u{number}", "zebra crossing", vectors=[rng.normal(size=3)])
    must = parse("+zebra", frozenset)

    def found() -> list[tuple[int, float | None]]:
        hits = ask(corpus, run_for("*"), "zebra", match=must.match, k=7, mode="vector")
        return [(hit.chunk.id, hit.similarity) for hit in hits]

    whole = found()
    assert len(whole) == 7
    monkeypatch.setattr(search, "_SCORED_TOGETHER", 4)
    assert found() == whole


def test_an_empty_workspace_is_asked_for_its_version_until_it_is_not(
    corpus: Corpus, run_for, put, monkeypatch
) -> None:
    run = run_for("*", action=Action.SEARCH)
    assert corpus.is_empty(run)
    put("a", "zebra")
    assert not corpus.is_empty(run)
    monkeypatch.setattr(corpus._database, "read", None)
    assert not corpus.is_empty(run)
    assert corpus.is_empty(run_for("*", action=Action.SEARCH, version=0))
