"""What every source offers to an ingest: a listing of items, each a document to be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from workbench.values import Document


@dataclass(frozen=True, slots=True)
class Item:
    """One document to be.

    Attributes:
        uri: the identity that stays the same from ingest to ingest, without credentials.
        name: what people see; it is not masked yet.
        size_bytes: for the estimate of the remaining time.
        fingerprint: a cheap text that changes whenever the content does; raises SourceError.
        read: the document under a label; raises SourceError.
    """

    uri: str
    name: str
    size_bytes: int
    fingerprint: Callable[[], str]
    read: Callable[[str], Document]


@dataclass(frozen=True, slots=True)
class Listing:
    """The items of a source, in the order they are read.

    Attributes:
        items: each uri once.
        version: changes whenever the source would make another text of the same content.
        covered: beginnings of uris that were listed as a whole, so that what is stored under one of
            them and is not among the items is gone.
        unread: beginnings of uris about which nothing is known, although they are covered.
    """

    items: Sequence[Item]
    version: str
    covered: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()

    def covers(self, uri: str) -> bool:
        """Whether a uri that is not among the items belongs to something that is gone."""
        return uri.startswith(self.covered) and not uri.startswith(self.unread)
