"""Source -> document -> masked -> chunks -> vectors -> corpus, one transaction per file."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from workbench.chunking import CHUNKER_VERSION, chunk
from workbench.config import Config
from workbench.errors import EmptyFile, MaskingError, SourceError, UsageError
from workbench.guard.run import Run
from workbench.masking.masker import Masker
from workbench.models.governed import Models
from workbench.results import IngestItem, IngestReport, ItemStatus
from workbench.sources.files import PARSER_VERSION, FileSource, shown_name
from workbench.store.corpus import Corpus
from workbench.store.records import EmbeddingInfo
from workbench.values import Chunk


@dataclass(frozen=True, slots=True)
class IngestProgress:
    """``done`` of ``total`` files are finished; ``remaining_s``, estimated by bytes, or None."""

    done: int
    total: int
    name: str
    remaining_s: float | None


@dataclass(frozen=True, slots=True)
class IngestRooms:
    """The collaborators of an ingest."""

    config: Config
    source: FileSource
    masker: Masker
    models: Models
    corpus: Corpus


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    uri: str
    size_bytes: int


def ingest(
    run: Run,
    rooms: IngestRooms,
    paths: Sequence[Path],
    *,
    label: str,
    sync: bool,
    progress: Callable[[IngestProgress], None],
) -> IngestReport:
    """Bring files into the corpus; what did not change since the last ingest is not read again.

    With ``sync``, documents below the given folders whose file is gone are removed. A bad file
    becomes a failed item of the report and the rest goes on; a failure that concerns every file
    (no model server, no access, budget) ends the ingest, and what was stored stays stored.

    Raises:
        UsageError: if a path does not exist.
        ModelError, StoreError, AccessDenied, BudgetExceeded: if the ingest cannot go on.
    """
    run.require_write(label)
    started_s = time.monotonic()
    if not paths:
        raise UsageError("no path was given", next_step="Name at least one file or folder.")
    files = [_file(path) for path in rooms.source.discover(paths)]
    pipeline = _pipeline(rooms, label)
    known = rooms.corpus.fingerprints(run)
    items = list(_bring_in(run, rooms, files, _Known(label, pipeline, known), progress))
    if sync:
        items.extend(_remove_missing(run, rooms.corpus, paths, files))
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
    files: Sequence[_File],
    known: _Known,
    progress: Callable[[IngestProgress], None],
) -> Iterator[IngestItem]:
    total_bytes = sum(file.size_bytes for file in files)
    done_bytes = 0
    started_s = time.monotonic()
    for done, file in enumerate(files):
        elapsed_s = time.monotonic() - started_s
        remaining_s = elapsed_s / done_bytes * (total_bytes - done_bytes) if done_bytes else None
        progress(IngestProgress(done, len(files), file.path.name, remaining_s))
        yield _one(run, rooms, file, known)
        done_bytes += file.size_bytes
    progress(IngestProgress(len(files), len(files), "", 0.0))


def _one(run: Run, rooms: IngestRooms, file: _File, known: _Known) -> IngestItem:
    started_s = time.monotonic()
    plain_name = shown_name(file.path)
    name = rooms.masker.mask_name(plain_name, label=known.label)
    before = known.fingerprints.get(file.uri)
    try:
        fingerprint = f"{rooms.source.fingerprint(file.path)}:{known.pipeline}"
        if before == fingerprint:
            return IngestItem(name, file.uri, ItemStatus.UNCHANGED)
        masked = rooms.masker.mask(rooms.source.read(file.path, label=known.label))
        chunks = chunk(masked, rooms.config.chunking)
        if not chunks:
            raise EmptyFile(
                "the file holds no text", value=name, next_step="Leave it out, or add its text."
            )
    except (SourceError, MaskingError) as error:
        return IngestItem(
            name,
            file.uri,
            ItemStatus.FAILED,
            seconds=time.monotonic() - started_s,
            error=rooms.masker.mask_text(str(error).replace(plain_name, name), label=known.label),
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
        file.uri,
        ItemStatus.UPDATED if before else ItemStatus.ADDED,
        chunks=len(chunks),
        masked=sum(masked.masked.values()),
        seconds=time.monotonic() - started_s,
    )


def embedded_text(piece: Chunk) -> str:
    """What stands for a chunk in vector space: its headings, then its words."""
    return f"{piece.heading}\n{piece.text}" if piece.heading else piece.text


def _pipeline(rooms: IngestRooms, label: str) -> str:
    """Everything besides the bytes that decides what is stored; a change re-ingests."""
    parts = (
        PARSER_VERSION,
        CHUNKER_VERSION,
        rooms.config.chunking.model_dump_json(),
        rooms.masker.version,
        rooms.models.digest(rooms.config.models.embedding),
        label,
    )
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _remove_missing(
    run: Run, corpus: Corpus, paths: Sequence[Path], files: Sequence[_File]
) -> Iterator[IngestItem]:
    present = {file.uri for file in files}
    # Whether a file is gone from a folder that cannot be read is not known.
    unread = tuple(f"{file.uri}/" for file in files if file.path.is_dir())
    roots = [path.resolve() for path in paths]
    folders = tuple(f"{root.as_uri().rstrip('/')}/" for root in roots if root.is_dir())
    for info in corpus.documents(run):
        inside = info.uri.startswith(folders) and not info.uri.startswith(unread)
        if inside and info.uri not in present:
            corpus.remove(run, info.uri)
            yield IngestItem(info.name, info.uri, ItemStatus.REMOVED)


def _file(path: Path) -> _File:
    try:
        size_bytes = path.stat().st_size
    except OSError:
        # It vanished after discovery; reading it reports that, here only the estimate is lost.
        size_bytes = 0
    return _File(path, path.resolve().as_uri(), size_bytes)
