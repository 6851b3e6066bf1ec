"""EPUB books: the chapters in reading order, each read like a web page."""

from __future__ import annotations

import io
import posixpath
import zipfile
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import unquote

from workbench.errors import CorruptFile, EncryptedFile
from workbench.sources.html import parse_html
from workbench.sources.parsed import Parsed
from workbench.sources.safe_xml import member_root, title_and_author

if TYPE_CHECKING:
    from lxml import etree

_CONTAINER = "META-INF/container.xml"
_ENCRYPTION = "META-INF/encryption.xml"
_ROOT_FILE = ".//{urn:oasis:names:tc:opendocument:xmlns:container}rootfile"
_PACKAGE = "{http://www.idpf.org/2007/opf}"
_CIPHER = "{http://www.w3.org/2001/04/xmlenc#}CipherReference"
_CHAPTER_TYPES = frozenset(("application/xhtml+xml", "text/html"))


def parse_epub(data: bytes) -> Parsed:
    """The chapters of a book as markdown, in the order of its spine.

    Raises:
        CorruptFile: if the order or a chapter is missing.
        EncryptedFile: if a chapter is encrypted. Others are translated by ``parsing.parse``.
    """
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        package_name, package = _package(archive)
        chapters = list(dict.fromkeys(_chapters(package, posixpath.dirname(package_name))))
        if not _encrypted(archive).isdisjoint(chapters):
            raise EncryptedFile(
                "the book is protected against copying",
                next_step="Get a copy without protection and ingest that.",
            )
        missing = set(chapters) - set(archive.namelist())
        if missing:
            raise _incomplete("a chapter")
        parts = tuple(parse_html(archive.read(name)).parts[0] for name in chapters)
    return Parsed(
        media_type="application/epub+zip", parts=parts, metadata=title_and_author(package)
    )


def _package(archive: zipfile.ZipFile) -> tuple[str, etree._Element]:
    """The file that lists the chapters: its name and its root."""
    container = member_root(archive, _CONTAINER)
    found = None if container is None else container.find(_ROOT_FILE)
    name = "" if found is None else found.get("full-path", "")
    package = member_root(archive, name)
    if package is None:
        raise _incomplete("the list of chapters")
    return name, package


def _chapters(package: etree._Element, folder: str) -> Iterator[str]:
    """The names of the chapters inside the archive, in reading order."""
    items = {item.get("id"): item for item in package.iter(f"{_PACKAGE}item")}
    for reference in package.iter(f"{_PACKAGE}itemref"):
        item = items.get(reference.get("idref"))
        if item is None:
            raise _incomplete("a chapter")
        if item.get("media-type") in _CHAPTER_TYPES:
            path = unquote(item.get("href", "").partition("#")[0])
            yield posixpath.normpath(posixpath.join(folder, path))


def _encrypted(archive: zipfile.ZipFile) -> set[str]:
    root = member_root(archive, _ENCRYPTION)
    return set() if root is None else {unquote(r.get("URI", "")) for r in root.iter(_CIPHER)}


def _incomplete(part: str) -> CorruptFile:
    return CorruptFile(
        "the book is incomplete",
        value=f"{part} is missing",
        next_step="Copy or download it again.",
    )
