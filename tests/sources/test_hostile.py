"""Hostile files: each ends in a document or a clear error, in bounded time and memory."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.sources.builders import docx_bytes, paragraph, pdf_bytes, xlsx_bytes, zip_bytes
from tests.sources.compound import msg_bytes
from workbench.config import LimitsConfig
from workbench.errors import FileTooLarge, SourceError
from workbench.sources.files import FileSource
from workbench.sources.worker import Parser

Write = Callable[[str, bytes | str], Path]
TIME_LIMIT_S = 20
MEMORY_BYTES = 1024**3

LAUGHS = (
    '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9))
    + "]>"
)
OUTSIDE = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'


@pytest.fixture(scope="module")
def source() -> Iterator[FileSource]:
    limits = LimitsConfig(parse_timeout_s=TIME_LIMIT_S)
    source = FileSource(limits)
    source._parser = Parser(limits, max_memory_bytes=MEMORY_BYTES)
    yield source
    source.close()


def lying_zip() -> bytes:
    """A Word file whose index says that its text is short, although it unpacks to 300 MB."""
    size = 300 * 1024**2
    data = bytearray(docx_bytes(paragraph("x" * size)))
    with zipfile.ZipFile(io.BytesIO(bytes(data))) as archive:
        real = archive.getinfo("word/document.xml").file_size
    return bytes(data).replace(real.to_bytes(4, "little"), (1000).to_bytes(4, "little"))


def odt(content: str) -> bytes:
    return zip_bytes(
        {"mimetype": "application/vnd.oasis.opendocument.text", "content.xml": content}
    )


HOSTILE: dict[str, Callable[[], bytes]] = {
    "packed.docx": lambda: docx_bytes(paragraph("x" * 200_000_000)),
    "lying.docx": lying_zip,
    "many parts.docx": lambda: zip_bytes({f"word/{n}.xml": "" for n in range(21_000)}),
    "zip in zip.zip": lambda: zip_bytes({"a.zip": zip_bytes({"b.zip": zip_bytes({"c": "x"})})}),
    "laughs.docx": lambda: docx_bytes(paragraph("&j;"), prolog=LAUGHS),
    "outside.docx": lambda: docx_bytes(paragraph("&a;"), prolog=OUTSIDE),
    "laughs.odt": lambda: odt(LAUGHS + "<x>&j;</x>"),
    "outside.odt": lambda: odt(OUTSIDE + "<x>&a;</x>"),
    "deep.odt": lambda: odt("<x>" * 100_000 + "</x>" * 100_000),
    "deep.docx": lambda: docx_bytes("<w:sdt><w:sdtContent>" * 20_000),
    "deep.html": lambda: b"<div>" * 200_000 + b"word",
    "wide.html": lambda: b"<html><table><tr>" + b"<td colspan=1000>x</td>" * 20_000,
    "deep.json": lambda: b"[" * 1_000_000 + b"]" * 1_000_000,
    "deep.jsonl": lambda: b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "numbers.json": lambda: b"[" + b"9" * 5_000_000 + b"]",
    "deep.md": lambda: b">" * 500_000 + b" word",
    "front.md": lambda: b"---\na: &a [x]\n" + b"b: &b [*a, *a]\n" * 1_000 + b"---\nword",
    "deep.rtf": lambda: b"{\\rtf1 " + b"{" * 500_000 + b"x" + b"}" * 500_000 + b"}",
    "columns.csv": lambda: (
        b",".join(b"c%d" % n for n in range(1_000_000)) + b"\n" + b"1," * 999_999
    ),
    "rows.csv": lambda: b"a\n" * 5_000_000,
    "quote.csv": lambda: b'a,b\n"' + b"x,\n" * 5_000_000,
    "spaces.txt": lambda: b" " * 50_000_000,
    "lines.txt": lambda: b"\n" * 50_000_000,
    "marks.txt": ("a" + "\u0301" * 2_000_000).encode,
    "received.eml": lambda: b"Received: x\n" * 500_000 + b"\nword",
    "parts.eml": lambda: (
        b"From: a@b\nContent-Type: multipart/mixed; boundary=x\n\n"
        + b"--x\nContent-Type: multipart/mixed; boundary=x\n\n" * 20_000
    ),
    "pages.pdf": lambda: pdf_bytes([(50, 700, "x")]).replace(b"/Count 1", b"/Count 999999999"),
    "pixels.tif": lambda: b"II*\x00\x08\x00\x00\x00\xff\xff" + bytes(500),
}


def outcome(source: FileSource, path: Path) -> str:
    """The text of a document, or the message of its error; anything else fails the test."""
    try:
        return source.read(path, label="x").text
    except SourceError as error:
        return str(error)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_ends_in_a_document_or_a_clear_error(
    source: FileSource, write: Write, name: str
) -> None:
    path = write(name, HOSTILE[name]())
    started_s = time.monotonic()
    told = outcome(source, path)
    assert told
    assert "hahaha" not in told
    assert "root:" not in told
    assert time.monotonic() - started_s < TIME_LIMIT_S + 30
    assert source.read(write("next.txt", "goes on"), label="x").text == "goes on"


SOUND: dict[str, Callable[[], bytes]] = {
    "a.docx": lambda: docx_bytes(paragraph("Hello") * 50),
    "a.xlsx": lambda: xlsx_bytes(("S", [["Team", "Cups"], ["Blues", 1]])),
    "a.pdf": lambda: pdf_bytes([(50, 700, "Hello")]),
    "a.msg": lambda: msg_bytes("Subject", "Body", attachments={"a.txt": b"text"}),
    "a.eml": lambda: b"From: a@b\nContent-Type: text/html; charset=utf-8\n\n<p>\xc3\xa4</p>",
    "a.json": lambda: json.dumps([{"a": 1, "b": [1, 2]}] * 20).encode(),
    "a.rtf": lambda: b"{\\rtf1 {\\b Hello} world}",
    "a.html": lambda: b"<html><body><table><tr><td>a<td>b</table></body></html>",
    "a.odt": lambda: odt("<x/>"),
}


@pytest.mark.parametrize("name", SOUND)
def test_a_file_that_is_cut_or_changed_never_crashes(
    source: FileSource, write: Write, name: str
) -> None:
    data = SOUND[name]()
    steps = max(1, len(data) // 12)
    for cut in range(0, len(data), steps):
        flipped = data[:cut] + bytes([data[cut] ^ 0xFF]) + data[cut + 1 :]
        for variant in (data[:cut], flipped, data[cut:]):
            assert outcome(source, write(name, variant))


@pytest.mark.slow
def test_a_text_of_one_gigabyte_uses_bounded_memory(tmp_path: Path) -> None:
    path = tmp_path / "huge.txt"
    line = b"A line of words that goes on and on.\n" * 28_000
    with path.open("wb") as file:
        for _ in range(1024):
            file.write(line)
    assert path.stat().st_size > 1_000_000_000
    usual, raised = FileSource(LimitsConfig()), FileSource(LimitsConfig(max_file_bytes=2 * 1024**3))
    before = psutil.Process().memory_info().rss
    for source in (usual, raised):
        with pytest.raises(FileTooLarge) as caught:
            source.read(path, label="x")
        assert caught.value.next_step
        source.close()
    assert psutil.Process().memory_info().rss - before < 100_000_000


def test_names_with_control_characters(source: FileSource, tmp_path: Path) -> None:
    names = ["a\x1b[2J.txt", "b\nc.txt", "d\u202etxt.exe.txt", "e\x7f.pdf"]
    for name in names:
        (tmp_path / name).write_text("%PDF-1.7" if name.endswith("pdf") else "Words")
    listing = source.listing([tmp_path])
    shown = [item.name for item in listing.items]
    assert shown == ["a\ufffd[2J.txt", "b\ufffdc.txt", "d\ufffdtxt.exe.txt", "e\ufffd.pdf"]
    for item in listing.items:
        assert item.uri.isprintable()
    assert [item.read("x").name for item in listing.items[:3]] == shown[:3]
    with pytest.raises(SourceError) as caught:
        listing.items[3].read("x")
    assert str(caught.value).isprintable()
