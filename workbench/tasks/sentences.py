"""Where the sentences of a text stand. Rules only: a model would be slower and no surer."""

from __future__ import annotations

import re
from collections.abc import Iterator

_END = re.compile(
    r"(?P<stop>[.!?…]+[\"'”’)\]]*(?=\s))"  # noqa: RUF001
    r"|[。！？｡।۔]+[”’」』）\"']*"  # noqa: RUF001 (no space follows these)
    r"|^[ \t]*(?:\#{1,6}[ \t]|\|).*$"  # a heading, a row
    r"|\n\s*\n"
    r"|\n(?=[ \t]*(?:(?:[-*+•‣]|\#{1,6}|\d{1,2}[.)])[ \t]|\|))"  # the next item or row follows
    r"|\n(?=[ \t]*[A-Z]\w*(?:[ .'_-]{1,2}\w+){0,3}:[ \t])"  # somebody else speaks
    r"|\Z",
    re.MULTILINE,
)
_MARKER = re.compile(r"\s*\d{1,2}\.")
_ABBREVIATION = re.compile(
    r"(?:\b(?:Dr|Mr|Mrs|Ms|Prof|Rev|Gen|Sen|Rep|Gov|Capt|Lt|Col|Sgt|Hon|Jr|Sr|St|Mt|Art|Sec"
    r"|Fig|Figs|Eq|Vol|Ch|pp|p|vs|cf|al|ca|approx|e\.g|i\.e|Inc|Ltd|Co|Corp|Dept|Est"
    r"|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)"
    r"|(?:\b[A-Za-z]\.)*\b[A-Z])\.$"
)
_NUMBER = re.compile(r"\bNos?\.$")
_NUMBERED = re.compile(r"\s*[#(]?\d")
_GOES_ON = re.compile(r"[^\S\n]*\n?[^\S\n]*\w")


def sentence_spans(text: str) -> Iterator[tuple[int, int]]:
    """Start and end of each sentence, without the blanks around it; half-open, in order.

    An empty line ends a sentence too, as do a heading, an item of a list, a row of a table and a
    line before one that begins with who speaks. The period of "Dr." or "U.S." does not where a word
    follows that may belong to it; at "Inc. The" the benefit goes to the longer sentence.
    """
    start = 0
    for match in _END.finditer(text):
        piece = text[start : match.end()]
        if match["stop"] and (
            _MARKER.fullmatch(piece) or _is_abbreviation(text, start, match.end())
        ):
            continue
        stripped = piece.strip()
        if stripped:
            first = start + piece.index(stripped[0])
            yield first, first + len(stripped)
        start = match.end()


def _is_abbreviation(text: str, start: int, end: int) -> bool:
    before = text[max(start, end - 16) : end]
    if _NUMBER.search(before):  # the answer, unless a number follows
        return _NUMBERED.match(text, end) is not None
    return _ABBREVIATION.search(before) is not None and _GOES_ON.match(text, end) is not None
