"""What every source offers to an ingest: a listing of items, each a document to be."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from workbench.config import LimitsConfig
from workbench.values import Document

ReadAs = Callable[[Path, str, str, str], Document]
"""A file on disk, its uri, name and label -> the document, parsed in the limited process."""

Table = tuple[list[str], Iterator[tuple[object, ...]]]
"""The names of the columns, and the rows."""

OpenAttached = Callable[[Path, str], AbstractContextManager[Table]]
"""A DuckDB file and a query over it -> the rows, while the block is open."""


@dataclass(frozen=True, slots=True)
class Item:
    """One document to be.

    Attributes:
        uri: the identity that stays the same from ingest to ingest, without credentials.
        name: what people see; it is not masked yet.
        size_bytes: for the estimate of the remaining time.
        fingerprint: a cheap text that changes whenever the content does, or what its source makes
            of it; raises SourceError.
        read: the document under a label; raises SourceError.
        conditions: what besides the content decides whether it can be read; None if a refusal may
            not be remembered.
        is_small: whether it is a few lines, such as a row: those are brought in together.
    """

    uri: str
    name: str
    size_bytes: int
    fingerprint: Callable[[], str]
    read: Callable[[str], Document]
    conditions: str | None = ""
    is_small: bool = False


@dataclass(frozen=True, slots=True)
class Mark:
    """How far the source of this identity was read: the greatest value of its column, as JSON."""

    identity: str
    value: str


@dataclass(frozen=True, slots=True)
class Access:
    """What a source may use to list its items.

    Attributes:
        limits: bounds on input.
        read_as: parses a file that a source has fetched.
        mark: the kept value of an identity, or None.
        open_attached: reads a DuckDB file, which only the store can.
    """

    limits: LimitsConfig
    read_as: ReadAs
    mark: Callable[[str], str | None]
    open_attached: OpenAttached


class Source(Protocol):
    """Something that can be ingested."""

    def listing(self, access: Access) -> Listing:
        """Its items; raises UsageError or SourceError if it cannot be read at all."""
        ...


@dataclass(frozen=True, slots=True)
class Listing:
    """The items of a source, in the order they are read.

    Attributes:
        items: each uri once.
        covered: beginnings of uris that were listed as a whole, so that what is stored under one of
            them and is not among the items is gone.
        unread: beginnings of uris about which nothing is known, although they are covered.
        marks: how far incremental sources were read, to be kept once all of it is stored.
    """

    items: Sequence[Item]
    covered: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    marks: tuple[Mark, ...] = ()

    def covers(self, uri: str, is_below: Callable[[str, str], bool] = str.startswith) -> bool:
        """Whether a uri that is not among the items belongs to something that is gone.

        ``is_below`` tells whether a uri lies below a beginning."""
        if any(is_below(uri, start) for start in self.unread):
            return False
        return any(is_below(uri, start) for start in self.covered)
