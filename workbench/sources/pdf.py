"""PDF: the text layer, page by page, in the order PDFium gives it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from contextlib import closing
from typing import TYPE_CHECKING

from workbench.errors import CorruptFile
from workbench.sources import ocr
from workbench.sources.layout import Box, in_order, is_scrambled, reading_order
from workbench.sources.locked import locked
from workbench.sources.parsed import Parsed

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument, PdfTextPage

# PDFium writes U+FFFE where a hyphen ends a line, and swallows the line end.
_LINE_HYPHEN = re.compile(r"(?<!\w)(\w*)\ufffe\n?(\w*)")
_PRINTED_WORD = re.compile(r"\S+")
_PRINTED_LINE = re.compile(r"\S(?:[^\r\n]*\S)?")
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_PLACEHOLDER_VALUES = {"", "untitled", "(anonymous)", "(unspecified)"}


def parse_pdf(data: bytes, password: str | None = None) -> Parsed:
    """The pages of a PDF. A page without a text layer is read by Tesseract, or empty without it.

    Raises:
        EncryptedFile: if the file opens only with a password.
        CorruptFile: if PDFium cannot read it.
    """
    from pypdfium2 import raw

    document = opened_pdf(data, password)
    is_form = document.get_formtype() != raw.FORMTYPE_NONE
    if is_form:
        document.init_forms()
    pages, recognised = [], []
    for number in range(len(document)):
        if is_form:
            # What was typed into a form is no text of the page until it is made part of it.
            with closing(document[number]) as page:
                page.flatten()
        with closing(document[number]) as page:
            with closing(page.get_textpage()) as text_page:
                text = _page_text(text_page)
            if not any(map(str.isalnum, text)) and (seen := ocr.page_text(page)).strip():
                text = seen
                recognised.append(str(number + 1))
        pages.append(text)
    metadata = {
        name: value.strip()
        for name in ("Title", "Author")
        if (value := document.get_metadata_value(name)).strip().lower() not in _PLACEHOLDER_VALUES
    }
    document.close()
    if recognised:
        metadata["pages_by_text_recognition"] = ", ".join(recognised)
    return Parsed(
        media_type="application/pdf",
        parts=join_line_hyphens(pages),
        paged=True,
        metadata={name.lower(): value for name, value in metadata.items()},
    )


def opened_pdf(data: bytes, password: str | None) -> PdfDocument:
    """The document, to be closed by the caller or with it.

    Raises:
        EncryptedFile, CorruptFile: as ``parse_pdf``.
    """
    from pypdfium2 import PdfDocument, PdfiumError, raw

    try:
        document = PdfDocument(data, password=password)
    except PdfiumError as error:
        if getattr(error, "err_code", None) == raw.FPDF_ERR_PASSWORD:
            raise locked("PDF", password) from error
        raise CorruptFile(
            "the PDF cannot be read",
            value=error,
            next_step="Open it in a PDF viewer and save it again.",
        ) from error
    return document


def text_order(text_page: PdfTextPage) -> list[tuple[int, str]]:
    """The characters of a page with their indices, in the order in which they are read."""
    from pypdfium2 import raw

    text = str(text_page.get_text_range())
    if len(text) != text_page.count_chars():
        # Characters beyond 16 bit, or without a meaning, shift the text against the indices.
        count = text_page.count_chars()
        return [(at, chr(raw.FPDFText_GetUnicode(text_page, at))) for at in range(count)]
    if not is_scrambled(_boxes(text_page, _PRINTED_LINE.finditer(text))):
        return list(enumerate(text))
    words = in_order(_boxes(text_page, _PRINTED_WORD.finditer(text)))
    return [place for word in words for place in enumerate(word.text, start=word.start)]


def _page_text(text_page: PdfTextPage) -> str:
    text = str(text_page.get_text_range())
    if len(text) != text_page.count_chars():  # characters beyond 16 bit: no way back to boxes
        return text
    if is_scrambled(_boxes(text_page, _PRINTED_LINE.finditer(text))):
        return reading_order(_boxes(text_page, _PRINTED_WORD.finditer(text)))
    return text


def _boxes(text_page: PdfTextPage, pieces: Iterable[re.Match[str]]) -> list[Box]:
    boxes = []
    for piece in pieces:
        # Loose boxes have the height of the font: a comma stands on the line of its word.
        left, bottom, _, top = text_page.get_charbox(piece.start(), loose=True)
        right = text_page.get_charbox(piece.end() - 1, loose=True)[2]
        boxes.append(Box(left, bottom, right, top, piece.group(), piece.start()))
    return boxes


def join_line_hyphens(pages: Sequence[str]) -> tuple[str, ...]:
    """Words broken at a line end become whole: ``gover-`` + ``nment`` is ``government``.

    A compound keeps its hyphen if the document writes it so elsewhere, and beside digits, where
    the hyphen belongs to a number or a code.
    """
    words = {word.lower() for page in pages for word in _WORD.findall(page)}

    def join(match: re.Match[str]) -> str:
        left, right = match.groups()
        compound = f"{left}-{right}"
        joined = left + right
        if not left or not right or not joined.isalpha():
            return compound
        keep = compound.lower() in words and joined.lower() not in words
        return compound if keep else joined

    return tuple(_LINE_HYPHEN.sub(join, page) for page in pages)
