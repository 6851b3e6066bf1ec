"""Where quoted words stand in a source: exactly, then normalised, then fuzzily. No model involved.

A quote is searched in the passages that the model was shown. Each step only runs if the one before
found nothing, so an exact quote is always found at its exact place.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from rapidfuzz import fuzz

from workbench.extraction.locating import numbers, whole_words

MIN_QUOTE_CHARS = 12
"""Shorter quotes stand almost anywhere, so they prove nothing unless they fill a whole passage."""

FUZZY_THRESHOLD = 88.0
"""Smallest rapidfuzz partial ratio, 0 to 100, that counts as the same words."""

_LETTER = "[0-9A-Za-z\u00c0-\u06ff]"
_EDGE = " \t\n\"'“”‘’.,;:…"  # noqa: RUF001
_FOLDED_QUOTES = str.maketrans("“”„‘’‚–—‐‑", "\"\"\"'''----")  # noqa: RUF001


@dataclass(frozen=True, slots=True)
class Located:
    """The quote stands in passage ``index`` at ``start`` to ``end`` of that passage's text."""

    index: int
    start: int
    end: int
    score: float


def locate(quote: str, passages: Sequence[str]) -> Located | None:
    """The best place of ``quote`` in ``passages``, or None.

    ``score`` is 100 for an exact or normalised match and the partial ratio of a fuzzy one.
    """
    wanted = quote.strip(_EDGE)
    if not any(character.isalnum() for character in wanted):
        return None
    if len(wanted) < MIN_QUOTE_CHARS and not any(wanted == p.strip(_EDGE) for p in passages):
        return None
    exact = _whole(wanted)
    for index, passage in enumerate(passages):
        if found := exact.search(passage):
            return Located(index, found.start(), found.end(), 100.0)
    folded = _fold(wanted)[0]
    if not folded:
        return None
    same = _whole(folded)
    for index, passage in enumerate(passages):
        text, offsets = _fold(passage)
        if found := same.search(text):
            return Located(index, offsets[found.start()], offsets[found.end() - 1] + 1, 100.0)
    return _fuzzy(folded, passages)


def _whole(wanted: str) -> re.Pattern[str]:
    """``wanted`` between the borders of words and numbers: "legal" does not stand in "illegal",
    nor "5,000" in "15,000". Scripts that write no space between words are left out of this."""
    before = rf"(?<!{_LETTER})(?<!\d[.,])" if re.match(_LETTER, wanted) else ""
    after = rf"(?!{_LETTER})(?![.,]\d)" if re.match(_LETTER, wanted[-1]) else ""
    return re.compile(f"{before}{re.escape(wanted)}{after}")


def _fuzzy(folded: str, passages: Sequence[str]) -> Located | None:
    best: Located | None = None
    for index, passage in enumerate(passages):
        text, offsets = _fold(passage)
        if len(text) < len(folded) * 0.5:
            continue
        found = fuzz.partial_ratio_alignment(folded, text, score_cutoff=FUZZY_THRESHOLD)
        if found is None or found.dest_end <= found.dest_start:
            continue
        start, end = whole_words(text, found.dest_start, found.dest_end)
        if numbers(folded) - numbers(text[start:end]):
            # A changed digit is a changed fact, however small the edit distance.
            continue
        if best is None or found.score > best.score:
            best = Located(index, offsets[start], offsets[end - 1] + 1, found.score)
    return best


def _fold(text: str) -> tuple[str, list[int]]:
    """Case, quotes, dashes and white space folded; each kept character's offset in ``text``."""
    kept: list[str] = []
    offsets: list[int] = []
    for offset, raw in enumerate(text):
        character = unicodedata.normalize("NFKC", raw).translate(_FOLDED_QUOTES).casefold()
        if not character.strip():
            if kept and kept[-1] != " ":
                kept.append(" ")
                offsets.append(offset)
            continue
        if raw == "\u00ad":
            continue
        for piece in character:
            kept.append(piece)
            offsets.append(offset)
    return "".join(kept), offsets
