from __future__ import annotations

import zipfile
from io import BytesIO

import pytest

from tests.sources.builders import docx_bytes, paragraph, pdf_bytes, xlsx_bytes, zip_bytes
from workbench.errors import (
    CorruptFile,
    EncryptedFile,
    FileTooLarge,
    SourceError,
    UnsupportedFormat,
)
from workbench.sources import detect as module
from workbench.sources.detect import Kind, detect

PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)
OLE = bytes.fromhex("d0cf11e0a1b11ae1")


@pytest.mark.parametrize(
    ("name", "data", "kind"),
    [
        ("a.pdf", pdf_bytes([]), Kind.PDF),
        ("named.txt", pdf_bytes([]), Kind.PDF),
        ("junk-before.pdf", b"\r\n\r\n" + pdf_bytes([]), Kind.PDF),
        ("a.docx", docx_bytes(paragraph("x")), Kind.DOCX),
        ("word-in-disguise.xlsx", docx_bytes(paragraph("x")), Kind.DOCX),
        ("a.xlsx", xlsx_bytes(("S", [["x"]])), Kind.WORKBOOK),
        ("a.pptx", zip_bytes({"ppt/presentation.xml": "x"}), Kind.PRESENTATION),
        ("a.html", b"<p>no doctype</p>", Kind.HTML),
        ("page.txt", b"\n <!DOCTYPE html><p>", Kind.HTML),
        ("error-page.pdf", b"<html><body>404</body></html>", Kind.HTML),
        ("comment.txt", b"<!-- a\nb --> <!-- c --><html>", Kind.HTML),
        ("comments.txt", b"<!-- -->" * 400 + b"text", Kind.TEXT),
        ("utf16.txt", "<html>".encode("utf-16"), Kind.HTML),
        ("a.md", b"# x", Kind.MARKDOWN),
        ("A.MD", b"# x", Kind.MARKDOWN),
        ("a.tsv", b"a\tb", Kind.CSV),
        ("a.json", b"{}", Kind.JSON),
        ("a.jsonl", b"{}", Kind.JSON_LINES),
        ("a.eml", b"From: a@b", Kind.MAIL),
        ("a.txt", b"x", Kind.TEXT),
        ("README", b"x", Kind.TEXT),
        ("image.pdf", PNG, Kind.IMAGE),
        ("photo", b"\xff\xd8\xff\xe0", Kind.IMAGE),
        ("a.tif", b"II*\x00", Kind.IMAGE),
        ("a.webp", b"RIFF\x01\x02\x03\x04WEBPVP8 ", Kind.IMAGE),
        ("a.bmp", b"BM\x00\x00", Kind.IMAGE),
        ("a.txt", b"BM is two letters", Kind.TEXT),
    ],
)
def test_content_decides(name: str, data: bytes, kind: Kind) -> None:
    assert detect(data, name) is kind


@pytest.mark.parametrize(
    ("name", "data", "error", "words"),
    [
        ("binary.txt", b"abc\x00\x01\x02", CorruptFile, "binary data"),
        ("text.pdf", b"just text", CorruptFile, "named .pdf but holds no PDF"),
        ("a.xyz", b"From: a@b", UnsupportedFormat, ".xyz"),
        ("a.zip", zip_bytes({"a.txt": "x"}), UnsupportedFormat, "ZIP"),
        ("a.docx", zip_bytes({"a.txt": "x"}), CorruptFile, "named .docx"),
        ("cut.docx", docx_bytes(paragraph("x"))[:-40], CorruptFile, "damaged"),
        ("old.doc", OLE + bytes(600), UnsupportedFormat, "old Office"),
        (
            "locked.xlsx",
            OLE + bytes(600) + "EncryptedPackage".encode("utf-16-le"),
            EncryptedFile,
            "password",
        ),
    ],
)
def test_refusals_say_what_the_file_is(
    name: str, data: bytes, error: type[SourceError], words: str
) -> None:
    with pytest.raises(error) as caught:
        detect(data, name)
    assert words in str(caught.value)
    assert caught.value.next_step


def test_zip_with_password_is_encrypted() -> None:
    data = bytearray(docx_bytes(paragraph("x")))
    entry = data.find(b"PK\x01\x02")
    data[entry + 8] |= 1
    with pytest.raises(EncryptedFile):
        detect(bytes(data), "a.docx")


def test_zip_bomb_is_refused_by_its_index() -> None:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", bytes(module.MAX_UNPACKED_BYTES + 1))
    assert len(buffer.getvalue()) < 1_000_000
    with pytest.raises(FileTooLarge, match="unpacks to"):
        detect(buffer.getvalue(), "bomb.docx")
