"""A recogniser: a pattern that proposes and a check that decides."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import regex

from workbench.errors import MaskingError
from workbench.masking.spans import Span

TIMEOUT_S = 20.0

Finder = Callable[[str, int, int], Iterable[tuple[int, int]]]
"""Given the text and a candidate's start and end: the parts that are values."""


def whole(_text: str, start: int, end: int) -> Iterable[tuple[int, int]]:
    """The finder that takes every candidate as it is."""
    return ((start, end),)


@dataclass(frozen=True, slots=True)
class Recognizer:
    """Finds values of one type.

    ``pattern`` is a regular expression of the ``regex`` package. Its group "value", if it has
    one, is the candidate; ``find`` keeps, drops or divides candidates.
    """

    name: str
    type: str
    pattern: str
    score: float
    find: Finder = whole
    ignore_case: bool = False
    timeout_s: float = TIMEOUT_S

    def spans(self, text: str) -> Iterator[Span]:
        """Every value in ``text``.

        Raises:
            MaskingError: if the pattern took longer than ``timeout_s``: a text that was not fully
                searched must not count as clean.
        """
        compiled = regex.compile(self.pattern, regex.IGNORECASE if self.ignore_case else 0)
        group: int | str = "value" if "value" in compiled.groupindex else 0
        try:
            for match in compiled.finditer(text, timeout=self.timeout_s, concurrent=False):
                for start, end in self.find(text, *match.span(group)):
                    yield Span(start, end, self.type, self.score)
        except TimeoutError as error:
            raise MaskingError(
                "a text took too long to search for personal data",
                value=f"{self.name}, more than {self.timeout_s:g} s",
                next_step="Look at the file: very long unbroken lines are the usual reason.",
            ) from error
