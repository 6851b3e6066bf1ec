"""The reading order of a PDF page whose text was drawn in another order, as in many invoices."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

_PROSE_CHARS = 15
_PROSE_WIDTH = 0.2
_PROSE_LINES = 0.15
_FEW_JUMPS = 2
_GUTTERS = tuple(step / 50 for step in range(15, 36))
_FEW_CROSS = 0.1
_COLUMN_PIECES = 8
_COLUMN_CHARS = 25
_SAME_LINE = 0.5
_CELL_GAP = 1.2
CELL_BREAK = "\t"


@dataclass(frozen=True, slots=True)
class Box:
    """A piece of one line and where it stands, in points; ``bottom`` is the smaller height.

    ``start`` is the index of its first character among those of the page.
    """

    left: float
    bottom: float
    right: float
    top: float
    text: str
    start: int = 0

    @property
    def middle(self) -> float:
        return (self.top + self.bottom) / 2

    @property
    def height(self) -> float:
        return self.top - self.bottom


def is_scrambled(boxes: Sequence[Box]) -> bool:
    """Whether the boxes jump up the page more often than headers and columns of prose explain.

    Columns of prose jump up too, and must not be read across: two long pieces side by side, in
    many lines, mean that the drawn order is the better one.
    """
    jumps = sum(
        after.bottom > before.top + before.height for before, after in itertools.pairwise(boxes)
    )
    if jumps < _FEW_JUMPS or _has_columns_of_prose(boxes):
        return False
    width = max(box.right for box in boxes) - min(box.left for box in boxes)
    lines = _lines(boxes)
    beside = sum(sum(_is_prose(box, width) for box in line) > 1 for line in lines)
    return beside < _PROSE_LINES * len(lines)


def _has_columns_of_prose(boxes: Sequence[Box]) -> bool:
    """Whether a gutter that hardly a piece crosses parts two columns of long pieces.

    Their lines need not stand at the same heights, as those of a table do.
    """
    left, right = min(box.left for box in boxes), max(box.right for box in boxes)
    for share in _GUTTERS:
        gutter = left + share * (right - left)
        sides = (
            [len(box.text) for box in boxes if box.right <= gutter],
            [len(box.text) for box in boxes if box.left >= gutter],
        )
        crossing = len(boxes) - sum(map(len, sides))
        if crossing <= _FEW_CROSS * len(boxes) and all(
            len(side) >= _COLUMN_PIECES and median(side) >= _COLUMN_CHARS for side in sides
        ):
            return True
    return False


def _is_prose(box: Box, page_width: float) -> bool:
    return len(box.text) >= _PROSE_CHARS and box.right - box.left >= _PROSE_WIDTH * page_width


def reading_order(boxes: Sequence[Box]) -> str:
    """Lines from top to bottom, each from left to right, with a tab where a column ends."""
    return "\n".join(CELL_BREAK.join(_cells(line)) for line in _lines(boxes))


def in_order(boxes: Sequence[Box]) -> list[Box]:
    """The boxes in the order in which ``reading_order`` reads them."""
    return [box for line in _lines(boxes) for box in line]


def _lines(boxes: Sequence[Box]) -> list[list[Box]]:
    lines: list[list[Box]] = []
    for box in sorted(boxes, key=lambda box: -box.middle):
        first = lines[-1][0] if lines else None
        if first and first.middle - box.middle < _SAME_LINE * min(first.height, box.height):
            lines[-1].append(box)
        else:
            lines.append([box])
    return [sorted(line, key=lambda box: box.left) for line in lines]


def _cells(line: Sequence[Box]) -> list[str]:
    cells = [line[0].text]
    for before, after in itertools.pairwise(line):
        if after.left - before.right > _CELL_GAP * min(before.height, after.height):
            cells.append(after.text)
        else:
            cells[-1] += " " + after.text
    return cells
