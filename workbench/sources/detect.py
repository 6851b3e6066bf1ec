"""What a file is, judged by its bytes; the ending only tells kinds of text apart."""

from __future__ import annotations

import io
import re
import zipfile
from enum import StrEnum
from pathlib import PurePath

from workbench.errors import CorruptFile, EncryptedFile, FileTooLarge, UnsupportedFormat
from workbench.sources.locked import OLE_MARK, is_locked_office, locked
from workbench.sources.text import looks_like_text


class Kind(StrEnum):
    """The formats with a parser, in the words shown to people."""

    PDF = "PDF"
    DOCX = "DOCX"
    WORKBOOK = "XLSX"
    PRESENTATION = "PPTX"
    ODT = "ODT"
    EPUB = "EPUB"
    RTF = "RTF"
    HTML = "HTML"
    MARKDOWN = "Markdown"
    CSV = "CSV"
    JSON = "JSON"
    JSON_LINES = "JSON lines"
    PARQUET = "Parquet"
    MAIL = "EML"
    OUTLOOK = "MSG"
    IMAGE = "image"
    TEXT = "text"


MAX_UNPACKED_BYTES = 512 * 1024 * 1024
_MAX_ARCHIVE_MEMBERS = 20_000

_TEXT_KINDS = {
    ".html": Kind.HTML,
    ".htm": Kind.HTML,
    ".xhtml": Kind.HTML,
    ".md": Kind.MARKDOWN,
    ".markdown": Kind.MARKDOWN,
    ".csv": Kind.CSV,
    ".tsv": Kind.CSV,
    ".tab": Kind.CSV,
    ".json": Kind.JSON,
    ".geojson": Kind.JSON,
    ".jsonl": Kind.JSON_LINES,
    ".ndjson": Kind.JSON_LINES,
    ".eml": Kind.MAIL,
    ".txt": Kind.TEXT,
    ".text": Kind.TEXT,
    ".log": Kind.TEXT,
    "": Kind.TEXT,
}
_BINARY_KINDS = {
    ".pdf": Kind.PDF,
    ".docx": Kind.DOCX,
    ".docm": Kind.DOCX,
    ".xlsx": Kind.WORKBOOK,
    ".xlsm": Kind.WORKBOOK,
    ".xlsb": Kind.WORKBOOK,
    ".ods": Kind.WORKBOOK,
    ".pptx": Kind.PRESENTATION,
    ".pptm": Kind.PRESENTATION,
    ".odt": Kind.ODT,
    ".epub": Kind.EPUB,
    ".rtf": Kind.RTF,
    ".parquet": Kind.PARQUET,
    ".msg": Kind.OUTLOOK,
    **dict.fromkeys(
        (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".gif", ".bmp", ".webp"), Kind.IMAGE
    ),
}
_SIGNATURES = (
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!", "a RAR archive"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"SQLite format 3\x00", "an SQLite database"),
)
_PDF_MARK = b"%PDF-"
_OUTLOOK_MARK = "__properties_version1.0".encode("utf-16-le")
_MARKS = (
    (b"PAR1", Kind.PARQUET),
    (b"{\\rtf", Kind.RTF),
    (b"\x89PNG\r\n\x1a\n", Kind.IMAGE),
    (b"\xff\xd8\xff", Kind.IMAGE),
    (b"GIF8", Kind.IMAGE),
    (b"II*\x00", Kind.IMAGE),
    (b"MM\x00*", Kind.IMAGE),
)
_WEBP = re.compile(rb"RIFF....WEBP", re.S)
_MIMETYPE_MEMBER = "mimetype"
_MIMETYPES = {
    "application/vnd.oasis.opendocument.spreadsheet": Kind.WORKBOOK,
    "application/vnd.oasis.opendocument.text": Kind.ODT,
    "application/epub+zip": Kind.EPUB,
}
_PROOFS = {Kind.WORKBOOK: "content.xml", Kind.ODT: "content.xml", Kind.EPUB: "META-INF"}
_LONGEST_MIMETYPE_BYTES = 100
_ZIP_MARKS = (b"PK\x03\x04", b"PK\x05\x06")
_HTML_START = re.compile(
    r"\s*+(?:<\?xml[^>]*+>\s*+)?(?><!--.*?-->\s*+)*+<(?:!doctype html|html)\b", re.I | re.S
)
SUPPORTED = (
    "PDF, DOCX, ODT, RTF, XLSX, PPTX, EPUB, HTML, Markdown, CSV, TSV, JSON, Parquet, EML, MSG, "
    "images and text"
)


def detect(data: bytes, name: str) -> Kind:
    """The kind of a file named ``name``.

    Raises:
        UnsupportedFormat: if there is no parser for what the bytes are.
        CorruptFile: if the bytes are not what the ending promises and no other known kind.
        EncryptedFile: if a password hides the content.
        FileTooLarge: if an archive unpacks to more than MAX_UNPACKED_BYTES.
    """
    suffix = PurePath(name).suffix.lower()
    if _PDF_MARK in data[:1024]:
        return Kind.PDF
    if data.startswith(_ZIP_MARKS):
        return _archive_kind(data, suffix)
    if data.startswith(OLE_MARK):
        return _compound_kind(data, suffix)
    marked = _marked_kind(data)
    if marked is not None:
        return marked
    for mark, content in _SIGNATURES:
        if data.startswith(mark):
            raise _misfit(suffix, content)
    if not looks_like_text(data):
        raise _misfit(suffix, "binary data of an unknown kind")
    if _HTML_START.match(_head(data)):
        return Kind.HTML
    if suffix in _BINARY_KINDS:
        raise _misfit(suffix, "text, or the beginning is damaged")
    if suffix not in _TEXT_KINDS:
        raise _unsupported(f"{suffix} file")
    return _TEXT_KINDS[suffix]


def _marked_kind(data: bytes) -> Kind | None:
    for mark, kind in _MARKS:
        if data.startswith(mark):
            return kind
    if _WEBP.match(data) or (data.startswith(b"BM") and not looks_like_text(data)):
        return Kind.IMAGE
    return None


def _head(data: bytes) -> str:
    head = data[:4096]
    wide = head.startswith((b"\xff\xfe", b"\xfe\xff"))
    return head.decode("utf-16" if wide else "utf-8-sig", errors="replace")


def _archive_kind(data: bytes, suffix: str) -> Kind:
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        members = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise CorruptFile(
            "the file is a damaged or incomplete archive",
            value=error,
            next_step="Copy or download it again, or save it again from its program.",
        ) from error
    unpacked = sum(member.file_size for member in members)
    if unpacked > MAX_UNPACKED_BYTES or len(members) > _MAX_ARCHIVE_MEMBERS:
        raise FileTooLarge(
            "the file unpacks to more than is allowed",
            value=f"{unpacked:,} bytes in {len(members):,} parts, from {len(data):,} bytes",
            next_step="If you trust the file, split it or export it as text.",
        )
    if any(member.flag_bits & 1 for member in members):
        raise EncryptedFile(
            "the archive's parts are protected by a password",
            next_step="Save a copy without the password and ingest the copy.",
        )
    folders = {member.filename.split("/")[0] for member in members}
    if "word" in folders:
        return Kind.DOCX
    if "xl" in folders:
        return Kind.WORKBOOK
    if "ppt" in folders:
        return Kind.PRESENTATION
    kind = _declared_kind(archive) or _BINARY_KINDS.get(suffix)
    if kind is not None and _PROOFS.get(kind) in folders:
        return kind
    raise _misfit(suffix, "a ZIP archive")


def _declared_kind(archive: zipfile.ZipFile) -> Kind | None:
    """What an OpenDocument file or a book says it is, in its first member."""
    if _MIMETYPE_MEMBER not in archive.namelist():
        return None
    with archive.open(_MIMETYPE_MEMBER) as member:
        declared = member.read(_LONGEST_MIMETYPE_BYTES).decode("ascii", errors="replace")
    return _MIMETYPES.get(declared.strip().removesuffix("-template"))


def _compound_kind(data: bytes, suffix: str) -> Kind:
    if is_locked_office(data):
        raise locked("file", None)
    if _OUTLOOK_MARK in data:
        return Kind.OUTLOOK
    raise _unsupported(f"an old Office file ({suffix or 'no ending'})")


def _misfit(suffix: str, content: str) -> CorruptFile | UnsupportedFormat:
    """Content without a parser: the file's fault if its ending promised another."""
    promised = _BINARY_KINDS.get(suffix) or (_TEXT_KINDS.get(suffix) if suffix else None)
    if promised is None:
        return _unsupported(content)
    return CorruptFile(
        f"the file is named {suffix} but holds no {promised}",
        value=content,
        next_step="Give it the ending of its real format, or copy or download it again.",
    )


def _unsupported(content: str) -> UnsupportedFormat:
    return UnsupportedFormat(
        "there is no parser for this file",
        value=content,
        next_step=f"Convert it to one of {SUPPORTED}.",
    )
