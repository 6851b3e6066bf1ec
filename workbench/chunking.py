"""Masked text to chunks: exact offsets, whole sentences and rows, headings and pages respected.

The text is cut into units (a sentence, a table row, a line of a list), and units are packed into
chunks. A sentence splitter with a language model would not pay: a chunk holds several sentences, so
a wrong guess moves a border by one of them. LlamaIndex's splitters were not used because they find
their offsets by searching for the text again, which goes wrong on repeated passages.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from workbench.config import ChunkingConfig
from workbench.values import Chunk, MaskedDocument

CHUNKER_VERSION = "1"
"""Changes whenever the same document and settings give other chunks."""

_WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_SLIDES = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
_MARKDOWN_TYPES = (
    *("text/markdown", "text/html", "message/rfc822", "application/vnd.oasis.opendocument.text"),
    *(_WORD, _WORKBOOK, _SLIDES, "application/epub+zip"),
)
_PARQUET = "application/vnd.apache.parquet"
_ROW_TYPES = ("text/csv", "application/json", "application/jsonl", _PARQUET, _WORKBOOK)

_HEADING = re.compile(r"(#{1,6})[ \t]+(?=\S)")
_FENCE = re.compile(r"[ \t]*(```|~~~)")
_LIST_ITEM = re.compile(r"[ \t]*(?:[-*+•]|\d{1,3}[.)])[ \t]")
_TABLE_RULE = re.compile(r"\|[ \t:|-]+")
# Possessive, and never begun inside a run of marks: a page of dots must not take quadratic time.
_SENTENCE_END = re.compile(
    r"(?<![.!?…])[.!?…]++[\"'”’)\]]*+(?=\s++[^\sa-z])|[。！？]++[”’」』）]*+"  # noqa: RUF001
)
_ABBREVIATION = re.compile(
    r"(?:^|[\s(.])(?:[A-Z]|Mrs?|Ms|Dr|Prof|St|Jr|Sr|Inc|Ltd|Co|Corp|No|Nos|vs|etc|approx|e\.g|i\.e"
    r"|Fig|Sec|Art|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec|a\.m|p\.m)\.$"
)
_LONGEST_ABBREVIATION = 8
_PLACEHOLDER = re.compile(r"<[A-Z][A-Z_]*_\d+>")
_LONGEST_PLACEHOLDER = 64
_MAX_HEADING_CHARS = 120
_MAX_TABLE_HEADER_CHARS = 200


@dataclass(frozen=True, slots=True)
class _Unit:
    """A span that is kept whole if it fits. ``table_header`` is set on the body rows of a table."""

    start: int
    end: int
    repeatable: bool = False
    table_header: str = ""


@dataclass(frozen=True, slots=True)
class _Section:
    """What stands on one page under one path of headings, the headings included."""

    page: int | None
    path: tuple[str, ...]
    units: tuple[_Unit, ...]


def chunk(document: MaskedDocument, config: ChunkingConfig) -> tuple[Chunk, ...]:
    """Cut a document into chunks of at most ``config.max_chars`` characters.

    ``document.text[c.start:c.end] == c.text`` for each chunk, and every character that is not white
    space is in at least one. A chunk never crosses a page, and a heading begins a new one, except
    right below another heading. Neighbours share up to ``config.overlap_chars`` of whole sentences,
    table rows excepted; a chunk that begins inside a table has the table's header in ``heading``.
    """
    text = document.text
    chunks: list[Chunk] = []
    for section in _sections(document):
        for units in _packed(text, section.units, config):
            start, end = units[0].start, units[-1].end
            chunks.append(
                Chunk(
                    ordinal=len(chunks),
                    start=start,
                    end=end,
                    text=text[start:end],
                    page=section.page,
                    heading=" > ".join(filter(None, (*section.path, units[0].table_header))),
                )
            )
    return tuple(chunks)


def _sections(document: MaskedDocument) -> Iterator[_Section]:
    spans: list[tuple[int | None, int, int]] = [
        (page.number, page.start, page.end) for page in document.pages
    ]
    headings: list[tuple[int, str]] = []
    for page, start, end in spans or [(None, 0, len(document.text))]:
        units: list[_Unit] = []
        only_headings = True
        for level, block in _blocks(document, start, end):
            if level and not only_headings:
                yield _Section(page, tuple(title for _, title in headings), tuple(units))
                units, only_headings = [], True
            if level:
                title = document.text[block[0].start : block[0].end].strip("# \t")
                headings = [kept for kept in headings if kept[0] < level]
                headings.append((level, title[:_MAX_HEADING_CHARS]))
            only_headings = only_headings and bool(level)
            units.extend(block)
        if units:
            yield _Section(page, tuple(title for _, title in headings), tuple(units))


def _blocks(document: MaskedDocument, start: int, end: int) -> Iterator[tuple[int, list[_Unit]]]:
    """Runs of lines that belong together, as units, each with its heading level or 0."""
    text = document.text
    markdown = document.media_type in _MARKDOWN_TYPES
    rows = document.media_type in _ROW_TYPES
    paragraph: list[_Unit] = []
    table: list[_Unit] = []
    fenced = False
    for line in _lines(text, start, end):
        shown = text[line.start : line.end]
        fence = markdown and _FENCE.match(shown) is not None
        heading = _HEADING.match(shown) if markdown and not fenced else None
        is_row = markdown and not fenced and shown.lstrip().startswith("|")
        alone = fence or fenced or heading is not None or is_row or rows or not shown
        if paragraph and (alone or _LIST_ITEM.match(shown)):
            yield 0, list(_sentences(text, paragraph[0].start, paragraph[-1].end))
            paragraph = []
        if table and not is_row:
            yield 0, _table(text, table)
            table = []
        fenced = fenced != fence
        if is_row:
            table.append(line)
        elif heading is not None:
            yield len(heading.group(1)), [line]
        elif alone and shown:
            yield 0, [line]
        elif shown:
            paragraph.append(line)
    if paragraph:
        yield 0, list(_sentences(text, paragraph[0].start, paragraph[-1].end))
    if table:
        yield 0, _table(text, table)


def _lines(text: str, start: int, end: int) -> Iterator[_Unit]:
    """The lines without the white space around them; a blank line is an empty unit."""
    while start < end:
        stop = text.find("\n", start, end)
        stop = end if stop < 0 else stop
        line = text[start:stop]
        left = start + len(line) - len(line.lstrip())
        yield _Unit(left, max(left, start + len(line.rstrip())))
        start = stop + 1


def _table(text: str, rows: Sequence[_Unit]) -> list[_Unit]:
    """Rows of a markdown table; those below the rule know their header."""
    has_header = len(rows) > 1 and _TABLE_RULE.fullmatch(text[rows[1].start : rows[1].end].strip())
    if not has_header:
        return list(rows)
    header = text[rows[0].start : rows[0].end].strip("| \t")[:_MAX_TABLE_HEADER_CHARS]
    return [*rows[:2], *(replace(row, table_header=header) for row in rows[2:])]


def _sentences(text: str, start: int, end: int) -> Iterator[_Unit]:
    for mark in _SENTENCE_END.finditer(text, start, end):
        stop = mark.end()
        before = text[max(start, stop - _LONGEST_ABBREVIATION) : stop]
        if _ABBREVIATION.search(before):
            continue
        yield _trimmed(text, start, stop)
        start = stop
    if text[start:end].strip():
        yield _trimmed(text, start, end)


def _trimmed(text: str, start: int, end: int) -> _Unit:
    span = text[start:end]
    return _Unit(start + len(span) - len(span.lstrip()), end - len(span) + len(span.rstrip()), True)


def _packed(
    text: str, units: Sequence[_Unit], config: ChunkingConfig
) -> Iterator[tuple[_Unit, ...]]:
    """Units in runs that span at most ``max_chars``, with the overlap at the front of each."""
    run: list[_Unit] = []
    for unit in (piece for whole in units for piece in _pieces(text, whole, config.max_chars)):
        if run and unit.end - run[0].start > config.max_chars:
            yield tuple(run)
            run = _overlap(run, unit, config)
        run.append(unit)
    if run:
        yield tuple(run)


def _overlap(run: Sequence[_Unit], following: _Unit, config: ChunkingConfig) -> list[_Unit]:
    shared: list[_Unit] = []
    for unit in reversed(run[1:]):
        too_long = run[-1].end - unit.start > config.overlap_chars
        if too_long or not unit.repeatable or following.end - unit.start > config.max_chars:
            break
        shared.insert(0, unit)
    return shared


def _pieces(text: str, unit: _Unit, max_chars: int) -> Iterator[_Unit]:
    """A unit that is too long becomes its lines, a line that is too long its runs of words."""
    if unit.end - unit.start <= max_chars:
        yield unit
        return
    for line in _lines(text, unit.start, unit.end):
        start = line.start
        while line.end - start > max_chars:
            cut = _cut(text, start, start + max_chars)
            yield replace(_trimmed(text, start, cut), table_header=unit.table_header)
            start = cut + len(text[cut : line.end]) - len(text[cut : line.end].lstrip())
        if start < line.end:
            yield replace(unit, start=start, end=line.end)


def _cut(text: str, start: int, limit: int) -> int:
    """Where to cut a line without sentences: at the last space, never inside a placeholder."""
    for cut in range(limit, start, -1):
        if text[cut].isspace():
            return cut
    for match in _PLACEHOLDER.finditer(
        text, max(start, limit - _LONGEST_PLACEHOLDER), limit + _LONGEST_PLACEHOLDER
    ):
        if start < match.start() < limit < match.end():
            return match.start()
    return limit
