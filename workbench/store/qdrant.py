"""Vectors in Qdrant: ``qdrant://host:6333``, ``qdrants://`` with TLS, ``qdrant:///folder`` without
a server. The key of a server comes from QDRANT_API_KEY.

One collection per workspace and model. Searches are exact and filtered before they are scored.
Qdrant knows no transactions: a change is repeated until the version that is noted last is there,
and repeating it does no harm.
"""

from __future__ import annotations

import os
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar
from urllib.parse import urlsplit

import numpy as np
from qdrant_client import QdrantClient, models
from qdrant_client.common.client_exceptions import QdrantException
from qdrant_client.http.exceptions import ApiException

from workbench.errors import StoreError
from workbench.store.elsewhere import Batch, Change, Ids, Place
from workbench.store.records import Vectors
from workbench.store.versions import EMPTY, Version

T = TypeVar("T")

TIMEOUT_S = 60
_STATE = "workbench_state"
_PAGE_ROWS = 1_000


class QdrantServer:
    """One client. Safe for threads."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._remote = bool(urlsplit(url).netloc)
        self._client: QdrantClient | None = None
        self._lock = threading.Lock()

    def version(self, place: Place) -> Version:
        """The corpus version that the collection shows."""
        return self._do(lambda c: _version(c, place))

    def change(self, place: Place, held: Version, change: Change) -> None:
        """Make a change; the version is noted when all of it is there."""

        def make(client: QdrantClient) -> None:
            if _version(client, place) != held:
                return
            if change.anew and client.collection_exists(place.name):
                client.delete_collection(place.name)
            if not client.collection_exists(place.name):
                # An old note would make a collection that is filled by half count as whole.
                _forget_note(client, place)
            _create(client, place, indexed=self._remote)
            if change.removed:
                client.delete(place.name, _of_documents(change.removed), wait=True)
            for batch in change.added:
                for start in range(0, len(batch.chunk_ids), _PAGE_ROWS):
                    _upsert(client, place, batch, slice(start, start + _PAGE_ROWS))
            _note(client, place, change.version)

        self._do(make)

    def nearest(
        self, place: Place, query: Vectors, k: int, allowed: Ids | None
    ) -> list[tuple[int, float]]:
        """Chunk ids and cosines of the ``k`` nearest allowed rows."""

        def ask(client: QdrantClient) -> list[tuple[int, float]]:
            if not client.collection_exists(place.name):
                return []
            found = client.query_points(
                place.name,
                query=query.tolist(),
                query_filter=None if allowed is None else _of_documents(allowed.tolist()),
                # Without a server every search is exact, and setting this warns.
                search_params=models.SearchParams(exact=True) if self._remote else None,
                limit=k,
                with_payload=False,
            )
            pairs = [(int(point.id), round(point.score, 6)) for point in found.points]
            return sorted(pairs, key=lambda pair: (-pair[1], pair[0]))

        return self._do(ask)

    def fetch(self, place: Place, chunk_ids: Sequence[int]) -> Batch:
        """The rows of these chunks."""

        def ask(client: QdrantClient) -> Batch:
            points = (
                client.retrieve(place.name, list(chunk_ids), with_vectors=True)
                if client.collection_exists(place.name)
                else []
            )
            return _batch(points, place)

        return self._do(ask)

    def rows(self, place: Place) -> Iterator[Batch]:
        """Everything, in pages by chunk id."""
        offset: Any = None
        while True:

            def ask(client: QdrantClient, after: Any = offset) -> tuple[Batch, Any]:
                points, following = client.scroll(
                    place.name, limit=_PAGE_ROWS, offset=after, with_vectors=True
                )
                return _batch(points, place), following

            page, offset = self._do(ask)
            if len(page.chunk_ids):
                yield page
            if offset is None:
                return

    def drop(self, place: Place) -> None:
        """Remove the collection."""

        def drop(client: QdrantClient) -> None:
            if client.collection_exists(place.name):
                client.delete_collection(place.name)
            _forget_note(client, place)

        self._do(drop)

    def close(self) -> None:
        """Close the client."""
        with self._lock:
            if self._client is not None:
                self._client.close()
            self._client = None

    def _do(self, work: Callable[[QdrantClient], T]) -> T:
        with self._lock:
            try:
                return work(self._open())
            except (ApiException, QdrantException, OSError, ValueError, RuntimeError) as error:
                raise StoreError(
                    "the Qdrant server of the store cannot be used",
                    value=str(error).strip().partition("\n")[0],
                    next_step="Check [store] url in workbench.toml, QDRANT_API_KEY, and that the "
                    "server runs.",
                ) from error

    def _open(self) -> QdrantClient:
        if self._client is None:
            parts = urlsplit(self._url)
            if self._remote:
                scheme = "https" if parts.scheme == "qdrants" else "http"
                self._client = QdrantClient(
                    url=f"{scheme}://{parts.netloc}{parts.path}",
                    api_key=os.environ.get("QDRANT_API_KEY"),
                    timeout=TIMEOUT_S,
                    check_compatibility=False,
                )
            else:
                self._client = QdrantClient(path=parts.path)
        return self._client


def _version(client: QdrantClient, place: Place) -> Version:
    if not (client.collection_exists(_STATE) and client.collection_exists(place.name)):
        return EMPTY
    found = client.retrieve(_STATE, [_state_id(place)], with_payload=True)
    if not found or not found[0].payload:
        return EMPTY
    return Version(int(found[0].payload["version"]), str(found[0].payload["token"]))


def _note(client: QdrantClient, place: Place, version: Version) -> None:
    if not client.collection_exists(_STATE):
        client.create_collection(
            _STATE, vectors_config=models.VectorParams(size=1, distance=models.Distance.DOT)
        )
    payload = {"version": version.number, "token": version.token}
    point = models.PointStruct(id=_state_id(place), vector=[1.0], payload=payload)
    client.upsert(_STATE, [point], wait=True)


def _forget_note(client: QdrantClient, place: Place) -> None:
    if client.collection_exists(_STATE):
        client.delete(_STATE, [_state_id(place)], wait=True)


def _state_id(place: Place) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, place.name))


def _create(client: QdrantClient, place: Place, *, indexed: bool) -> None:
    if client.collection_exists(place.name):
        return
    client.create_collection(
        place.name,
        vectors_config=models.VectorParams(size=place.dim, distance=models.Distance.COSINE),
    )
    if indexed:
        client.create_payload_index(
            place.name, "document_id", models.PayloadSchemaType.INTEGER, wait=True
        )


def _upsert(client: QdrantClient, place: Place, batch: Batch, part: slice) -> None:
    client.upsert(
        place.name,
        models.Batch(
            ids=batch.chunk_ids[part].tolist(),
            vectors=batch.vectors[part].tolist(),
            payloads=[{"document_id": number} for number in batch.document_ids[part].tolist()],
        ),
        wait=True,
    )


def _of_documents(ids: Sequence[int]) -> models.Filter:
    match = models.MatchAny(any=list(ids))
    return models.Filter(must=[models.FieldCondition(key="document_id", match=match)])


def _batch(points: Sequence[Any], place: Place) -> Batch:
    return Batch(
        np.array([point.id for point in points], np.int32),
        np.array([point.payload["document_id"] for point in points], np.int32),
        np.array([point.vector for point in points], np.float32).reshape(-1, place.dim),
    )
