"""PDF: the text layer, page by page, in the order PDFium gives it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from workbench.errors import CorruptFile, EncryptedFile
from workbench.sources.parsed import Parsed

# PDFium writes U+FFFE where a hyphen ends a line, and swallows the line end.
_LINE_HYPHEN = re.compile(r"(\w*)\ufffe(\w*)")
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_PLACEHOLDER_VALUES = {"", "untitled", "(anonymous)", "(unspecified)"}


def parse_pdf(data: bytes) -> Parsed:
    """The pages of a PDF. A scanned page without a text layer is an empty page.

    Raises:
        EncryptedFile: if the file opens only with a password.
        CorruptFile: if PDFium cannot read it.
    """
    from pypdfium2 import PdfDocument, PdfiumError, raw

    try:
        document = PdfDocument(data)
    except PdfiumError as error:
        if getattr(error, "err_code", None) == raw.FPDF_ERR_PASSWORD:
            raise EncryptedFile(
                "the PDF is protected by a password",
                next_step="Save a copy without the password and ingest the copy.",
            ) from error
        raise CorruptFile(
            "the PDF cannot be read",
            value=error,
            next_step="Open it in a PDF viewer and save it again.",
        ) from error
    pages = []
    for number in range(len(document)):
        page = document[number]
        text_page = page.get_textpage()
        pages.append(text_page.get_text_bounded())
        text_page.close()
        page.close()
    metadata = {
        name: value.strip()
        for name in ("Title", "Author")
        if (value := document.get_metadata_value(name)).strip().lower() not in _PLACEHOLDER_VALUES
    }
    document.close()
    return Parsed(
        media_type="application/pdf",
        parts=join_line_hyphens(pages),
        paged=True,
        metadata={name.lower(): value for name, value in metadata.items()},
    )


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
