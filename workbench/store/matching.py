"""What a keyword search looks for, as a tree. ``language`` makes it from a written query."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from workbench.store.filters import Filter

Part = Literal["body", "heading"]
"""Where words are looked for: in heading and text of a chunk, or in the heading alone."""


@dataclass(frozen=True, slots=True)
class Words:
    """Any of the words of ``text``, or all of them if ``every``."""

    text: str
    part: Part = "body"
    every: bool = False


@dataclass(frozen=True, slots=True)
class Phrase:
    """The words of ``text`` one after the other; up to ``slop`` words may stand between them."""

    text: str
    part: Part = "body"
    slop: int = 0


@dataclass(frozen=True, slots=True)
class Similar:
    """The words that tell ``text`` apart from the other chunks."""

    text: str


@dataclass(frozen=True, slots=True)
class Pages:
    """Chunks that begin on these pages, both ends included; None leaves an end open."""

    first: int | None
    last: int | None


@dataclass(frozen=True, slots=True)
class Documents:
    """All chunks of the documents for which ``where`` holds."""

    where: Filter


@dataclass(frozen=True, slots=True)
class Clauses:
    """All of ``must``, none of ``must_not``; without ``must`` and ``must_not``, one of ``should``
    at least. ``should`` raises the score."""

    must: tuple[Match, ...] = ()
    should: tuple[Match, ...] = ()
    must_not: tuple[Match, ...] = ()


Match: TypeAlias = Words | Phrase | Similar | Pages | Documents | Clauses


def constraint(match: Match) -> Clauses | None:
    """What a chunk must fulfil to be found at all, by whichever search; None if nothing."""
    if isinstance(match, Clauses) and (match.must or match.must_not):
        return Clauses(match.must, (), match.must_not)
    return None


def filters_of(match: Match) -> Iterator[Filter]:
    """The conditions on documents inside of ``match``."""
    if isinstance(match, Documents):
        yield match.where
    elif isinstance(match, Clauses):
        for part in (*match.must, *match.should, *match.must_not):
            yield from filters_of(part)
