"""Names that were found once are found everywhere in their document, and keep one identity."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

from workbench.masking.placeholders import normalise
from workbench.masking.spans import Span

SCORE = 0.8
_WORD = re.compile(r"[^\W\d_]+(?:['\u2019-][^\W\d_]+)*")
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
        self._ordinary = frozenset(
            word for text in texts for word in _WORD.findall(text) if word.islower()
        )

    def spans(self, text: str) -> list[Span]:
        """Where a known full name, first name or surname stands, beside those already found."""
        parts = [part for part in self._by_part if part not in self._ordinary]
        found: list[Span] = []
        if parts:
            known = set(parts)
            found = [
                Span(*match.span(), "PERSON", SCORE)
                for match in _WORD.finditer(text)
                if match.group()[0].isupper() and _bare(match.group()) in known
            ]
        if self._full:
            pattern = "|".join(
                r"[\s_.\-]+".join(re.escape(word) for word in words)
                for words in sorted(self._full.values(), key=len, reverse=True)
            )
            found += [
                Span(*match.span(), "PERSON", SCORE)
                for match in re.finditer(rf"(?<![^\W_])(?:{pattern})(?![^\W_])", text, re.I)
            ]
        return found

    def canonical(self, value: str) -> str:
        """The full name that ``value`` stands for where exactly one fits, otherwise ``value``."""
        words = normalise("PERSON", value).split()
        if not words or " ".join(words) in self._full:
            return value
        fitting = {name for name, full in self._full.items() if _stands_for(words, full)}
        return fitting.pop() if len(fitting) == 1 else value


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
