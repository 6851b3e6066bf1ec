from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFont

from workbench.config import LimitsConfig
from workbench.errors import CorruptFile, EmptyFile, FileTooLarge
from workbench.sources import ocr
from workbench.sources.files import FileSource
from workbench.sources.parsing import parse

Write = Callable[[str, bytes | str], Path]
MAX = 1_000_000
with_tesseract = pytest.mark.skipif(not ocr.is_installed(), reason="tesseract is not installed")


def picture(text: str, form: str = "PNG") -> bytes:
    image = Image.new("L", (1000, 200), 255)
    font = ImageFont.load_default(size=60)
    ImageDraw.Draw(image).text((40, 60), text, font=font, fill=0)
    data = io.BytesIO()
    image.save(data, form)
    return data.getvalue()


@pytest.fixture
def no_tesseract(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.mark.usefixtures("no_tesseract")
def test_without_tesseract_the_error_says_what_to_install() -> None:
    with pytest.raises(EmptyFile, match="Install Tesseract"):
        parse(picture("Words"), "a.png", max_chars=MAX)
    with pytest.raises(EmptyFile, match=r"probably a scan: 1 pages\. Install Tesseract"):
        parse(picture("Words", "PDF"), "a.pdf", max_chars=MAX)


def test_an_image_bomb_is_refused_by_its_header() -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    for side in (12_000, 60_000):
        head = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
        bomb = (
            b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")
        )
        with pytest.raises(FileTooLarge, match="more than 100,000,000 pixels"):
            parse(bomb, "bomb.png", max_chars=MAX)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "TIFF", "GIF", "BMP", "WEBP"])
def test_a_damaged_image(form: str) -> None:
    with pytest.raises(CorruptFile, match="image cannot be read"):
        parse(picture("Words", form)[:20], "a.png", max_chars=MAX)


@with_tesseract
@pytest.mark.parametrize("form", ["PNG", "JPEG", "TIFF"])
def test_text_in_images(write: Write, form: str) -> None:
    source = FileSource(LimitsConfig())
    document = source.read(write("receipt", picture("Receipts of 2026", form)), label="x")
    assert document.text == "Receipts of 2026"
    assert document.media_type == f"image/{form.lower()}"
    source.close()


@with_tesseract
def test_text_on_scanned_pages(write: Write) -> None:
    source = FileSource(LimitsConfig())
    document = source.read(write("scan.pdf", picture("Receipts of 2026", "PDF")), label="x")
    assert document.text == "Receipts of 2026"
    assert document.metadata["pages_by_text_recognition"] == "1"
    assert [page.number for page in document.pages] == [1]
    with pytest.raises(EmptyFile, match="found nothing either"):
        source.read(write("blank.pdf", picture(" ", "PDF")), label="x")
    source.close()


@with_tesseract
def test_the_scans_of_the_parsers_set(shared_data: Path) -> None:
    folder = shared_data / "docs-parsers-a"
    source = FileSource(LimitsConfig())
    text = source.read(folder / "docling" / "ocr_test.pdf", label="x").text
    assert "Docling bundles PDF document conversion" in " ".join(text.split())
    source.close()
