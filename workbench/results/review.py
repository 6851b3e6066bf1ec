"""Fields that wait for a reviewer, and how well confidences hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from workbench import render
from workbench.results.frames import arrow, frame, pretty
from workbench.values import Field

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class ReviewItem:
    """One field to look at. ``doubt``, 0 to 1, orders the queue; it is 1 - confidence where there
    is one."""

    extraction_id: int
    document_id: int
    document: str
    ordinal: int
    field: Field
    doubt: float


@dataclass(frozen=True, slots=True)
class ReviewQueue(Sequence[ReviewItem]):
    """Fields nobody has judged yet, the least certain first. ``reviewed`` of ``total`` are done."""

    extraction_id: int
    items: tuple[ReviewItem, ...]
    reviewed: int
    total: int
    run_id: str

    def __getitem__(self, index: Any) -> Any:
        return self.items[index]

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[ReviewItem]:
        return iter(self.items)

    def df(self) -> pd.DataFrame:
        """One row per item: document, field, value, quote, place, status, confidence, doubt."""
        return frame(self._rows(), list(_COLUMNS))

    def arrow(self) -> pa.Table:
        """The rows of ``df`` as an Arrow table."""
        return arrow(self._rows(), _COLUMNS)

    def _rows(self) -> list[dict[str, Any]]:
        return [
            {
                "document_id": item.document_id,
                "document": item.document,
                "ordinal": item.ordinal,
                "field": item.field.name,
                "value": None if item.field.value is None else str(item.field.value),
                "quote": item.field.quote,
                "page": item.field.page,
                "start": item.field.start,
                "end": item.field.end,
                "status": item.field.status.value,
                "confidence": item.field.confidence,
                "doubt": item.doubt,
            }
            for item in self.items
        ]

    _repr_pretty_ = pretty

    def _repr_html_(self) -> str:
        rows = [
            [i.document, i.field.name, i.field.value, i.field.quote, i.field.status.value, i.doubt]
            for i in self.items[:50]
        ]
        columns = ["Document", "Field", "Value", "Words", "Status", "Doubt"]
        return render.table_html(columns, rows, str(self))

    def __str__(self) -> str:
        return f"{len(self):,} fields to review, {self.reviewed:,} of {self.total:,} reviewed"


@dataclass(frozen=True, slots=True)
class CalibrationReport:
    """What reviewed fields say about confidence.

    ``error`` is the expected calibration error, ``accuracy`` the share of reviewed fields that
    stayed as they were; both None while there are too few labels. ``bins`` are the reliability
    plot: low, high, count, confidence, accuracy. All figures are of documents held back.
    """

    labels: int
    accuracy: float | None
    error: float | None
    bins: tuple[dict[str, float], ...]
    run_id: str

    def df(self) -> pd.DataFrame:
        """One row per bin of the reliability plot."""
        return frame([dict(row) for row in self.bins], list(_BIN_COLUMNS))

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON holds it."""
        return asdict(self)

    _repr_pretty_ = pretty

    def _repr_html_(self) -> str:
        rows = [[row[name] for name in _BIN_COLUMNS] for row in self.bins]
        return render.table_html(list(_BIN_COLUMNS), rows, str(self))

    def __str__(self) -> str:
        if self.error is None or self.accuracy is None:
            return f"{self.labels:,} reviewed fields are too few, or too much alike, to calibrate"
        return (
            f"{self.labels:,} reviewed fields, {self.accuracy:.0%} right as they were; expected "
            f"calibration error {self.error:.3f} on documents held back"
        )


_COLUMNS = {
    "document_id": "int64",
    "document": "string",
    "ordinal": "int64",
    "field": "string",
    "value": "string",
    "quote": "string",
    "page": "int64",
    "start": "int64",
    "end": "int64",
    "status": "string",
    "confidence": "float64",
    "doubt": "float64",
}
_BIN_COLUMNS = ("low", "high", "count", "confidence", "accuracy")
