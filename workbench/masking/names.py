"""Names that were found once are found everywhere in their document, and keep one identity."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise

from workbench.masking.placeholders import normalise
from workbench.masking.spans import Span

SCORE = 0.8
_WORD = re.compile(r"[^\W\d_]+(?:['\u2019-][^\W\d_]+)*")
_GAP = re.compile(r"[\s_.\-]{1,3}")
_SHORTEST = 3


class Names:
    """The persons of one document, known by their full names.

    ``ordinary`` holds the words that the document also uses in lower case: "Will" and "Page" are
    not propagated where "will" and "page" are words of the text.
    """

    def __init__(self, values: Iterable[str], texts: Sequence[str]) -> None:
        self._full: dict[str, tuple[str, ...]] = {}
        for value in values:
            words = tuple(normalise("PERSON", value).split())
            if len(words) > 1:
                self._full[" ".join(words)] = words
        self._by_part: dict[str, set[str]] = defaultdict(set)
        for name, words in self._full.items():
            for word in (words[0], words[-1]):
                if len(word) >= _SHORTEST:
                    self._by_part[word].add(name)
        self._by_first: dict[str, list[tuple[str, ...]]] = defaultdict(list)
        for words in self._full.values():
            self._by_first[words[0]].append(words)
        self._ordinary = frozenset(
            word for text in texts for word in _WORD.findall(text) if word.islower()
        )

    def spans(self, text: str) -> list[Span]:
        """Where a known full name, first name or surname stands, beside those already found."""
        words = [(_bare(match.group()), match) for match in _WORD.finditer(text)]
        found: list[Span] = []
        for place, (word, match) in enumerate(words):
            capital = match.group()[0].isupper()
            if capital and word in self._by_part and word not in self._ordinary:
                found.append(Span(*match.span(), "PERSON", SCORE))
            for full in self._by_first.get(word, ()):
                last = place + len(full) - 1
                if tuple(w for w, _ in words[place : last + 1]) == full and _gaps_are_small(
                    text, [m for _, m in words[place : last + 1]]
                ):
                    found.append(Span(match.start(), words[last][1].end(), "PERSON", SCORE))
        return found

    def canonical(self, value: str) -> str:
        """The full name that ``value`` stands for where exactly one fits, otherwise ``value``."""
        words = normalise("PERSON", value).split()
        if not words or " ".join(words) in self._full:
            return value
        fitting = {name for name, full in self._full.items() if _stands_for(words, full)}
        return fitting.pop() if len(fitting) == 1 else value


def _gaps_are_small(text: str, matches: Sequence[re.Match[str]]) -> bool:
    return all(_GAP.fullmatch(text, left.end(), right.start()) for left, right in pairwise(matches))


def _bare(word: str) -> str:
    return re.sub(r"['\u2019]s?$", "", word).casefold()


def _stands_for(words: Sequence[str], full: Sequence[str]) -> bool:
    if len(words) == 1:
        return words[0] in (full[0], full[-1])
    if words[-1] != full[-1] or len(words) > len(full):
        return False
    # "T Smith" or "T J Smith" for "Tommy James Smith".
    return all(
        word == other or (len(word) == 1 and other.startswith(word))
        for word, other in zip(words[:-1], full[:-1], strict=False)
    )
