from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from workbench.guard.budget import Budget
from workbench.guard.policy import Action
from workbench.guard.run import Run
from workbench.store.corpus import Corpus
from workbench.store.records import EmbeddingInfo
from workbench.values import Actor, Chunk, MaskedDocument, Scope

MODEL = EmbeddingInfo("fake", "sha256:one", 3)

RunFor = Callable[..., Run]
Put = Callable[..., int]


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    return Corpus(tmp_path / "workspace")


@pytest.fixture
def run_for() -> RunFor:
    def make(
        *labels: str,
        action: Action = Action.INGEST,
        role: str = "analyst",
        name: str = "ana",
        version: int | None = None,
    ) -> Run:
        scope = Scope(unrestricted=True) if labels == ("*",) else Scope(frozenset(labels))
        return Run(Actor(name, role, scope), action, scope, Budget(1_000, 60), version=version)

    return make


@pytest.fixture
def put(corpus: Corpus, put_into: Put) -> Put:
    """As ``put_into``, into the corpus of the test."""
    return partial(put_into, corpus)


@pytest.fixture
def put_into(run_for: RunFor) -> Put:
    """Store a document of one chunk per text; a vector per text, or the same one for all."""

    def store(
        corpus: Corpus,
        uri: str,
        *texts: str,
        label: str = "internal",
        vectors: Sequence[Sequence[float]] = ((1.0, 0.0, 0.0),),
        model: EmbeddingInfo = MODEL,
    ) -> int:
        chunks, start = [], 0
        for ordinal, text in enumerate(texts):
            chunks.append(Chunk(ordinal, start, start + len(text), text))
            start += len(text) + 1
        rows = list(vectors) if len(vectors) == len(texts) else list(vectors) * len(texts)
        document = MaskedDocument(uri, uri, "text/plain", "hash", "\n".join(texts), label)
        return corpus.put(
            run_for("*"),
            document,
            chunks,
            vectors=np.array(rows, np.float32),
            fingerprint=f"print of {uri}",
            embedding=model,
        )

    return store
