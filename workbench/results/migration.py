"""What a migration copied and checked."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from workbench.results.frames import frame, pretty

if TYPE_CHECKING:
    import pandas as pd

_COLUMNS = ["model", "chunks", "dimensions", "checksum", "queries", "largest_difference"]


@dataclass(frozen=True, slots=True)
class MovedVectors:
    """The vectors of one embedding model, as they were read back from the server.

    ``checksum`` is the SHA-256 of chunk and document ids, equal on both sides;
    ``largest_difference`` that of any number of any vector. ``queries`` samples found the same ten
    nearest chunks on both sides.
    """

    model: str
    chunks: int
    dimensions: int
    checksum: str
    queries: int
    largest_difference: float


@dataclass(frozen=True, slots=True)
class MigrationReport:
    """A copy that was verified. ``server`` names it without credentials."""

    server: str
    corpus_version: int
    moved: tuple[MovedVectors, ...]
    seconds: float
    run_id: str

    def to_dict(self) -> dict[str, Any]:
        """The command line's JSON."""
        return asdict(self)

    def df(self) -> pd.DataFrame:
        """One row per embedding model."""
        return frame([asdict(one) for one in self.moved], _COLUMNS)

    _repr_pretty_ = pretty

    def __str__(self) -> str:
        chunks = sum(one.chunks for one in self.moved)
        queries = sum(one.queries for one in self.moved)
        return (
            f"{chunks:,} vectors of {len(self.moved)} models at {self.server}: counts and "
            f"checksums agree, {queries} sample queries find the same ten ({self.seconds:.1f} s)"
        )
