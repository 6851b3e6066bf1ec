"""Which cells of a workbook a span of its text came from: ``Sales!A7:D7``.

The parser notes the range of each table in the metadata, in the order of the text; a line of a
table is a row of its sheet. Nothing but the stored text and metadata is needed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

TABLES_FIELD = "tables"
_RANGE = re.compile(r"(?P<sheet>.*)!(?P<left>[A-Z]+)(?P<top>\d+):(?P<right>[A-Z]+)(?P<bottom>\d+)")
_BLOCK = re.compile(r"(?:^|(?<=\n\n))(?:(?!\n\n).)+", re.S)
_LABELLED = "; "


def table_range(sheet: str, top: int, left: int, size: tuple[int, int]) -> str:
    """A table's range as a spreadsheet writes it; ``top`` and ``left`` count from 0."""
    rows, columns = size
    return (
        f"{sheet}!{column_letters(left)}{top + 1}:{column_letters(left + columns - 1)}{top + rows}"
    )


def column_letters(number: int) -> str:
    """0 is A, 25 is Z, 26 is AA."""
    letters = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def column_number(letters: str) -> int:
    """The inverse of ``column_letters``."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number - 1


@dataclass(frozen=True, slots=True)
class _Table:
    start: int
    lines: tuple[str, ...]
    sheet: str
    top: int
    left: str
    right: str


def cell_ranges(text: str, tables: str, start: int, end: int) -> list[str]:
    """The cells that characters ``start`` to ``end`` of a workbook's text came from.

    A cell alone where the span lies within one value below a header, else the row. Empty if text
    and ``tables`` (the metadata field of that name) do not fit together.
    """
    found = []
    for table in _tables(text, tables):
        at = table.start
        for number, line in enumerate(table.lines):
            if at < end and start < at + len(line):
                inside = (max(start, at) - at, min(end, at + len(line)) - at)
                found.append(_cell(table, number, inside))
            at += len(line) + 1
    return found


def _tables(text: str, tables: str) -> Iterator[_Table]:
    ranges = [_RANGE.fullmatch(line) for line in tables.split("\n")]
    blocks = list(_BLOCK.finditer(text))
    if len(blocks) > len(ranges):
        # What is left over are the headings, a line for each sheet.
        blocks = [block for block in blocks if not _is_heading(block.group())]
    if len(blocks) != len(ranges):
        return
    for block, place in zip(blocks, ranges, strict=True):
        lines = tuple(block.group().split("\n"))
        if place is None or int(place["bottom"]) - int(place["top"]) + 1 != len(lines):
            return
        sheet, top = place["sheet"], int(place["top"])
        yield _Table(block.start(), lines, sheet, top, place["left"], place["right"])


def _is_heading(block: str) -> bool:
    return block.startswith("# ") and "\n" not in block


def _cell(table: _Table, number: int, inside: tuple[int, int]) -> str:
    row = table.top + number
    column = _column(table, table.lines[number], inside)
    if column:
        return f"{table.sheet}!{column}{row}"
    return f"{table.sheet}!{table.left}{row}:{table.right}{row}"


def _column(table: _Table, line: str, inside: tuple[int, int]) -> str:
    """The column of the value around ``inside``, where the table's own header names them all."""
    labels = table.lines[0].split(" | ")
    first = column_number(table.left)
    whole = len(labels) == column_number(table.right) - first + 1 and len(set(labels)) > 1
    at = 0
    for piece in line.split(_LABELLED):
        if at <= inside[0] and inside[1] <= at + len(piece):
            label = piece.partition(": ")[0]
            known = whole and ": " in piece and labels.count(label) == 1
            return column_letters(first + labels.index(label)) if known else ""
        at += len(piece) + len(_LABELLED)
    return ""
