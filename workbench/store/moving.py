"""Copies a workspace's vectors to a server, and reads them back to prove it."""

from __future__ import annotations

import hashlib
import heapq
import time
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import duckdb
import numpy as np

from workbench.errors import AccessDenied, StoreError
from workbench.guard.policy import Action
from workbench.guard.run import Run
from workbench.results.migration import MigrationReport, MovedVectors
from workbench.store.database import Database
from workbench.store.elsewhere import (
    NONE,
    Batch,
    RemoteVectors,
    VectorServer,
    batch_of,
    connect_server,
    place_of,
    vectors_of,
)
from workbench.store.records import Vectors
from workbench.store.versions import EMPTY, Version, changes_since, current_version

SAMPLES = 20
_NEAREST = 10
_TOLERANCE = 2e-6
"""Servers count in their own order, and Qdrant scales vectors to length 1 once more."""


class Moving:
    """From the workspace to a server. The workspace stays as it is."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def copy(self, run: Run, url: str) -> MigrationReport:
        """Bring the server up to date with every embedding model's vectors and verify them.

        Raises:
            AccessDenied: if the run is not one for migrating, or does not see every document.
            ConfigError: if the url is of no known kind.
            StoreError: if the server cannot be used, or what it holds differs.
        """
        run.require_open()
        if run.action is not Action.MIGRATE or not run.scope.unrestricted:
            raise AccessDenied(
                "only who sees every document may copy the workspace",
                value=run.actor.name,
                next_step='Use migrate as an actor with the role admin and labels = ["*"].',
            )
        started_s = time.monotonic()
        server = connect_server(url)
        try:
            version, models = self._database.read(_models)
            remote = RemoteVectors(self._database, server)
            moved = []
            for number, name, dim in models:
                remote.matrix(number, dim, version)
                moved.append(self._verified(server, number, name, dim))
        finally:
            server.close()
        return MigrationReport(
            server=_shown(url),
            corpus_version=version.number,
            moved=tuple(moved),
            seconds=time.monotonic() - started_s,
            run_id=run.id,
        )

    def _verified(self, server: VectorServer, number: int, name: str, dim: int) -> MovedVectors:
        place = self._database.read(lambda c: place_of(c, number, dim))
        ours = changes_since(self._database, EMPTY, vectors_of(number))
        if server.version(place) != ours.version:
            raise StoreError(
                "the workspace changed while it was being copied",
                value=f"version {ours.version.number}",
                next_step="Migrate again when nothing is ingested; it copies only what is new.",
            )
        compared = _compared(map(batch_of, ours.added), server.rows(place), name)
        for at, query in enumerate(compared.queries):
            found = server.nearest(place, query, _NEAREST, None)
            _require_same(compared.nearest[at], found, f"{name}, sample {at}")
        return MovedVectors(
            model=name,
            chunks=compared.count,
            dimensions=dim,
            checksum=compared.digest,
            queries=len(compared.queries),
            largest_difference=compared.difference,
        )


@dataclass(slots=True)
class _Compared:
    """Our rows, which the server has as well. ``nearest`` are the ten of each query (m, dim)."""

    queries: Vectors
    nearest: list[list[tuple[int, float]]]
    count: int = 0
    digest: str = hashlib.sha256().hexdigest()
    difference: float = 0.0


def _models(
    connection: duckdb.DuckDBPyConnection,
) -> tuple[Version, list[tuple[int, str, int]]]:
    rows = connection.execute("SELECT id, name, dim FROM store.embeddings ORDER BY id").fetchall()
    return current_version(connection), rows


def _compared(ours: Iterator[Batch], theirs: Iterator[Batch], name: str) -> _Compared:
    """Both sides page by page, so that they need not fit into memory."""
    digests = (hashlib.sha256(), hashlib.sha256())
    rest = Batch(np.empty(0, np.int32), np.empty(0, np.int32), np.empty((0, 0), np.float32))
    done = _Compared(np.empty((0, 0), np.float32), [])
    for page in ours:
        count = len(page.chunk_ids)
        if not done.count:
            done.queries = _samples(page.vectors)
            done.nearest = [[] for _ in done.queries]
        rest = _at_least(rest, theirs, count)
        same = Batch(rest.chunk_ids[:count], rest.document_ids[:count], rest.vectors[:count])
        rest = Batch(rest.chunk_ids[count:], rest.document_ids[count:], rest.vectors[count:])
        for digest, side in zip(digests, (page, same), strict=True):
            digest.update(side.chunk_ids.tobytes() + side.document_ids.tobytes())
        if digests[0].digest() != digests[1].digest():
            raise _differs("the ids of chunks or documents", name)
        if count:
            difference = float(np.abs(page.vectors - same.vectors).max())
            if not difference <= _TOLERANCE:
                raise _differs("the vectors", f"{name}, by {difference:g}")
            done.difference = max(done.difference, difference)
        done.count += count
        for at, query in enumerate(done.queries):
            done.nearest[at] = _top(done.nearest[at], page, query)
    if len(rest.chunk_ids) or any(len(page.chunk_ids) for page in theirs):
        raise _differs("the number of chunks", name)
    done.digest = digests[0].hexdigest()
    return done


def _at_least(held: Batch, more: Iterator[Batch], count: int) -> Batch:
    parts, length = [held] if len(held.chunk_ids) else [], len(held.chunk_ids)
    while length < count:
        page = next(more, None)
        if page is None:
            break
        parts.append(page)
        length += len(page.chunk_ids)
    if not parts:
        return held
    return Batch(
        np.concatenate([part.chunk_ids for part in parts]),
        np.concatenate([part.document_ids for part in parts]),
        np.concatenate([part.vectors for part in parts]),
    )


def _samples(vectors: Vectors) -> Vectors:
    """Points between pairs of stored vectors: near some, equal to none."""
    count = len(vectors)
    if count == 0:
        return vectors
    pairs = np.random.default_rng(count).integers(0, count, (SAMPLES, 2))
    points = vectors[pairs[:, 0]] + 0.5 * vectors[pairs[:, 1]]
    unit: Vectors = points / np.linalg.norm(points, axis=1, keepdims=True)
    return unit


def _top(before: list[tuple[int, float]], page: Batch, query: Vectors) -> list[tuple[int, float]]:
    scores = (page.vectors @ query).astype(np.float64)
    found = zip(page.chunk_ids.tolist(), scores.tolist(), strict=True)
    return heapq.nsmallest(_NEAREST, [*before, *found], key=lambda p: (-round(p[1], 6), p[0]))


def _require_same(
    wanted: list[tuple[int, float]], found: list[tuple[int, float]], name: str
) -> None:
    alike = len(wanted) == len(found) and all(
        abs(ours[1] - theirs[1]) <= 2 * _TOLERANCE
        for ours, theirs in zip(wanted, found, strict=False)
    )
    # Those that are nearer than the last by more than rounding must be the same.
    edge = wanted[-1][1] + 2 * _TOLERANCE if wanted else NONE
    clear = {number for number, score in wanted if score > edge}
    if not alike or not clear <= {number for number, _ in found}:
        raise _differs("the ten nearest chunks", name)


def _differs(what: str, name: str) -> StoreError:
    return StoreError(
        f"{what} on the server differ from the workspace's",
        value=name,
        next_step="Remove the workbench_ tables or collections from the server and migrate again; "
        "the workspace is as it was.",
    )


def _shown(url: str) -> str:
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname or ''}{port}{parts.path}"
