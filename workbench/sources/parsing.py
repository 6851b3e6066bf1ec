"""Bytes to clean text with pages: the work of the parser process, as a plain function."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from workbench.errors import CorruptFile, EmptyFile, FileTooLarge, SourceError
from workbench.sources.boxes import PageSpan, find_boxes
from workbench.sources.detect import Kind, detect
from workbench.sources.docx import parse_docx
from workbench.sources.epub import parse_epub
from workbench.sources.html import parse_html
from workbench.sources.locked import unlocked
from workbench.sources.mail import parse_mail
from workbench.sources.markdown import parse_markdown
from workbench.sources.msg import parse_msg
from workbench.sources.ocr import missing, parse_image
from workbench.sources.odt import parse_odt
from workbench.sources.page_images import PageImage, draw_page
from workbench.sources.parquet import parse_parquet
from workbench.sources.parsed import Parsed
from workbench.sources.pdf import parse_pdf
from workbench.sources.pptx import parse_pptx
from workbench.sources.records import parse_json, parse_json_lines
from workbench.sources.rtf import parse_rtf
from workbench.sources.tables import parse_csv, parse_workbook
from workbench.sources.text import clean, parse_text
from workbench.values import Page, PageBox

PARSER_VERSION = "5"
"""Changes whenever the text, pages or metadata of any format change."""


def _parse_mail(data: bytes) -> Parsed:
    return parse_mail(data, parse_attachment=_parsed)


def _parse_msg(data: bytes) -> Parsed:
    return parse_msg(data, parse_attachment=_parsed)


_PARSERS: Mapping[Kind, Callable[[bytes], Parsed]] = {
    Kind.PDF: parse_pdf,
    Kind.DOCX: parse_docx,
    Kind.WORKBOOK: parse_workbook,
    Kind.PRESENTATION: parse_pptx,
    Kind.ODT: parse_odt,
    Kind.EPUB: parse_epub,
    Kind.RTF: parse_rtf,
    Kind.HTML: parse_html,
    Kind.MARKDOWN: parse_markdown,
    Kind.CSV: parse_csv,
    Kind.TEXT: parse_text,
    Kind.JSON: parse_json,
    Kind.JSON_LINES: parse_json_lines,
    Kind.PARQUET: parse_parquet,
    Kind.MAIL: _parse_mail,
    Kind.OUTLOOK: _parse_msg,
    Kind.IMAGE: parse_image,
}
_PART_BREAK = "\n\n"


@dataclass(frozen=True, slots=True)
class ParsedText:
    """Clean text and the pages that point into it."""

    text: str
    media_type: str
    pages: tuple[Page, ...]
    metadata: Mapping[str, str]


def parse(data: bytes, name: str, *, max_chars: int, password: str | None = None) -> ParsedText:
    """Parse the bytes of a file named ``name``, with its ``password`` if it has one.

    Raises:
        SourceError: of the kind that fits; nothing else.
    """
    try:
        result = assemble(_parsed(data, name, password))
    except MemoryError as error:
        raise _out_of_memory() from error
    _check(result, max_chars=max_chars)
    return result


def boxes_of(data: bytes, span: PageSpan, password: str | None) -> list[PageBox]:
    """Where a span stands on its page; nowhere in files that are no PDF. Errors as ``parse``."""
    if not _is_pdf(data):
        return []
    with _reading_again():
        return find_boxes(data, span, password)


def page_image_of(data: bytes, number: int, password: str | None) -> PageImage | None:
    """A page as a picture; None in files that are no PDF. Errors as ``parse``."""
    if not _is_pdf(data):
        return None
    with _reading_again():
        return draw_page(data, number, password)


def _is_pdf(data: bytes) -> bool:
    return b"%PDF-" in data[:1024]


@contextmanager
def _reading_again() -> Iterator[None]:
    try:
        yield
    except SourceError:
        raise
    except MemoryError as error:
        raise _out_of_memory() from error
    except Exception as error:
        raise CorruptFile(
            "the page cannot be read again",
            value=type(error).__name__,
            next_step="Open the file in its program and save it again.",
        ) from error


def _parsed(data: bytes, name: str, password: str | None = None) -> Parsed:
    """The border: whatever a library raises leaves here as an error of the file."""
    try:
        opened = unlocked(data, password)
        kind = detect(opened, name)
        return parse_pdf(opened, password) if kind is Kind.PDF else _PARSERS[kind](opened)
    except SourceError:
        raise
    except MemoryError as error:
        raise _out_of_memory() from error
    except Exception as error:
        raise CorruptFile(
            "the file cannot be parsed",
            value=type(error).__name__,  # its message may quote the document
            next_step="Open it in its program and save it again.",
        ) from error


def _out_of_memory() -> FileTooLarge:
    return FileTooLarge(
        "the file needs more memory than a parser may use",
        next_step="Split it, or export it as text.",
    )


def assemble(parsed: Parsed) -> ParsedText:
    """Clean the parts, then join them: offsets are counted in the text that is kept."""
    parts = [clean(part) for part in parsed.parts]
    pages = []
    start = 0
    for number, part in enumerate(parts, start=1):
        pages.append(Page(number=number, start=start, end=start + len(part)))
        start += len(part) + len(_PART_BREAK)
    metadata = {clean(key): clean(value) for key, value in parsed.metadata.items()}
    empty = [str(number) for number, part in enumerate(parts, start=1) if not _has_text(part)]
    if parsed.paged and empty:
        metadata["pages_without_text"] = ", ".join(empty)
    return ParsedText(
        text=_PART_BREAK.join(parts),
        media_type=parsed.media_type,
        pages=tuple(pages) if parsed.paged else (),
        metadata=metadata,
    )


def _check(result: ParsedText, *, max_chars: int) -> None:
    if len(result.text) > max_chars:
        raise FileTooLarge(
            "the file holds too much text",
            value=f"{len(result.text):,} characters, allowed are {max_chars:,}",
            next_step="Split it, or raise limits.max_document_chars.",
        )
    if _has_text(result.text):
        return
    if result.pages:
        raise EmptyFile(
            "the file has pages but no text, so it is probably a scan",
            value=f"{len(result.pages)} pages",
            next_step=missing(),
        )
    raise EmptyFile("the file holds no text", next_step="Check that this is the file you meant.")


def _has_text(text: str) -> bool:
    return any(character.isalnum() for character in text)
