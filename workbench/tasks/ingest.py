"""Source -> document -> masked -> chunks -> vectors -> corpus, in one transaction per document or
hundred rows."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass, replace
from functools import partial
from itertools import accumulate

from workbench.chunking import chunk
from workbench.config import Config
from workbench.errors import (
    CorruptFile,
    EmptyFile,
    EncryptedFile,
    MaskingError,
    ParserCrashed,
    SourceError,
    UnsupportedFormat,
)
from workbench.guard.run import Run
from workbench.masking.masker import Masker
from workbench.models.governed import Models
from workbench.results import IngestItem, IngestReport, ItemStatus
from workbench.sources.files import FileSource
from workbench.sources.items import Item, Listing, Source
from workbench.store.corpus import Corpus
from workbench.store.history import require_name
from workbench.store.records import EmbeddingInfo, Incoming, Refusal, StoredSource
from workbench.tasks.known import Known, KnownState, refusal_print
from workbench.tasks.listings import list_items
from workbench.values import Chunk, Document, MaskedDocument

TOGETHER_ITEMS = 100
"""So many small items, such as rows, are masked, embedded and stored at once: alone, opening the
workspace and waking the models takes longer than the row itself."""

_TOGETHER_BYTES = 200_000

_LASTING = (UnsupportedFormat, CorruptFile, EncryptedFile, EmptyFile)
"""What the same bytes end in again; a parser may run out of time or memory for other reasons."""


@dataclass(frozen=True, slots=True)
class IngestProgress:
    """``done`` of ``total`` items are finished; ``remaining_s``, estimated by bytes, or None."""

    done: int
    total: int
    name: str
    remaining_s: float | None


@dataclass(frozen=True, slots=True)
class IngestOptions:
    """The access ``label`` of what comes in, whether what is gone is removed (``sync``), and the
    name of the snapshot that the ingest leaves behind."""

    label: str
    sync: bool = False
    snapshot: str | None = None


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
    options: IngestOptions,
    *,
    progress: Callable[[IngestProgress], None],
) -> IngestReport:
    """Bring sources into the corpus; what did not change since the last ingest is not read again.

    With ``sync``, documents of what was listed as a whole that are gone are removed. A bad item
    becomes a failed item of the report and the rest goes on; a failure that concerns every item
    (no model server, no access, budget) ends the ingest, and what was stored stays stored. Each
    document, and each hundred of rows, is a committed change of its own, and the end of the ingest
    is a snapshot.

    Raises:
        UsageError, SourceError: if a source cannot be used at all; nothing was stored then.
        ModelError, StoreError, AccessDenied, BudgetExceeded: if the ingest cannot go on.
    """
    run.require_write(options.label)
    require_name(options.snapshot)
    started_s = time.monotonic()
    state = KnownState(run, rooms, options.label)
    kept_as = partial(_kept_as, rooms.masker, options.label)
    listing = list_items(
        run,
        rooms.files,
        rooms.corpus,
        sources,
        pipeline=lambda: state.known.pipeline,
        kept_as=kept_as,
    )
    known = state.for_items(listing.items)
    items = list(_bring_in(run, rooms, listing.items, known, progress))
    if options.sync:
        items.extend(_remove_missing(run, rooms, listing, {item.uri for item in items}))
    if not any(item.status is ItemStatus.FAILED for item in items):
        for mark in listing.marks:
            kept, below = kept_as(mark.identity)
            rooms.corpus.origins.keep_mark(
                run, (kept, mark.value), known.pipeline, below=below, label=options.label
            )
    return IngestReport(
        items=tuple(items),
        corpus_version=rooms.corpus.history.commit(run, options.snapshot),
        seconds=time.monotonic() - started_s,
        run_id=run.id,
    )


def _kept_as(masker: Masker, label: str, place: str) -> tuple[str, str]:
    """See ``KeptAs``: a path to a database may name somebody, so it is a keyed digest."""
    shown = masker.shown_uri(f"{place}row", hide=True, label=label)
    return masker.uris.part(place), f"{shown.rpartition('/')[0]}/"


def _lasts(error: Exception) -> bool:
    return isinstance(error, _LASTING) and not isinstance(error, ParserCrashed)


def _bring_in(
    run: Run,
    rooms: IngestRooms,
    items: Sequence[Item],
    known: Known,
    progress: Callable[[IngestProgress], None],
) -> Iterator[IngestItem]:
    total_bytes = sum(item.size_bytes for item in items)
    done = done_bytes = 0
    started_s = time.monotonic()
    for group in _groups(items):
        elapsed_s = time.monotonic() - started_s
        remaining_s = elapsed_s / done_bytes * (total_bytes - done_bytes) if done_bytes else None
        progress(IngestProgress(done, len(items), group[0].name, remaining_s))
        yield from _ingested(run, rooms, group, known)
        done += len(group)
        done_bytes += sum(item.size_bytes for item in group)
    progress(IngestProgress(len(items), len(items), "", 0.0))


def _groups(items: Sequence[Item]) -> Iterator[list[Item]]:
    """Small items by the hundred, as far as they follow each other; any other by itself."""
    group: list[Item] = []
    size_bytes = 0
    for item in items:
        size_bytes += item.size_bytes
        full = len(group) == TOGETHER_ITEMS or size_bytes > _TOGETHER_BYTES
        if group and (full or not (item.is_small and group[-1].is_small)):
            yield group
            group, size_bytes = [], item.size_bytes
        group.append(item)
    if group:
        yield group


@dataclass(frozen=True, slots=True)
class _Fresh:
    """An item that has to be read, and how it is known."""

    item: Item
    fingerprint: str
    uri: str
    before: StoredSource | None


@dataclass(frozen=True, slots=True)
class _Ready:
    """A document that only its vectors keep from being stored."""

    fresh: _Fresh
    masked: MaskedDocument
    chunks: Sequence[Chunk]


_Error = SourceError | MaskingError


def _ingested(
    run: Run, rooms: IngestRooms, items: Sequence[Item], known: Known
) -> list[IngestItem]:
    """What becomes of the items, in order; the new ones are stored in one transaction."""
    started_s = time.monotonic()
    results: dict[str, IngestItem] = {}
    fresh: list[_Fresh] = []
    for item in items:
        uri, before, refused = known.about(item)
        fingerprint = known.fingerprint(item)
        if before is not None and before.fingerprint == fingerprint:
            results[item.uri] = IngestItem(before.name, uri, ItemStatus.UNCHANGED)
        elif refused is not None and refused.fingerprint == refusal_print(item, fingerprint):
            results[item.uri] = IngestItem(
                refused.name, uri, ItemStatus.FAILED, error=refused.error
            )
        else:
            fresh.append(_Fresh(item, fingerprint, uri, before))
    ready: list[_Ready] = []
    for each, found in zip(fresh, _prepared(rooms, fresh, known), strict=True):
        if isinstance(found, _Ready):
            ready.append(found)
        else:
            results[each.item.uri] = _failed(run, rooms, each, known, found)
    _store(run, rooms, ready, known)
    seconds = (time.monotonic() - started_s) / max(len(fresh), 1)
    for done in ready:
        results[done.fresh.item.uri] = IngestItem(
            done.masked.name,
            done.masked.uri,
            ItemStatus.UPDATED if done.fresh.before else ItemStatus.ADDED,
            chunks=len(done.chunks),
            masked=sum(done.masked.masked.values()),
            seconds=seconds,
        )
    return [results[item.uri] for item in items]


def _prepared(
    rooms: IngestRooms, fresh: Sequence[_Fresh], known: Known
) -> Iterator[_Ready | _Error]:
    """What each is once read, masked and cut into chunks, or why it is nothing."""
    read = [_read(each.item, known.label) for each in fresh]
    masked = iter(_masked_together(rooms.masker, [d for d in read if isinstance(d, Document)]))
    for each, document in zip(fresh, read, strict=True):
        found = next(masked) if isinstance(document, Document) else document
        if not isinstance(found, MaskedDocument):
            yield found
            continue
        # A name that was masked must not stand in the uri either.
        hide = found.name != each.item.name
        uri = rooms.masker.shown_uri(each.item.uri, hide=hide, label=known.label)
        found = replace(found, uri=uri)
        chunks = chunk(found, rooms.config.chunking)
        yield _Ready(each, found, chunks) if chunks else _no_text(each.item)


def _read(item: Item, label: str) -> Document | SourceError:
    try:
        return item.read(label)
    except SourceError as error:
        return error


def _masked_together(
    masker: Masker, documents: Sequence[Document]
) -> Sequence[MaskedDocument | MaskingError]:
    """One that cannot be masked keeps nobody else out."""
    try:
        return masker.mask_many(documents) if documents else []
    except MaskingError as error:
        if len(documents) == 1:
            return [error]
        return [found for each in documents for found in _masked_together(masker, [each])]


def _no_text(item: Item) -> EmptyFile:
    return EmptyFile(
        "this holds no text", value=item.name, next_step="Leave it out, or add its text."
    )


def _failed(run: Run, rooms: IngestRooms, fresh: _Fresh, known: Known, error: _Error) -> IngestItem:
    item = fresh.item
    name = rooms.masker.mask_name(item.name, label=known.label)
    uri = rooms.masker.shown_uri(item.uri, hide=name != item.name, label=known.label)
    told = rooms.masker.mask_text(str(error).replace(item.name, name), label=known.label)
    if item.conditions is not None and _lasts(error):
        refusal = Refusal(refusal_print(item, fresh.fingerprint), name, told)
        rooms.corpus.origins.keep_refusals(run, {uri: refusal}, label=known.label)
    return IngestItem(name, uri, ItemStatus.FAILED, error=told)


def _store(
    run: Run,
    rooms: IngestRooms,
    ready: Sequence[_Ready],
    known: Known,
) -> None:
    texts = [embedded_text(piece) for each in ready for piece in each.chunks]
    if not texts:
        return
    vectors = rooms.models.embed(run, texts)
    embedding = EmbeddingInfo(rooms.config.models.embedding, known.digest, int(vectors.shape[1]))
    ends = accumulate(len(each.chunks) for each in ready)
    incoming = [
        Incoming(
            each.masked,
            each.chunks,
            vectors[end - len(each.chunks) : end],
            each.fresh.fingerprint,
        )
        for each, end in zip(ready, ends, strict=True)
    ]
    rooms.corpus.put_many(run, incoming, embedding=embedding)
    for each in ready:
        # What is masked changes with the settings, and with it what is shown of a uri.
        if each.fresh.before is not None and each.fresh.uri != each.masked.uri:
            rooms.corpus.remove(run, each.fresh.uri)


def embedded_text(piece: Chunk) -> str:
    """What stands for a chunk in vector space: its headings, then its words."""
    return f"{piece.heading}\n{piece.text}" if piece.heading else piece.text


def _remove_missing(
    run: Run, rooms: IngestRooms, listing: Listing, present: Set[str]
) -> Iterator[IngestItem]:
    for info in rooms.corpus.documents(run):
        # A document that was only granted may be read, and stays.
        if not run.scope.allows(info.label):
            continue
        if info.uri not in present and listing.covers(info.uri, rooms.masker.uris.is_below):
            rooms.corpus.remove(run, info.uri)
            yield IngestItem(info.name, info.uri, ItemStatus.REMOVED)
