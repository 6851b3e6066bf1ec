"""What goes into and comes out of the store, besides the shared values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from workbench.store.filters import Filter
from workbench.store.matching import Match
from workbench.values import Chunk, MaskedDocument

Mode = Literal["hybrid", "keyword", "vector"]
Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class EmbeddingInfo:
    """The model that made some vectors: its name, digest, and the length of its vectors."""

    name: str
    digest: str
    dim: int


@dataclass(frozen=True, slots=True, eq=False)
class Incoming:
    """A document to be stored: its chunks, a vector of each (shape (len(chunks), dim)), and the
    fingerprint by which a later ingest tells that it is unchanged."""

    document: MaskedDocument
    chunks: Sequence[Chunk]
    vectors: Vectors
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an item could not become a document; name and error are masked."""

    fingerprint: str
    name: str
    error: str


@dataclass(frozen=True, slots=True)
class StoredSource:
    """A stored document as an ingest knows it again: its fingerprint and its masked name."""

    fingerprint: str
    name: str


@dataclass(frozen=True, slots=True, eq=False)
class SearchQuery:
    """What to look for.

    ``text`` is the masked question. ``vector`` (shape (dim,)) and ``embedding`` (the digest of the
    model that made it) are needed unless ``mode`` is ``keyword``. ``k`` is the most hits wanted.
    ``where`` limits the search to documents. ``match`` is what the keyword search looks for in
    place of the words of ``text``; what it requires holds for the vector search as well.
    """

    text: str
    vector: Vectors | None = None
    k: int = 10
    mode: Mode = "hybrid"
    embedding: str = ""
    where: Filter | None = None
    match: Match | None = None
