from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from tests.sources.builders import ENCRYPTED_PDF, form_pdf_bytes, pdf_bytes, pictured_pdf_bytes
from workbench.config import LimitsConfig
from workbench.errors import CorruptFile, EncryptedFile
from workbench.sources.files import FileSource
from workbench.sources.page_images import MAX_SIDE_PIXELS, draw_page

TEXT = pdf_bytes([(50, 700, "Ann Lee joined the company")])


def ink(data: bytes, number: int = 1) -> int:
    """How many dark pixels the drawn page has."""
    image = draw_page(data, number)
    assert image is not None
    histogram = Image.open(io.BytesIO(image.png)).convert("L").histogram()
    return sum(histogram[:128])


def test_a_page_is_drawn_with_its_words() -> None:
    image = draw_page(TEXT, 1)
    assert image is not None
    assert Image.open(io.BytesIO(image.png)).size == (1200, 1600)
    assert not image.has_pictures
    assert ink(TEXT) > ink(pdf_bytes([(50, 700, " ")])) == 0


def test_a_page_that_is_not_there_is_none() -> None:
    assert draw_page(TEXT, 0) is None
    assert draw_page(TEXT, 2) is None


def test_a_picture_on_a_page_is_told() -> None:
    image = draw_page(pictured_pdf_bytes("Ann Lee"), 1)
    assert image is not None
    assert image.has_pictures


def test_what_was_typed_into_a_form_is_drawn() -> None:
    assert ink(form_pdf_bytes("Name", "Ann Lee")) > ink(form_pdf_bytes("Name", " "))


def test_a_huge_page_is_drawn_small() -> None:
    image = draw_page(TEXT.replace(b"[0 0 600 800]", b"[0 0 14400 9]"), 1)
    assert image is not None
    assert max(Image.open(io.BytesIO(image.png)).size) <= MAX_SIDE_PIXELS


def test_pages_come_from_the_limited_process(tmp_path: Path) -> None:
    source = FileSource(LimitsConfig())
    path = tmp_path / "a.pdf"
    path.write_bytes(TEXT)
    assert source.page_image(path, 1) == draw_page(TEXT, 1)
    assert source.page_image(path, 2) is None
    path.write_bytes(TEXT[:200])
    with pytest.raises(CorruptFile):
        source.page_image(path, 1)
    path.write_bytes(ENCRYPTED_PDF.read_bytes())
    with pytest.raises(EncryptedFile):
        source.page_image(path, 1)
    note = tmp_path / "a.txt"
    note.write_text("March", encoding="utf-8")
    assert source.page_image(note, 1) is None
    source.close()
