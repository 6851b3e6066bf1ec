"""A report per file of an ingest."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from workbench import render
from workbench.results.frames import arrow, frame, pretty

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


_ITEM_COLUMNS = {
    "name": "string",
    "uri": "string",
    "status": "string",
    "chunks": "int64",
    "masked": "int64",
    "seconds": "float64",
    "error": "string",
}


class ItemStatus(StrEnum):
    """What happened to one file of an ingest."""

    ADDED = "added"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    REMOVED = "removed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class IngestItem:
    """One file of an ingest. ``error`` is the full message of a failed one, else empty."""

    name: str
    uri: str
    status: ItemStatus
    chunks: int = 0
    masked: int = 0
    seconds: float = 0.0
    error: str = ""


@dataclass(frozen=True, slots=True)
class IngestReport:
    """A report per file, and the corpus version that the ingest left behind."""

    items: tuple[IngestItem, ...]
    corpus_version: int
    seconds: float
    run_id: str

    def count(self, status: ItemStatus) -> int:
        return sum(item.status is status for item in self.items)

    @property
    def failed(self) -> tuple[IngestItem, ...]:
        return tuple(item for item in self.items if item.status is ItemStatus.FAILED)

    def to_dict(self) -> dict[str, Any]:
        """The command line's JSON: counts by status, version, seconds and one entry per file."""
        return {
            "counts": {status.value: self.count(status) for status in ItemStatus},
            "corpus_version": self.corpus_version,
            "seconds": self.seconds,
            "run_id": self.run_id,
            "items": self._rows(),
        }

    def df(self) -> pd.DataFrame:
        """One row per file: name, uri, status, chunks, masked, seconds, error."""
        return frame(self._rows(), list(_ITEM_COLUMNS))

    def arrow(self) -> pa.Table:
        """The rows of ``df`` as an Arrow table."""
        return arrow(self._rows(), _ITEM_COLUMNS)

    def _rows(self) -> list[dict[str, Any]]:
        return [{**asdict(item), "status": item.status.value} for item in self.items]

    _repr_pretty_ = pretty

    def _repr_html_(self) -> str:
        return render.table_html(
            ["File", "Status", "Passages", "Masked", "What went wrong"],
            [[i.name, i.status.value, i.chunks, i.masked, i.error] for i in self.items],
            str(self),
        )

    def __str__(self) -> str:
        counts = [f"{self.count(status)} {status.value}" for status in ItemStatus]
        shown = ", ".join(count for count in counts if not count.startswith("0 "))
        return (
            f"{shown or 'no files'} in {self.seconds:.1f} s (corpus version {self.corpus_version})"
        )
