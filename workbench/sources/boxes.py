"""Where words of a PDF stand on their page, found again in the original file when asked for.

What is asked for are words of a masked text. They are looked for by their letters and digits alone,
together with what stands around them, and a placeholder stands for any short piece of text.
"""

from __future__ import annotations

import ctypes
import itertools
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.sources.pdf import opened_pdf, text_order
from workbench.values import PageBox

if TYPE_CHECKING:
    from pypdfium2 import PdfPage, PdfTextPage

_PLACEHOLDER = re.compile(r"<[A-Z][A-Z_]*_\d+>")
_ANY = ".{1,300}?"
_CONTEXT_CHARS = 60
_MAX_SPAN_CHARS = 20_000
_SAME_LINE = 0.5
_WORD_GAP = 3.0
_GRID = 100_000


@dataclass(frozen=True, slots=True)
class PageSpan:
    """Characters ``start`` to ``end`` of the masked ``text`` of a page, whose number is from 1."""

    page: int
    text: str
    start: int
    end: int


def find_boxes(data: bytes, span: PageSpan, password: str | None = None) -> list[PageBox]:
    """A box for each line that the span covers; none if its words are not found on the page.

    Raises:
        EncryptedFile, CorruptFile: if the PDF cannot be opened.
    """
    document = opened_pdf(data, password)
    if not 1 <= span.page <= len(document):
        return []
    with closing(document[span.page - 1]) as page, closing(page.get_textpage()) as text_page:
        order = text_order(text_page)
        letters = list(_letters(order))
        found = located(span, "".join(letter for letter, _ in letters))
        if found is None:
            return []
        chars = [letters[place][1] for place in range(*found)]
        return [_on_page(page, span.page, box) for box in _lines(text_page, chars)]


def located(span: PageSpan, letters: str) -> tuple[int, int] | None:
    """Where the span's letters stand among all ``letters`` of the original page."""
    start, end = max(0, span.start), min(len(span.text), span.end, span.start + _MAX_SPAN_CHARS)
    before = span.text[_outside(span.text, start - _CONTEXT_CHARS) : start]
    after = span.text[end : _outside(span.text, end + _CONTEXT_CHARS)]
    body = _pattern(span.text[start:end])
    if not body:
        return None
    expected = start / max(1, len(span.text)) * len(letters)
    # At its ends the page itself bounds a placeholder.
    first = "^" if not _plain(before) else ""
    last = "$" if not _plain(after) else ""
    around = (
        (first or _pattern(before), last or _pattern(after)),
        (_pattern(before), _pattern(after)),
        (_pattern(before), ""),
        ("", _pattern(after)),
        ("", ""),
    )
    for left, right in around:
        if (body.startswith(_ANY) and not left) or (body.endswith(_ANY) and not right):
            continue  # nothing would bound the placeholder
        matches = [match.span(1) for match in re.finditer(f"{left}({body}){right}", letters)]
        if matches:
            return min(matches, key=lambda match: abs(match[0] - expected))
    return None


def _outside(text: str, cut: int) -> int:
    """``cut``, or the end of the placeholder that it would divide."""
    cut = max(0, cut)
    for match in _PLACEHOLDER.finditer(text):
        if match.start() < cut < match.end():
            return match.end()
    return cut


def _pattern(text: str) -> str:
    pieces = (_plain(piece) for piece in _PLACEHOLDER.split(text))
    return _ANY.join(map(re.escape, pieces))


def _plain(text: str) -> str:
    return "".join(letter for letter, _ in _letters(enumerate(text)))


def _letters(characters: Iterable[tuple[int, str]]) -> Iterator[tuple[str, int]]:
    """Letters and digits in their plainest form, each with the index of its character."""
    for index, character in characters:
        for letter in unicodedata.normalize("NFKC", character).casefold():
            if letter.isalnum():
                yield letter, index


_Rect = tuple[float, float, float, float]


def _lines(text_page: PdfTextPage, chars: Sequence[int]) -> list[_Rect]:
    """The boxes of the characters (left, bottom, right, top), joined along each line."""
    lines: list[_Rect] = []
    for index, _ in itertools.groupby(chars):
        box: _Rect = text_page.get_charbox(index, loose=True)
        if lines and _continues(lines[-1], box):
            last = lines[-1]
            lines[-1] = (
                min(last[0], box[0]),
                min(last[1], box[1]),
                max(last[2], box[2]),
                max(last[3], box[3]),
            )
        else:
            lines.append(box)
    return lines


def _continues(line: _Rect, box: _Rect) -> bool:
    height = min(line[3] - line[1], box[3] - box[1])
    shared = min(line[3], box[3]) - max(line[1], box[1])
    near = -height <= box[0] - line[2] <= _WORD_GAP * height
    return shared >= _SAME_LINE * height and near


def _on_page(page: PdfPage, number: int, rect: _Rect) -> PageBox:
    """As shares of the page as it is shown: turned and cropped, from its top left corner."""
    corners = [_shown(page, x, y) for x in (rect[0], rect[2]) for y in (rect[1], rect[3])]
    across, down = zip(*corners, strict=True)
    return PageBox(number, min(across), min(down), max(across), max(down))


def _shown(page: PdfPage, x: float, y: float) -> tuple[float, float]:
    from pypdfium2 import raw

    across, down = ctypes.c_int(), ctypes.c_int()
    raw.FPDF_PageToDevice(
        page, 0, 0, _GRID, _GRID, 0, x, y, ctypes.byref(across), ctypes.byref(down)
    )
    return (
        min(max(across.value / _GRID, 0.0), 1.0),
        min(max(down.value / _GRID, 0.0), 1.0),
    )
