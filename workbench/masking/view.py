"""The text as the detectors read it: odd blanks, dashes and markup made plain.

A document can hide a name behind a zero-width space, a card number behind full-width digits, or
both inside emphasis marks. The view undoes that and keeps the way back to the original offsets.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass

_ZERO_WIDTH = (
    "\u00ad\u034f\u061c\u180e\u200b\u200c\u200d\u200e\u200f\u2060\u2061\u2062\u2063\u2064\ufeff"
)
_BLANKS = "\u00a0\u1680\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63"

_REMOVED = "\ue000"
"""Stands for a character to leave out while offsets are counted (a private-use character)."""

_PLAIN = (
    {ord(char): " " for char in _BLANKS}
    | {ord(char): "-" for char in _DASHES}
    | {0xFF01 + i: chr(0x21 + i) for i in range(94)}
    | {0x2024: ".", 0x00B7: ".", 0x2019: "'", 0x02BC: "'"}
    | {
        zero + digit: str(digit)
        for zero in (0x0660, 0x06F0, 0x0966, 0x09E6, 0x1D7CE, 0x1D7D8, 0x1D7E2, 0x1D7EC, 0x1D7F6)
        for digit in range(10)
    }
    | {ord(_REMOVED): " "}
)
# Only tags without attributes: an attribute may itself hold a name or an address.
_UNREAD = re.compile(
    rf"[{_ZERO_WIDTH}]+|[*`]+|~~"
    r"|</?(?:a|abbr|b|code|em|font|i|kbd|mark|s|small|span|strong|sub|sup|u)\s*/?>",
    re.IGNORECASE,
)
# A social security number's form, kept by hidden characters alone: without them it is any number.
_HIDDEN_FORM = re.compile(
    rf"(?<![\d{_ZERO_WIDTH}])(\d{{3}})([{_ZERO_WIDTH}]+)(\d{{2}})([{_ZERO_WIDTH}]+)(\d{{4}})(?![\d{_ZERO_WIDTH}])"
)
_TAG = re.compile(r"</?[A-Za-z][A-Za-z0-9]{0,15}\s*/?>")


@dataclass(frozen=True, slots=True)
class View:
    """``text`` for the detectors, and the way back.

    From character ``starts[i]`` of the view on, the original offset is greater by ``shifts[i]``.
    """

    text: str
    starts: tuple[int, ...] = (0,)
    shifts: tuple[int, ...] = (0,)

    def start(self, offset: int) -> int:
        """The original offset of the character at ``offset``."""
        return offset + self.shifts[bisect_right(self.starts, offset) - 1]

    def end(self, offset: int) -> int:
        """The original offset just behind the character before ``offset``."""
        return self.start(offset - 1) + 1 if offset else 0


def plain_view(text: str) -> View:
    """Make ``text`` plain for the detectors."""
    shown = _HIDDEN_FORM.sub(_show, text.translate(_PLAIN))
    plain = _TAG.sub(_blank, _UNREAD.sub(_mark, shown))
    if _REMOVED not in plain:
        return View(plain)
    pieces: list[str] = []
    starts, shifts = [0], [0]
    length = shift = done = 0
    for match in re.finditer(f"{_REMOVED}+", plain):
        pieces.append(plain[done : match.start()])
        length += match.start() - done
        shift += match.end() - match.start()
        done = match.end()
        starts.append(length)
        shifts.append(shift)
    pieces.append(plain[done:])
    return View("".join(pieces), tuple(starts), tuple(shifts))


def _show(match: re.Match[str]) -> str:
    area, first, group, second, serial = match.groups()
    dashes = ("-" + _REMOVED * (len(hidden) - 1) for hidden in (first, second))
    return f"{area}{next(dashes)}{group}{next(dashes)}{serial}"


def _mark(match: re.Match[str]) -> str:
    return _REMOVED * len(match.group())


def _blank(match: re.Match[str]) -> str:
    return "\n" + _REMOVED * (len(match.group()) - 1)
