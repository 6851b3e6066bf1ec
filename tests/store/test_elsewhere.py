from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pyarrow as pa
import pytest

from workbench.errors import ConfigError, StoreError
from workbench.store.corpus import Corpus
from workbench.store.elsewhere import (
    Batch,
    Change,
    Place,
    RemoteMatrix,
    RemoteVectors,
    VectorServer,
    batch_of,
    connect_server,
    places_of,
)
from workbench.store.records import EmbeddingInfo
from workbench.store.reembedding import Reembedding
from workbench.store.versions import EMPTY, Version, current_version

DIM = 8
ONE, TWO = Version(1, "a"), Version(2, "b")


@pytest.fixture
def server(server_url: str) -> Iterator[VectorServer]:
    made = connect_server(server_url)
    yield made
    made.close()


@pytest.fixture
def place(request: pytest.FixtureRequest) -> Place:
    name = request.node.name.replace("[", "_").replace("]", "").replace('"', "")
    return Place(f"t_{name}"[:60], DIM)


def rows(first: int, count: int, seed: int = 1) -> Batch:
    vectors = np.random.default_rng(seed).standard_normal((count, DIM)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    ids = np.arange(first, first + count, dtype=np.int32)
    return Batch(ids, ids // 3 + 1, vectors)


def fill(server: VectorServer, place: Place, *batches: Batch) -> None:
    server.change(place, server.version(place), Change(ONE, True, (), iter(batches)))


def test_nothing_is_there_at_first(server: VectorServer, place: Place) -> None:
    assert server.version(place) == EMPTY
    assert server.nearest(place, rows(1, 1).vectors[0], 5, None) == []
    assert len(server.fetch(place, [1, 2]).chunk_ids) == 0
    server.drop(place)


def test_the_allowed_rows_are_ranked_as_by_brute_force(server: VectorServer, place: Place) -> None:
    batch = rows(1, 400)
    # Equal vectors, so that ties occur.
    batch.vectors[100:110] = batch.vectors[100]
    fill(server, place, batch)
    matrix = RemoteMatrix(server, place, ONE)
    rng = np.random.default_rng(5)
    documents = np.unique(batch.document_ids)
    for case in range(30):
        query = rows(1, 1, seed=case).vectors if case % 3 else batch.vectors[100:101]
        share = rng.choice([0.0, 0.02, 0.3, 1.0])
        allowed = np.sort(rng.choice(documents, int(len(documents) * share), replace=False))
        given = None if case % 7 == 0 else allowed.astype(np.int32)
        k = int(rng.integers(1, 30))
        ids, cosine = matrix.nearest(query, k, given)
        scores = np.round((batch.vectors @ query[0]).astype(np.float64), 6)
        inside = np.isin(batch.document_ids, documents if given is None else given)
        order = np.lexsort((batch.chunk_ids, -scores))
        wanted = [int(batch.chunk_ids[i]) for i in order if inside[i]][:k]
        found = [int(i) for i in ids[0] if i >= 0]
        assert len(found) == len(wanted)
        by_id = dict(zip(batch.chunk_ids.tolist(), scores.tolist(), strict=True))
        # The last digit may differ from engine to engine, and with it the order of near ties.
        np.testing.assert_allclose([by_id[i] for i in found], [by_id[i] for i in wanted], atol=3e-6)
        np.testing.assert_allclose(cosine[0, : len(found)], [by_id[i] for i in found], atol=3e-6)
        documents_of = dict(zip(batch.chunk_ids.tolist(), batch.document_ids, strict=True))
        assert given is None or {documents_of[i] for i in found} <= set(given.tolist())


def test_no_allowed_document_finds_nothing(server: VectorServer, place: Place) -> None:
    fill(server, place, rows(1, 10))
    ids, _ = RemoteMatrix(server, place, ONE).nearest(rows(1, 2).vectors, 3, np.empty(0, np.int32))
    assert (ids == -1).all()
    assert ids.shape == (2, 3)


def test_changes_take_documents_out_and_add_rows(server: VectorServer, place: Place) -> None:
    fill(server, place, rows(1, 9), rows(10, 9, seed=2))
    assert server.version(place) == ONE
    server.change(place, ONE, Change(TWO, False, (1, 2), iter([rows(30, 3, seed=3)])))
    assert server.version(place) == TWO
    held = [int(i) for batch in server.rows(place) for i in batch.chunk_ids]
    gone = {i for i in range(1, 19) if i // 3 + 1 in (1, 2)}
    assert held == [i for i in range(1, 19) if i not in gone] + [30, 31, 32]


def test_a_slower_process_does_nothing(server: VectorServer, place: Place) -> None:
    fill(server, place, rows(1, 3))
    server.change(place, EMPTY, Change(TWO, True, (), iter([rows(50, 3)])))
    assert server.version(place) == ONE


def test_a_change_that_fails_does_not_count(server: VectorServer, place: Place) -> None:
    def broken() -> Iterator[Batch]:
        yield rows(100, 3)
        raise StoreError("the workspace is busy", next_step="Wait.")

    fill(server, place, rows(1, 3))
    with pytest.raises(StoreError, match="busy"):
        server.change(place, ONE, Change(TWO, False, (), broken()))
    assert server.version(place) == ONE
    server.change(place, ONE, Change(TWO, False, (), iter([rows(100, 3)])))
    assert [len(batch.chunk_ids) for batch in server.rows(place)] == [6]


def test_vectors_come_back_as_they_were(server: VectorServer, place: Place) -> None:
    batch = rows(1, 20)
    fill(server, place, batch)
    found = server.fetch(place, [3, 5, 99])
    assert sorted(found.chunk_ids.tolist()) == [3, 5]
    for number, document, vector in zip(
        found.chunk_ids, found.document_ids, found.vectors, strict=True
    ):
        assert document == batch.document_ids[number - 1]
        np.testing.assert_allclose(vector, batch.vectors[number - 1], atol=1e-6)
    similar = RemoteMatrix(server, place, ONE).similarity(batch.vectors[2], [3, 99])
    assert similar == {3: pytest.approx(1, abs=1e-5)}


def test_it_opens_again_and_keeps_what_it_had(
    server: VectorServer, place: Place, server_url: str
) -> None:
    fill(server, place, rows(1, 5))
    server.close()
    again = connect_server(server_url)
    assert again.version(place) == ONE
    again.drop(place)
    assert again.version(place) == EMPTY
    again.close()


def test_a_server_that_is_not_there_is_a_clear_error(place: Place) -> None:
    for url in ("postgresql://nobody:secret@127.0.0.1:9/none", "qdrant://127.0.0.1:9"):
        with pytest.raises(StoreError, match="cannot be used") as caught:
            connect_server(url).version(place)
        assert "secret" not in str(caught.value)


def test_a_page_may_be_empty() -> None:
    vectors = pa.FixedSizeListArray.from_arrays(pa.array([], pa.float32()), DIM)
    none = pa.array([], pa.int32())
    page = pa.table({"chunk_id": none, "document_id": none, "vector": vectors})
    assert batch_of(page).vectors.shape == (0, DIM)


def test_unknown_urls_are_refused() -> None:
    with pytest.raises(ConfigError, match="no known kind"):
        connect_server("mysql://host")


class Shared:
    """A server in memory that others change as well: ``meanwhile`` happens before each change."""

    def __init__(self) -> None:
        self.shown = EMPTY
        self.ids: list[int] = []
        self.changes = 0
        self.dropped: list[str] = []
        self.meanwhile: Callable[[], None] = lambda: None

    def version(self, place: Place) -> Version:
        return self.shown

    def change(self, place: Place, held: Version, change: Change) -> None:
        self.changes += 1
        self.meanwhile()
        if self.shown != held:
            return
        kept = [] if change.anew else self.ids
        self.ids = [*kept, *(int(i) for batch in change.added for i in batch.chunk_ids)]
        self.shown = change.version

    def drop(self, place: Place) -> None:
        self.dropped.append(place.name)
        self.ids, self.shown = [], EMPTY


def present(corpus: Corpus) -> Version:
    return corpus._database.read(current_version)


def test_where_another_process_stopped_earlier_it_goes_on(corpus: Corpus, put) -> None:
    put("a", "zebra")
    first = present(corpus)
    put("b", "quartz")
    server = Shared()

    def faster() -> None:
        if server.changes == 1:
            server.ids, server.shown = [1], first

    server.meanwhile = faster
    matrix = RemoteVectors(corpus._database, server).matrix(1, 3, present(corpus))  # type: ignore[arg-type]
    assert (matrix.version, server.shown) == (present(corpus), present(corpus))
    assert server.ids == [1, 2]


def test_what_the_server_lost_is_filled_again(corpus: Corpus, put) -> None:
    put("a", "zebra")
    server = Shared()
    remote = RemoteVectors(corpus._database, server)  # type: ignore[arg-type]
    remote.matrix(1, 3, present(corpus))
    server.drop(Place("any", 3))
    remote.matrix(1, 3, present(corpus))
    assert (server.ids, server.shown) == ([1], present(corpus))


def test_a_server_that_never_comes_to_rest_is_a_clear_error(corpus: Corpus, put) -> None:
    put("a", "zebra")
    server = Shared()

    def restless() -> None:
        server.shown = Version(server.changes, "of a copy")

    server.meanwhile = restless
    with pytest.raises(StoreError, match="keep changing"):
        RemoteVectors(corpus._database, server).matrix(1, 3, present(corpus))  # type: ignore[arg-type]


def test_vectors_of_a_model_that_is_not_used_any_more_are_dropped(
    corpus: Corpus, put, run_for
) -> None:
    put("a", "zebra")
    server = Shared()
    reembedding = Reembedding(corpus._database, server)  # type: ignore[arg-type]
    model = EmbeddingInfo("other", "sha256:two", 2)
    run = run_for("*")
    before = corpus._database.read(places_of)
    chunks = reembedding.waiting(run, model, limit=10)
    reembedding.keep(run, model, chunks, np.ones((len(chunks), 2), np.float32))
    assert reembedding.switch(run, model) == 1
    assert server.dropped == [place.name for place in before]
