from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from workbench.errors import AccessDenied, StoreError
from workbench.guard.policy import Action
from workbench.guard.run import Run
from workbench.store.corpus import Corpus
from workbench.store.elsewhere import Batch, VectorServer, connect_server, place_of
from workbench.store.filters import AllOf, Op, Where
from workbench.store.records import EmbeddingInfo, SearchQuery

OTHER = EmbeddingInfo("other", "sha256:two", 4)


@pytest.fixture
def migrating(run_for) -> Run:
    made: Run = run_for("*", action=Action.MIGRATE, role="admin")
    return made


@pytest.fixture
def fill(put) -> None:
    rng = np.random.default_rng(1)
    for number in range(15):
        texts = [f"text {number} {part} word{number % 7}" for part in range(5)]
        label = ("hr", "legal", "public")[number % 3]
        put(f"file-{number}", *texts, label=label, vectors=rng.standard_normal((5, 3)))


def both(corpus: Corpus, url: str) -> tuple[Corpus, Corpus]:
    return corpus, Corpus(corpus._database.folder, vectors_at=url)


def test_a_migration_copies_and_verifies(fill, corpus: Corpus, migrating, server_url) -> None:
    report = corpus.moving.copy(migrating, server_url)
    (moved,) = report.moved
    assert (moved.model, moved.chunks, moved.dimensions, moved.queries) == ("fake", 75, 3, 20)
    assert len(moved.checksum) == 64
    assert moved.largest_difference < 2e-6
    assert report.corpus_version == 15
    again = corpus.moving.copy(migrating, server_url)
    assert again.moved[0].checksum == moved.checksum


@pytest.mark.slow
def test_searches_there_find_what_searches_here_find(
    fill, corpus: Corpus, put, run_for, server_url
) -> None:
    here, there = both(corpus, server_url)
    rng = np.random.default_rng(2)
    for case in range(20):
        if case == 10:  # Both follow a change: one document replaced, one taken out.
            put("file-0", "new words", label="hr", vectors=[[0.1, 0.2, 0.9]])
            corpus.remove(run_for("*"), "file-4")
        labels = [["*"], ["hr"], ["hr", "legal"], ["nothing"], []][case % 5]
        where = Where("uri", Op.CONTAINS, str(case % 4)) if case % 2 else AllOf(())
        query = SearchQuery(
            f"word{case % 7}",
            vector=rng.standard_normal(3).astype(np.float32),
            k=12,
            mode=("vector", "hybrid")[case % 2],
            embedding="sha256:one",
            where=where,
        )
        run = run_for(*labels, action=Action.SEARCH)
        ours, theirs = here.search(run, query), there.search(run, query)
        assert [hit.chunk.id for hit in theirs] == [hit.chunk.id for hit in ours]
        assert [hit.similarity for hit in theirs] == pytest.approx(
            [hit.similarity for hit in ours], abs=5e-6
        )
    there.close()


@pytest.mark.slow
def test_what_differs_is_told(fill, corpus: Corpus, migrating, server_url) -> None:
    corpus.moving.copy(migrating, server_url)
    server = connect_server(server_url)
    place = corpus._database.read(lambda c: place_of(c, 1, 3))
    held = list(server.rows(place))

    def refill(change) -> None:
        version = server.version(place)
        refilled(server, place, version, [change(batch) for batch in held])

    for change, what in (
        (lambda b: Batch(b.chunk_ids[1:], b.document_ids[1:], b.vectors[1:]), "the ids"),
        (lambda b: Batch(b.chunk_ids, b.document_ids + 1, b.vectors), "the ids"),
        (lambda b: Batch(b.chunk_ids, b.document_ids, b.vectors[::-1].copy()), "the vectors"),
        (
            lambda b: Batch(
                np.append(b.chunk_ids, np.int32(9_999)),
                np.append(b.document_ids, np.int32(1)),
                np.concatenate([b.vectors, b.vectors[:1]]),
            ),
            "the number",
        ),
    ):
        refill(change)
        server.close()
        with pytest.raises(StoreError, match=what):
            corpus.moving.copy(migrating, server_url)
    server.close()


def refilled(server: VectorServer, place, version, batches: list[Batch]) -> None:
    from workbench.store.elsewhere import Change

    def pages() -> Iterator[Batch]:
        yield from batches

    server.change(place, version, Change(version, True, (), pages()))


def test_only_who_sees_everything_may_copy(fill, corpus: Corpus, run_for) -> None:
    for run in (
        run_for("hr", action=Action.MIGRATE, role="admin"),
        run_for("*", action=Action.READ),
    ):
        with pytest.raises(AccessDenied):
            corpus.moving.copy(run, "qdrant:///nowhere")


def test_an_empty_workspace_moves_nothing(corpus: Corpus, migrating, server_url) -> None:
    assert corpus.moving.copy(migrating, server_url).moved == ()
