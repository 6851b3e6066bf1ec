"""A page of a PDF as a picture, drawn again from the original file when asked for."""

from __future__ import annotations

import io
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.sources.pdf import opened_pdf

if TYPE_CHECKING:
    from pypdfium2 import PdfPage

MAX_SIDE_PIXELS = 1_600
_MAX_SCALE = 2.0
_MAX_NESTING = 15


@dataclass(frozen=True, slots=True)
class PageImage:
    """A page as PNG bytes. ``has_pictures``: it shows more than the text that was read from it."""

    png: bytes
    has_pictures: bool


def draw_page(data: bytes, number: int, password: str | None = None) -> PageImage | None:
    """Page ``number`` (from 1), its longer side at most ``MAX_SIDE_PIXELS``; None if there is none.

    Typed-in form fields are drawn because they are read, comments are not because they are not.

    Raises:
        EncryptedFile, CorruptFile: if the PDF cannot be opened.
    """
    from pypdfium2 import raw

    with closing(opened_pdf(data, password)) as document:
        if not 1 <= number <= len(document):
            return None
        if document.get_formtype() != raw.FORMTYPE_NONE:
            document.init_forms()
            with closing(document[number - 1]) as page:
                page.flatten()
        with closing(document[number - 1]) as page:
            return PageImage(_png(page), _has_pictures(page))


def _png(page: PdfPage) -> bytes:
    scale = min(_MAX_SCALE, MAX_SIDE_PIXELS / max(1.0, *page.get_size()))
    with closing(page.render(scale=scale, may_draw_forms=False, draw_annots=False)) as bitmap:
        written = io.BytesIO()
        bitmap.to_pil().save(written, "PNG")
    return written.getvalue()


def _has_pictures(page: PdfPage) -> bool:
    from pypdfium2 import raw

    found = page.get_objects(filter=[raw.FPDF_PAGEOBJ_IMAGE], max_depth=_MAX_NESTING)
    return next(iter(found), None) is not None
