"""What goes into and comes out of the store, besides the shared values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Mode = Literal["hybrid", "keyword", "vector"]
Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class EmbeddingInfo:
    """The model that made some vectors: its name, digest, and the length of its vectors."""

    name: str
    digest: str
    dim: int


@dataclass(frozen=True, slots=True, eq=False)
class SearchQuery:
    """What to look for.

    ``text`` is the masked question. ``vector`` (shape (dim,)) and ``embedding`` (the digest of the
    model that made it) are needed unless ``mode`` is ``keyword``. ``k`` is the most hits wanted.
    """

    text: str
    vector: Vectors | None = None
    k: int = 10
    mode: Mode = "hybrid"
    embedding: str = ""
