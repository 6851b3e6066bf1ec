"""Files and folders as a source of documents."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

from workbench.config import LimitsConfig
from workbench.errors import EmptyFile, SourceError, UnsupportedFormat, UsageError
from workbench.sources import ocr
from workbench.sources.boxes import PageSpan
from workbench.sources.child import too_large
from workbench.sources.items import Access, Item, Listing
from workbench.sources.names import shown_name
from workbench.sources.page_images import PageImage
from workbench.sources.parsing import PARSER_VERSION
from workbench.sources.worker import Parser
from workbench.values import Document, Page, PageBox

__all__ = ["PARSER_VERSION", "FileSource", "shown_name"]

_OFFICE_LOCK = "~$"


@dataclass(frozen=True, slots=True)
class FilePaths:
    """Files and folders as a source."""

    files: FileSource
    paths: Sequence[Path]
    password: str | Mapping[str, str] | None = field(default=None, repr=False)

    def listing(self, _: Access) -> Listing:
        """The files at and below the paths as items; errors as ``FileSource.listing``."""
        return self.files.listing(self.paths, self.password)


class FileSource:
    """Finds files and turns each into a Document, in a process of its own.

    Safe to share between threads; files are parsed one at a time.
    """

    def __init__(self, limits: LimitsConfig) -> None:
        self.limits = limits
        self._parser = Parser(limits)

    def listing(
        self, paths: Sequence[Path], password: str | Mapping[str, str] | None = None
    ) -> Listing:
        """The files at and below ``paths`` as items; folders are listed as a whole.

        ``password`` opens protected files: one for all, or by file name or pattern of names.

        Raises:
            UsageError: if no path is given, or one does not exist.
        """
        if not paths:
            raise UsageError("no path was given", next_step="Name at least one file or folder.")
        files = self.discover(paths)
        roots = [path.resolve() for path in paths]
        return Listing(
            items=[self._item(path, _password_of(path, password)) for path in files],
            covered=tuple(_folder_uri(root) for root in roots if root.is_dir()),
            # Whether a file is gone from a folder that cannot be read is not known.
            unread=tuple(_folder_uri(path.resolve()) for path in files if path.is_dir()),
        )

    def _item(self, path: Path, password: str | None) -> Item:
        try:
            size_bytes = path.stat().st_size
        except OSError:
            # It vanished after discovery; reading it reports that, here only the estimate is lost.
            size_bytes = 0
        return Item(
            uri=path.resolve().as_uri(),
            name=shown_name(path),
            size_bytes=size_bytes,
            fingerprint=lambda: f"{PARSER_VERSION}:{self.fingerprint(path)}",
            read=lambda label: self.read(path, label=label, password=password),
            conditions=None if password else _conditions(self.limits),
        )

    def discover(self, paths: Sequence[Path]) -> list[Path]:
        """The files at and below ``paths``, sorted, each once.

        Below a folder, hidden files, lock files of office programs and links that lead out of the
        folder are left out; a file that is named itself is always listed, and so is a folder that
        cannot be read: reading it tells why.

        Raises:
            UsageError: if a path does not exist.
        """
        found: dict[Path, Path] = {}
        for path in paths:
            # Unlike Path.exists, this also says no where the system refuses to look.
            if not os.path.exists(path):
                raise UsageError(
                    "there is no such file or folder",
                    value=path,
                    next_step="Check the spelling, or the folder you are in.",
                )
            for file in _files_below(path) if path.is_dir() else [path]:
                found.setdefault(file.resolve(), file)
        return sorted(found.values())

    def fingerprint(self, path: Path) -> str:
        """The SHA-256 of the file's bytes, in hexadecimal.

        Raises:
            SourceError: if the file cannot be read, or is no regular file.
        """
        self._check(path)
        try:
            with path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise _unreadable(path, error) from error

    def read(self, path: Path, *, label: str, password: str | None = None) -> Document:
        """Parse one file.

        Raises:
            UnsupportedFormat: if there is no parser for it.
            CorruptFile: if its bytes do not match its format.
            EncryptedFile: if it needs a password.
            EmptyFile: if it holds no text, for example a scan.
            FileTooLarge: if it is over a limit of size, text, time or memory.
            SourceError: if it cannot be read at all.
        """
        self._check(path)
        real = path.resolve()
        return self._document(real, real.as_uri(), shown_name(path), label, password=password)

    def read_as(self, path: Path, uri: str, name: str, label: str) -> Document:
        """Parse the file at ``path`` as a document of another identity and name.

        The ending of ``path`` helps to tell what it is. Errors as ``read``.
        """
        return self._document(path, uri, name, label)

    def _document(
        self, path: Path, uri: str, name: str, label: str, *, password: str | None = None
    ) -> Document:
        reply = self._parser.parse(path, password)
        return Document(
            uri=uri,
            name=name,
            media_type=reply.media_type,
            content_hash=reply.content_hash,
            text=reply.text,
            label=label,
            pages=tuple(Page(*page) for page in reply.pages),
            metadata=reply.metadata,
        )

    def boxes(self, path: Path, span: PageSpan, *, password: str | None = None) -> list[PageBox]:
        """Where a span of a page's masked text stands on that page of a PDF, line by line.

        Empty if it is not found there, as on a scanned page. Errors as ``read``.
        """
        self._check(path)
        return self._parser.boxes(path.resolve(), span, password)

    def page_image(self, path: Path, number: int) -> PageImage | None:
        """Page ``number`` (from 1) of a PDF as a picture.

        None if there is no such page, or the file is no PDF. Errors as ``read``.
        """
        self._check(path)
        return self._parser.page_image(path.resolve(), number)

    def close(self) -> None:
        """End the parser process; it also ends with this object or the program."""
        self._parser.close()

    def _check(self, path: Path) -> None:
        """Refuse by name and size alone, before a byte is read."""
        try:
            size = path.stat().st_size
        except OSError as error:
            raise _unreadable(path, error) from error
        if path.is_dir():
            raise SourceError(
                "the folder cannot be read",
                value=shown_name(path),
                next_step="Check that you may read it; what was stored from it stays stored.",
            )
        if not path.is_file():
            raise UnsupportedFormat(
                "this is no regular file",
                value=shown_name(path),
                next_step="Give a file or a folder.",
            )
        if size == 0:
            raise EmptyFile(
                "the file is empty",
                value=shown_name(path),
                next_step="Check that it was copied or saved completely.",
            )
        if size > self.limits.max_file_bytes:
            raise too_large(shown_name(path), self.limits.max_file_bytes)


def _conditions(limits: LimitsConfig) -> str:
    recognition = "with" if ocr.is_installed() else "without"
    return f"{recognition} text recognition, {limits.model_dump_json()}"


def _password_of(path: Path, password: str | Mapping[str, str] | None) -> str | None:
    if password is None or isinstance(password, str):
        return password
    found = (value for name, value in password.items() if fnmatch(path.name, name))
    return password.get(path.name) or next(found, None)


def _files_below(folder: Path) -> Iterator[Path]:
    root = folder.resolve()
    unread: list[Path] = []
    for parent, folders, names in os.walk(
        folder, onerror=lambda error: unread.append(Path(error.filename))
    ):
        folders[:] = [name for name in folders if not _hidden(name)]
        for name in names:
            file = Path(parent, name)
            real = file.resolve()
            if not _hidden(name) and real.is_file() and real.is_relative_to(root):
                yield file
    yield from unread


def _folder_uri(folder: Path) -> str:
    return f"{folder.as_uri().rstrip('/')}/"


def _hidden(name: str) -> bool:
    return name.startswith((".", _OFFICE_LOCK))


def _unreadable(path: Path, error: OSError) -> SourceError:
    return SourceError(
        "the file cannot be read",
        value=f"{shown_name(path)}: {error.strerror or type(error).__name__}",
        next_step="Check that it exists and that you may read it.",
    )
