"""CSV and workbooks: one line a row, each value with the name of its column.

A line ``Team: Blues; Cups: 1`` is understood, found and quoted without the table around it. A
markdown row is shorter, but a small model has to count its bars back to the header.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, time

from workbench.errors import CorruptFile
from workbench.sources.cells import TABLES_FIELD, table_range
from workbench.sources.locked import locked
from workbench.sources.parsed import WORKBOOK_TYPE, Parsed
from workbench.sources.text import decode

_DELIMITERS = ",;\t|"
_SNIFFED_ROWS = 50
_MAX_FIELD_CHARS = 10_000_000
_NUMBER = re.compile(r"[-+(]?[$€£]?[-+]?\d[\d.,:/ -]*[)%]?")
_COUNT_OR_YEAR = re.compile(r"\d{1,2}|(?:19|20)\d\d")
_LABEL_SIGNS = ("#", "%", "№")
_LEAST_LABELLED = 0.6
_LONE_HEADER_CELLS = 5
_MAX_RANGES = 1_000


def parse_csv(data: bytes) -> Parsed:
    """Delimited text; the delimiter is found by trying comma, semicolon, tab and bar.

    Raises:
        CorruptFile: if the rows cannot be told apart.
    """
    text = decode(data)
    csv.field_size_limit(_MAX_FIELD_CHARS)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=sniff_delimiter(text)))
    except csv.Error as error:
        raise CorruptFile(
            "the table cannot be read",
            value=error,
            next_step="Open it in a spreadsheet and export it as CSV again.",
        ) from error
    return Parsed(media_type="text/csv", parts=(rows_to_text(rows),))


def sniff_delimiter(text: str) -> str:
    """The delimiter that cuts most rows into the same number of cells, more than one."""

    def score(delimiter: str) -> tuple[float, int]:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        widths = [len(row) for row, _ in zip(reader, range(_SNIFFED_ROWS), strict=False) if row]
        usual = max(set(widths), key=widths.count, default=1)
        return (widths.count(usual) / len(widths) if usual > 1 else 0.0, usual)

    return max(_DELIMITERS, key=score)


def parse_workbook(data: bytes) -> Parsed:
    """An Excel or OpenDocument workbook: a heading for each sheet, then its rows.

    Formulas are read as the values last saved; dates in ISO form.

    Raises:
        EncryptedFile: if the workbook needs a password.
        CorruptFile: if it cannot be read.
    """
    from python_calamine import CalamineError, CalamineWorkbook, PasswordError

    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(data))
        sheets = [(name, workbook.get_sheet_by_name(name)) for name in workbook.sheet_names]
    except PasswordError as error:
        raise locked("workbook", None) from error
    except CalamineError as error:
        raise CorruptFile(
            "the workbook cannot be read",
            value=error,
            next_step="Open it in a spreadsheet and save it again.",
        ) from error
    parts, ranges = [], []
    for name, sheet in sheets:
        tables = list(_tables([shown(cell) for cell in row] for row in sheet.iter_rows()))
        if tables:
            parts.append(f"# {_one_line(name)}\n\n{_tables_text(tables)}")
            left = 0 if sheet.start is None else sheet.start[1]
            for top, table in tables:
                size = (len(table), max(map(len, table)))
                ranges.append(table_range(_one_line(name), top, left, size))
    known = 0 < len(ranges) <= _MAX_RANGES
    return Parsed(
        media_type=WORKBOOK_TYPE,
        parts=("\n\n".join(parts),),
        metadata={TABLES_FIELD: "\n".join(ranges)} if known else {},
    )


def rows_to_text(rows: Iterable[Sequence[str]]) -> str:
    """Rows as lines. Blank rows part the tables; a table without a header keeps the one above."""
    return _tables_text(_tables(rows))


def _tables_text(tables: Iterable[tuple[int, list[list[str]]]]) -> str:
    header: list[str] = []
    texts = []
    for _, table in tables:
        lines, header = _table_lines(table, header)
        texts.append("\n".join(lines))
    return "\n\n".join(texts)


def _tables(rows: Iterable[Sequence[str]]) -> Iterator[tuple[int, list[list[str]]]]:
    """Runs of rows that are not blank, each with the number of its first row, from 0."""
    table: list[list[str]] = []
    number = -1
    for number, row in enumerate(rows):
        cells = [_one_line(cell) for cell in row]
        if any(cells):
            table.append(cells)
        elif table:
            yield number - len(table), table
            table = []
    if table:
        yield number + 1 - len(table), table


def _table_lines(table: list[list[str]], above: list[str]) -> tuple[list[str], list[str]]:
    """The lines of a table, and the header in force at its end."""
    header, found = above, False
    lines = []
    for number, row in enumerate(table):
        filled = [cell for cell in row if cell]
        below = table[number + 1] if number + 1 < len(table) else []
        if not found and _is_header(filled, below, first=number == 0):
            header, found = row, True
            lines.append(" | ".join(filled))
        elif len(filled) > 1 and _covers(header, row):
            lines.append("; ".join(_labelled(header, row)))
        else:
            lines.append(" | ".join(filled))
    return lines, header


def _is_header(cells: Sequence[str], below: Sequence[str], *, first: bool) -> bool:
    """Words over most of the cells below; or first of all, years and counts alone."""
    # Two words in a last line are a label and its value; three head the table after the gap.
    values_below = sum(map(bool, below)) or _LONE_HEADER_CELLS
    if len(cells) < 2 or len(cells) < _LEAST_LABELLED * values_below:
        return False
    if first and all(_COUNT_OR_YEAR.fullmatch(cell) for cell in cells):
        return True
    return not any(_is_value(cell) for cell in cells)


def _is_value(cell: str) -> bool:
    if re.fullmatch(r"(?:19|20)\d\d", cell) or cell in _LABEL_SIGNS:
        return False
    return _NUMBER.fullmatch(cell) is not None or not any(map(str.isalnum, cell))


def _covers(header: Sequence[str], row: Sequence[str]) -> bool:
    """Whether the header names at least half of the row's values."""
    filled = [column for column, cell in enumerate(row) if cell]
    named = [column for column in filled if column < len(header) and header[column]]
    return 2 * len(named) >= len(filled)


def _labelled(header: Sequence[str], row: Sequence[str]) -> Iterator[str]:
    for column, cell in enumerate(row):
        label = header[column].rstrip(":") if column < len(header) else ""
        if cell:
            yield f"{label}: {cell}" if label else cell


def _one_line(cell: str) -> str:
    return " ".join(cell.split())


def shown(cell: object) -> str:
    """A typed cell as people write it: dates in ISO form, no digits beyond a float's own."""
    if isinstance(cell, bool):
        return str(cell).upper()
    if isinstance(cell, float):
        return format(cell, ".15g")
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == time() else cell.isoformat(" ")
    return str(cell)
