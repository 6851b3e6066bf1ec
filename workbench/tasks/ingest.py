"""Source -> document -> masked -> chunks -> vectors -> corpus, one transaction per item."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial

from workbench.chunking import CHUNKER_VERSION, chunk
from workbench.config import Config
from workbench.errors import EmptyFile, MaskingError, SourceError
from workbench.guard.run import Run
from workbench.masking.masker import Masker
from workbench.models.governed import Models
from workbench.results import IngestItem, IngestReport, ItemStatus
from workbench.sources.files import FileSource
from workbench.sources.items import Item, Listing, Source
from workbench.store.corpus import Corpus
from workbench.store.records import EmbeddingInfo
from workbench.tasks.listings import list_items
from workbench.values import Chunk


@dataclass(frozen=True, slots=True)
class IngestProgress:
    """``done`` of ``total`` items are finished; ``remaining_s``, estimated by bytes, or None."""

    done: int
    total: int
    name: str
    remaining_s: float | None


@dataclass(frozen=True, slots=True)
class IngestRooms:
    """The collaborators of an ingest."""

    config: Config
    files: FileSource
    masker: Masker
    models: Models
    corpus: Corpus


def ingest(
    run: Run,
    rooms: IngestRooms,
    sources: Sequence[Source],
    *,
    label: str,
    sync: bool,
    progress: Callable[[IngestProgress], None],
) -> IngestReport:
    """Bring sources into the corpus; what did not change since the last ingest is not read again.

    With ``sync``, documents of what was listed as a whole that are gone are removed. A bad item
    becomes a failed item of the report and the rest goes on; a failure that concerns every item
    (no model server, no access, budget) ends the ingest, and what was stored stays stored.

    Raises:
        UsageError, SourceError: if a source cannot be used at all; nothing was stored then.
        ModelError, StoreError, AccessDenied, BudgetExceeded: if the ingest cannot go on.
    """
    run.require_write(label)
    started_s = time.monotonic()
    pipelines = cache(partial(_pipeline, rooms, label))
    listing = list_items(run, rooms.files, rooms.corpus, sources, pipeline=pipelines)
    pipeline = pipelines()
    known = rooms.corpus.fingerprints(run)
    items = list(_bring_in(run, rooms, listing.items, _Known(label, pipeline, known), progress))
    if sync:
        items.extend(_remove_missing(run, rooms.corpus, listing))
    if not any(item.status is ItemStatus.FAILED for item in items):
        for mark in listing.marks:
            rooms.corpus.origins.keep_mark(run, mark.identity, pipeline, mark.value, label=label)
    return IngestReport(
        items=tuple(items),
        corpus_version=rooms.corpus.version(run),
        seconds=time.monotonic() - started_s,
        run_id=run.id,
    )


@dataclass(frozen=True, slots=True)
class _Known:
    label: str
    pipeline: str
    fingerprints: dict[str, str]


def _bring_in(
    run: Run,
    rooms: IngestRooms,
    items: Sequence[Item],
    known: _Known,
    progress: Callable[[IngestProgress], None],
) -> Iterator[IngestItem]:
    total_bytes = sum(item.size_bytes for item in items)
    done_bytes = 0
    started_s = time.monotonic()
    for done, item in enumerate(items):
        elapsed_s = time.monotonic() - started_s
        remaining_s = elapsed_s / done_bytes * (total_bytes - done_bytes) if done_bytes else None
        progress(IngestProgress(done, len(items), item.name, remaining_s))
        yield _one(run, rooms, item, known)
        done_bytes += item.size_bytes
    progress(IngestProgress(len(items), len(items), "", 0.0))


def _one(run: Run, rooms: IngestRooms, item: Item, known: _Known) -> IngestItem:
    started_s = time.monotonic()
    name = rooms.masker.mask_name(item.name, label=known.label)
    before = known.fingerprints.get(item.uri)
    try:
        fingerprint = f"{item.fingerprint()}:{known.pipeline}"
        if before == fingerprint:
            return IngestItem(name, item.uri, ItemStatus.UNCHANGED)
        masked = rooms.masker.mask(item.read(known.label))
        chunks = chunk(masked, rooms.config.chunking)
        if not chunks:
            raise EmptyFile(
                "this holds no text", value=name, next_step="Leave it out, or add its text."
            )
    except (SourceError, MaskingError) as error:
        return IngestItem(
            name,
            item.uri,
            ItemStatus.FAILED,
            seconds=time.monotonic() - started_s,
            error=rooms.masker.mask_text(str(error).replace(item.name, name), label=known.label),
        )
    vectors = rooms.models.embed(run, [embedded_text(piece) for piece in chunks])
    embedding = rooms.config.models.embedding
    rooms.corpus.put(
        run,
        masked,
        chunks,
        vectors=vectors,
        fingerprint=fingerprint,
        embedding=EmbeddingInfo(embedding, rooms.models.digest(embedding), int(vectors.shape[1])),
    )
    return IngestItem(
        masked.name,
        item.uri,
        ItemStatus.UPDATED if before else ItemStatus.ADDED,
        chunks=len(chunks),
        masked=sum(masked.masked.values()),
        seconds=time.monotonic() - started_s,
    )


def embedded_text(piece: Chunk) -> str:
    """What stands for a chunk in vector space: its headings, then its words."""
    return f"{piece.heading}\n{piece.text}" if piece.heading else piece.text


def _pipeline(rooms: IngestRooms, label: str) -> str:
    """Everything besides the source that decides what is stored; a change re-ingests."""
    parts = (
        CHUNKER_VERSION,
        rooms.config.chunking.model_dump_json(),
        rooms.masker.version,
        rooms.models.digest(rooms.config.models.embedding),
        label,
    )
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _remove_missing(run: Run, corpus: Corpus, listing: Listing) -> Iterator[IngestItem]:
    present = {item.uri for item in listing.items}
    for info in corpus.documents(run):
        if info.uri not in present and listing.covers(info.uri):
            corpus.remove(run, info.uri)
            yield IngestItem(info.name, info.uri, ItemStatus.REMOVED)
