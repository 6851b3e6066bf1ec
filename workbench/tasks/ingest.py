"""Source -> document -> masked -> chunks -> vectors -> corpus, one transaction per item."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from workbench.chunking import CHUNKER_VERSION, chunk
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
from workbench.store.records import EmbeddingInfo, Refusal, StoredSource
from workbench.tasks.listings import list_items
from workbench.values import Chunk

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
    document is a committed change of its own, and the end of the ingest is a snapshot.

    Raises:
        UsageError, SourceError: if a source cannot be used at all; nothing was stored then.
        ModelError, StoreError, AccessDenied, BudgetExceeded: if the ingest cannot go on.
    """
    run.require_write(options.label)
    require_name(options.snapshot)
    started_s = time.monotonic()
    state = _State(run, rooms, options.label)
    listing = list_items(
        run, rooms.files, rooms.corpus, sources, pipeline=lambda: state.known.pipeline
    )
    known = state.for_items(listing.items)
    items = list(_bring_in(run, rooms, listing.items, known, progress))
    if options.sync:
        items.extend(_remove_missing(run, rooms, listing))
    if not any(item.status is ItemStatus.FAILED for item in items):
        for mark in listing.marks:
            rooms.corpus.origins.keep_mark(
                run, mark.identity, known.pipeline, mark.value, label=options.label
            )
    return IngestReport(
        items=tuple(items),
        corpus_version=rooms.corpus.history.commit(run, options.snapshot),
        seconds=time.monotonic() - started_s,
        run_id=run.id,
    )


@dataclass(frozen=True, slots=True)
class _Known:
    """What decides whether an item is unchanged, and the model that would embed it."""

    label: str
    pipeline: str
    digest: str
    stored: Mapping[str, StoredSource]
    refused: Mapping[str, Refusal]
    private_uri: Callable[[str], str]

    def has(self, item: Item) -> bool:
        """Whether the item is stored as it is, or was refused as it is."""
        _, stored, refused = self.about(item)
        fingerprint = self.fingerprint(item)
        if stored is not None and stored.fingerprint == fingerprint:
            return True
        return refused is not None and refused.fingerprint == _refusal_print(item, fingerprint)

    def about(self, item: Item) -> tuple[str, StoredSource | None, Refusal | None]:
        """The identity under which an item is known, and what is known of it.

        What has a name in its file name is known by a keyed digest of its uri.
        """
        private = self.private_uri(item.uri)
        uri = private if private in self.stored or private in self.refused else item.uri
        return uri, self.stored.get(uri), self.refused.get(uri)

    def fingerprint(self, item: Item) -> str:
        """Everything that decides what is stored of an item."""
        try:
            content = item.fingerprint()
        except SourceError as error:
            # It cannot even be opened. Reading it tells so again, unless that is known.
            content = f"{type(error).__name__}, {error.what}"
        return f"{content}:{self.pipeline}"


class _State:
    """What the corpus knows already, without a model server where one can do without.

    Starting a server takes longer than telling that nothing changed. So if none runs, the digest
    that the workspace last saw is believed, until an item turns out to need the model.
    """

    def __init__(self, run: Run, rooms: IngestRooms, label: str) -> None:
        self._rooms = rooms
        self._label = label
        self._embedding = rooms.config.models.embedding
        self._stored, digest = rooms.corpus.stored(run, self._embedding)
        self._refused = rooms.corpus.origins.refusals(run, label)
        running = rooms.models.digest_if_running(self._embedding)
        self._believed = running is None and digest is not None
        self.known = self._with(running or digest or rooms.models.digest(self._embedding))

    def for_items(self, items: Sequence[Item]) -> _Known:
        """What is known, asked from the server if one of the items will be embedded."""
        if self._believed and not all(self.known.has(item) for item in items):
            self.known = self._with(self._rooms.models.digest(self._embedding))
        return self.known

    def _with(self, digest: str) -> _Known:
        pipeline = _pipeline(self._rooms, self._label, digest)
        private_uri = self._rooms.masker.private_uri
        return _Known(self._label, pipeline, digest, self._stored, self._refused, private_uri)


def _lasts(error: Exception) -> bool:
    return isinstance(error, _LASTING) and not isinstance(error, ParserCrashed)


def _refusal_print(item: Item, fingerprint: str) -> str:
    return f"{fingerprint}:{item.conditions}"


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
    uri, before, refused = known.about(item)
    fingerprint = known.fingerprint(item)
    if before is not None and before.fingerprint == fingerprint:
        return IngestItem(before.name, uri, ItemStatus.UNCHANGED)
    if refused is not None and refused.fingerprint == _refusal_print(item, fingerprint):
        return IngestItem(refused.name, uri, ItemStatus.FAILED, error=refused.error)
    try:
        masked = rooms.masker.mask(item.read(known.label))
        # A name that was masked must not stand in the uri either.
        uri = uri if masked.name == item.name else known.private_uri(item.uri)
        masked = replace(masked, uri=uri)
        chunks = chunk(masked, rooms.config.chunking)
        if not chunks:
            raise EmptyFile(
                "this holds no text", value=item.name, next_step="Leave it out, or add its text."
            )
    except (SourceError, MaskingError) as error:
        name = rooms.masker.mask_name(item.name, label=known.label)
        uri = uri if name == item.name else known.private_uri(item.uri)
        told = rooms.masker.mask_text(str(error).replace(item.name, name), label=known.label)
        if item.conditions is not None and _lasts(error):
            refusal = Refusal(_refusal_print(item, fingerprint), name, told)
            rooms.corpus.origins.keep_refusals(run, {uri: refusal}, label=known.label)
        seconds = time.monotonic() - started_s
        return IngestItem(name, uri, ItemStatus.FAILED, seconds=seconds, error=told)
    vectors = rooms.models.embed(run, [embedded_text(piece) for piece in chunks])
    embedding = EmbeddingInfo(rooms.config.models.embedding, known.digest, int(vectors.shape[1]))
    rooms.corpus.put(
        run, masked, chunks, vectors=vectors, fingerprint=fingerprint, embedding=embedding
    )
    if uri != item.uri and item.uri in known.stored:
        # It was stored under its own name, before that was masked.
        rooms.corpus.remove(run, item.uri)
    return IngestItem(
        masked.name,
        uri,
        ItemStatus.UPDATED if before else ItemStatus.ADDED,
        chunks=len(chunks),
        masked=sum(masked.masked.values()),
        seconds=time.monotonic() - started_s,
    )


def embedded_text(piece: Chunk) -> str:
    """What stands for a chunk in vector space: its headings, then its words."""
    return f"{piece.heading}\n{piece.text}" if piece.heading else piece.text


def _pipeline(rooms: IngestRooms, label: str, digest: str) -> str:
    """Everything besides the source that decides what is stored; a change re-ingests."""
    parts = (
        CHUNKER_VERSION,
        rooms.config.chunking.model_dump_json(),
        rooms.masker.version,
        digest,
        label,
    )
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _remove_missing(run: Run, rooms: IngestRooms, listing: Listing) -> Iterator[IngestItem]:
    present = {item.uri for item in listing.items}
    present |= {rooms.masker.private_uri(uri) for uri in present}
    for info in rooms.corpus.documents(run):
        # A document that was only granted may be read, and stays.
        if not run.scope.allows(info.label):
            continue
        if info.uri not in present and listing.covers(info.uri):
            rooms.corpus.remove(run, info.uri)
            yield IngestItem(info.name, info.uri, ItemStatus.REMOVED)
