"""Ten thousand random searches by scope and filter, against an oracle that looks at every chunk."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path
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
from workbench.values import Actor, Chunk, MaskedDocument, Scope

MODEL = EmbeddingInfo("fake", "sha256:one", 8)
LABELS = ["red", "green", "blue", "it's; --"]
WORDS = ["zab", "qux", "vop", "kri", "mul", "tez"]
WORLDS, SCENES, SEARCHES = 2, 125, 40
"""Two corpora, so many pairs of scope and filter in each, so many searches with each pair."""


@dataclass(frozen=True)
class Row:
    """A chunk as the oracle knows it."""

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


@pytest.mark.slow
def test_ten_thousand_searches_find_what_an_oracle_finds(tmp_path: Path) -> None:
    rng = random.Random(20261124)
    cases = nonempty = 0
    for world in range(WORLDS):
        corpus = Corpus(tmp_path / str(world))
        rows = filled(corpus, rng)
        for _ in range(SCENES):
            scope, where = random_scope(rng), random_where(rng)
            run = Run(Actor("bob", "viewer", scope), Action.SEARCH, scope, Budget(1, 1e6))
            allowed = {
                i: row
                for i, row in rows.items()
                if scope.sees(row.label, row.uri) and passes(where, row)
            }
            for _ in range(SEARCHES):
                cases += 1
                mode: Mode = rng.choice(["keyword", "vector", "hybrid"])
                text = " ".join(rng.choices(WORDS, k=rng.randint(1, 3)))
                vector = np.array([rng.choice([-1, 0, 1, 2]) for _ in range(8)], np.float32)
                vector[rng.randrange(8)] += 3
                query = SearchQuery(text, vector, 1_000, mode, MODEL.digest, where)
                found = [hit.chunk.id for hit in corpus.search(run, query)]
                words = set(text.split())
                matched = {i for i, row in allowed.items() if words & row.words}
                nonempty += bool(found)
                if mode == "keyword":
                    assert (set(found), len(found)) == (matched, len(matched)), (scope, where)
                elif mode == "hybrid":
                    assert (set(found), len(found)) == (set(allowed), len(allowed)), (scope, where)
                else:
                    unit = vector / np.linalg.norm(vector)
                    cosine = {i: round(float(row.vector @ unit), 5) for i, row in allowed.items()}
                    assert set(found) == set(allowed), (scope, where)
                    ranked = [cosine[i] for i in found]
                    assert ranked == sorted(ranked, reverse=True), (scope, where)
    assert cases == 10_000
    assert 4_000 < nonempty < 9_500  # neither everything nor nothing is visible
