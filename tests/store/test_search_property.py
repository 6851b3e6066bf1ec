"""Ten thousand random scopes and filters, and searches within them, against an oracle in Python."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from tests.store.test_filters import holds, random_filter, random_metadata
from workbench.guard.budget import Budget
from workbench.guard.policy import Action
from workbench.guard.run import Run
from workbench.store.corpus import Corpus
from workbench.store.filters import AllOf, AnyOf, Filter, Not, Op, Where
from workbench.store.records import EmbeddingInfo, Mode, SearchQuery
from workbench.store.visible import visible
from workbench.values import Actor, Chunk, MaskedDocument, Scope

MODEL = EmbeddingInfo("fake", "sha256:one", 8)
LABELS = ["red", "green", "blue", "it's; --"]
WORDS = ["zab", "qux", "vop", "kri", "mul", "tez"]
WORLDS, PAIRS, SCENES, SEARCHES = 2, 5_000, 40, 25
"""Two corpora; in each so many pairs of scope and filter, and so many with so many searches."""


@dataclass(frozen=True)
class Row:
    """A chunk as the oracle knows it."""

    document_id: int
    uri: str
    label: str
    metadata: dict[str, Any]
    words: frozenset[str]
    vector: np.ndarray


def filled(corpus: Corpus, rng: random.Random) -> dict[int, Row]:
    """Documents of which some are replaced, moved to another label, or removed."""
    everything = Scope(unrestricted=True)
    run = Run(Actor("ana", "analyst", everything), Action.INGEST, everything, Budget(1, 1e6))
    documents: dict[str, tuple[MaskedDocument, np.ndarray]] = {}
    for step in range(60):
        uri = f"file-{rng.randrange(45)}"
        if step % 9 == 8 and uri in documents:
            corpus.remove(run, uri)
            del documents[uri]
            continue
        texts = [
            " ".join(rng.choices(WORDS, k=rng.randint(1, 4))) for _ in range(rng.randint(1, 2))
        ]
        starts = np.cumsum([0, *[len(text) + 1 for text in texts]])
        chunks = [
            Chunk(at, int(starts[at]), int(starts[at]) + len(text), text)
            for at, text in enumerate(texts)
        ]
        document = MaskedDocument(
            *(uri, uri, "text/plain", "hash", "\n".join(texts)),
            label=rng.choice(LABELS),
            metadata=random_metadata(rng),
        )
        vectors = np.array(
            [[rng.choice([-1, 0, 1, 2]) for _ in range(8)] for _ in texts], np.float32
        )
        vectors[:, 0] += 5
        corpus.put(run, document, chunks, vectors=vectors, fingerprint="f", embedding=MODEL)
        documents[uri] = document, vectors
    hits = corpus.search(run, SearchQuery("", np.ones(8), 1_000, "vector", MODEL.digest))
    rows = {}
    for hit in hits:
        document, vectors = documents[hit.uri]
        vector = vectors[hit.chunk.ordinal]
        rows[hit.chunk.id] = Row(
            hit.chunk.document_id,
            hit.uri,
            document.label,
            dict(document.metadata),
            frozenset(hit.chunk.text.split()),
            (vector / np.linalg.norm(vector.astype(np.float64))).astype(np.float32),
        )
    assert {row.uri for row in rows.values()} == set(documents)
    return rows


def random_scope(rng: random.Random) -> Scope:
    if rng.random() < 0.15:
        return Scope(unrestricted=True)
    uris = rng.sample([f"file-{i}" for i in range(45)], rng.choice([0, 0, 1, 5]))
    labels = rng.sample([*LABELS, "none"], rng.randrange(4))
    return Scope(frozenset(labels), documents=frozenset(uris))


def random_where(rng: random.Random) -> Filter | None:
    kind = rng.random()
    if kind < 0.2:
        return None
    label: Filter = Where("label", rng.choice([Op.EQ, Op.NE, Op.GT]), rng.choice(LABELS))
    name = Where("name", Op.IN, [f"file-{rng.randrange(45)}" for _ in range(9)])
    if kind < 0.4:
        return rng.choice([label, name, Not(name), AnyOf((label, name)), AllOf(())])
    tree = random_filter(rng)
    return tree if kind < 0.8 else rng.choice([AllOf((tree, label)), AnyOf((Not(tree), name))])


def passes(tree: Filter | None, row: Row) -> bool:
    if tree is None:
        return True
    if isinstance(tree, Not):
        return not passes(tree.part, row)
    if isinstance(tree, AllOf):
        return all(passes(part, row) for part in tree.parts)
    if isinstance(tree, AnyOf):
        return any(passes(part, row) for part in tree.parts)
    assert isinstance(tree, Where)
    if tree.field in ("label", "name"):
        found = row.label if tree.field == "label" else row.uri
        return holds(Where("metadata.column", tree.op, tree.value), {"column": found})
    return holds(tree, row.metadata)


def permitted(rows: dict[int, Row], scope: Scope, where: Filter | None) -> dict[int, Row]:
    return {
        i: row for i, row in rows.items() if scope.sees(row.label, row.uri) and passes(where, row)
    }


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Corpus, dict[int, Row]]]:
    corpora = [Corpus(tmp_path_factory.mktemp("world")) for _ in range(WORLDS)]
    return [(corpus, filled(corpus, random.Random(at))) for at, corpus in enumerate(corpora)]


@pytest.mark.slow
def test_ten_thousand_scopes_and_filters_show_what_an_oracle_shows(
    worlds: list[tuple[Corpus, dict[int, Row]]],
) -> None:
    rng = random.Random(20261124)
    partly = 0
    for corpus, rows in worlds:
        everything = {row.document_id for row in rows.values()}
        cases = [(random_scope(rng), random_where(rng)) for _ in range(PAIRS)]

        def look(connection: Any, cases: Any = cases) -> list[Any]:
            return [visible(connection, scope, where=where) for scope, where in cases]

        for (scope, where), found in zip(cases, corpus._database.read(look), strict=True):
            wanted = {row.document_id for row in permitted(rows, scope, where).values()}
            shown = everything if found is None else set(found.tolist())
            assert shown == wanted, (scope, where)
            partly += 0 < len(wanted) < len(everything)
    assert partly > 0.3 * WORLDS * PAIRS


@pytest.mark.slow
def test_every_search_finds_what_an_oracle_finds(
    worlds: list[tuple[Corpus, dict[int, Row]]],
) -> None:
    rng = random.Random(4711)
    nonempty = 0
    for corpus, rows in worlds:
        for _ in range(SCENES):
            scope, where = random_scope(rng), random_where(rng)
            allowed = permitted(rows, scope, where)
            run = Run(Actor("bob", "viewer", scope), Action.SEARCH, scope, Budget(1, 1e6))
            for _ in range(SEARCHES):
                nonempty += agrees(corpus, run, where, allowed, rng)
    assert 0.3 < nonempty / (WORLDS * SCENES * SEARCHES) < 0.97


def agrees(
    corpus: Corpus, run: Run, where: Filter | None, allowed: dict[int, Row], rng: random.Random
) -> bool:
    """Search once and compare; whether anything was found."""
    mode: Mode = rng.choice(["keyword", "vector", "hybrid"])
    text = " ".join(rng.choices(WORDS, k=rng.randint(1, 3)))
    vector = np.array([rng.choice([-1, 0, 1, 2]) for _ in range(8)], np.float32)
    vector[rng.randrange(8)] += 3
    query = SearchQuery(text, vector, 1_000, mode, MODEL.digest, where)
    found = [hit.chunk.id for hit in corpus.search(run, query)]
    words = set(text.split())
    wanted = {i for i, row in allowed.items() if mode != "keyword" or words & row.words}
    assert (set(found), len(found)) == (wanted, len(wanted)), (run.scope, where, mode)
    if mode == "vector":
        unit = vector / np.linalg.norm(vector)
        # Equal to six digits, chunks go by their ids.
        ranked = np.array([float(allowed[i].vector @ unit) for i in found])
        assert (np.diff(ranked) < 2e-6).all(), (run.scope, where)
    return bool(found)
