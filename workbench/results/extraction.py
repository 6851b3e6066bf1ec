"""An extraction: records whose every value leads back to the words of its source."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import UsageError
from workbench.results import extraction_view
from workbench.results.frames import arrow, defused, frame, pretty
from workbench.values import Field, FieldStatus, Record, RecordStatus, Usage

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

PROVENANCE_COLUMNS = {
    "record": "int64",
    "document_id": "int64",
    "document": "string",
    "uri": "string",
    "ordinal": "int64",
    "field": "string",
    "value": "string",
    "unit": "string",
    "raw": "string",
    "quote": "string",
    "page": "int64",
    "start": "int64",
    "end": "int64",
    "box": "string",
    "status": "string",
    "confidence": "float64",
    "review": "string",
    "machine_value": "string",
    "problem": "string",
}
_FIRST = ("document_id", "document", "ordinal", "status")
_LAST = ("problem", "read_share")


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A part of a document's masked text that begins at character ``start``."""

    start: int
    text: str


@dataclass(frozen=True, slots=True)
class ExtractionEstimate:
    """What an extraction would cost at most; seconds as measured on two cores."""

    documents: int
    prompt_tokens: int
    output_tokens: int
    seconds: float
    budget_tokens: int
    budget_seconds: float

    @property
    def fits(self) -> bool:
        """Whether one run's budget is enough; otherwise several calls finish it."""
        tokens = self.prompt_tokens + self.output_tokens
        return tokens <= self.budget_tokens and self.seconds <= self.budget_seconds

    def __str__(self) -> str:
        tokens = self.prompt_tokens + self.output_tokens
        within = "within" if self.fits else "over"
        return (
            f"{self.documents:,} documents, about {tokens:,} tokens and {self.seconds / 60:.0f} min"
            f" at most, {within} one run's budget"
        )


@dataclass(frozen=True, slots=True, eq=False)
class Extraction:
    """Records of one or many documents under one schema.

    ``df`` holds the values, ``provenance`` where each stands. ``schema`` is the definition,
    ``kinds`` gives each field's type by its path. ``id`` is its number in the workspace, for SQL.
    """

    id: int
    schema: Mapping[str, Any]
    schema_version: int
    kinds: Mapping[str, str]
    records: tuple[Record, ...]
    model: str
    prompt_version: str
    run_id: str
    usage: Usage
    excerpts: Mapping[int, tuple[Excerpt, ...]] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.records)

    def __iter__(self) -> Iterator[Record]:
        return iter(self.records)

    def count(self, status: RecordStatus | FieldStatus) -> int:
        """How many records, or fields of all records, have this status."""
        if isinstance(status, RecordStatus):
            return sum(record.status is status for record in self.records)
        return sum(f.status is status for record in self.records for f in record.fields)

    def df(self) -> pd.DataFrame:
        """One row per record: document, status, then a typed column per field. Where a field has
        the name of a column about the record, that one is called ``record_<name>``.

        Money and numbers are float64 (``<name>_unit`` holds currencies), dates datetime64, lists
        Python lists. A value that is missing or invalid is empty; ``provenance`` says why.
        """
        rows = [self._values(record) for record in self.records]
        result = frame(rows, self._columns(rows))
        return self._typed(result)

    def provenance(self) -> pd.DataFrame:
        """One row per field of each record: value, raw, quote, page, start, end, status."""
        return frame(self._provenance(), list(PROVENANCE_COLUMNS))

    def arrow(self) -> pa.Table:
        """The rows of ``provenance`` as an Arrow table."""
        return arrow(self._provenance(), PROVENANCE_COLUMNS)

    def to_dict(self) -> dict[str, Any]:
        """The command line's JSON: the schema and, per record, its nested values and fields."""
        return {
            "id": self.id,
            "schema": dict(self.schema),
            "schema_version": self.schema_version,
            "model": self.model,
            "run_id": self.run_id,
            "usage": asdict(self.usage),
            "records": [
                {
                    "document_id": record.document_id,
                    "document": record.document,
                    "ordinal": record.ordinal,
                    "status": record.status.value,
                    "problem": record.problem,
                    "values": nested({f.name: _plain(f.value) for f in record.fields}),
                    "fields": [_field_dict(f) for f in record.fields],
                }
                for record in self.records
            ],
        }

    def to_html(self, path: str | Path | None = None) -> str:
        """A page of its own without any reference outside: click a value to see its words.

        Written to ``path`` as well if one is given.
        """
        page = extraction_view.page(self)
        if path is not None:
            _written(Path(path), page.encode())
        return page

    def to_csv(self, path: str | Path) -> None:
        """The values as CSV, and ``<name>.provenance.csv`` beside it.

        Text that a spreadsheet would run as a formula gets an apostrophe before it.
        """
        target = Path(path)
        values = defused(self.df()).to_csv(index=False)
        provenance = defused(self.provenance()).to_csv(index=False)
        _written(target, values.encode())
        _written(target.with_suffix(f".provenance{target.suffix}"), provenance.encode())

    def to_excel(self, path: str | Path) -> None:
        """A workbook with the sheets ``values`` and ``provenance``.

        Raises:
            UsageError: if openpyxl is not installed.
        """
        import pandas as pd

        try:
            with pd.ExcelWriter(path, engine="openpyxl") as book:
                defused(self.df()).to_excel(book, sheet_name="values", index=False)
                defused(self.provenance()).to_excel(book, sheet_name="provenance", index=False)
        except ImportError as error:
            raise UsageError(
                "Excel files need openpyxl", next_step="Install openpyxl, or use to_csv."
            ) from error

    def to_parquet(self, path: str | Path) -> None:
        """The values as Parquet, and ``<name>.provenance.parquet`` beside it."""
        target = Path(path)
        self.df().to_parquet(target, index=False)
        self.provenance().to_parquet(target.with_suffix(f".provenance{target.suffix}"), index=False)

    def _values(self, record: Record) -> dict[str, Any]:
        about = {name: getattr(record, name) for name in (*_FIRST, *_LAST)}
        about["status"] = record.status.value
        row: dict[str, Any] = {self._about(name): value for name, value in about.items()}
        flat = {f.name: _cell(f.value) for f in record.fields}
        row |= _tops(flat)
        for found in record.fields:
            if found.unit and "[" not in found.name:
                row[f"{found.name}_unit"] = found.unit
        return row

    def _about(self, name: str) -> str:
        """The column for something about the record itself."""
        taken = {path.partition("[]")[0] for path in self.kinds}
        return f"record_{name}" if name in taken else name

    def _columns(self, rows: list[dict[str, Any]]) -> list[str]:
        units = {name for row in rows for name in row if name.endswith("_unit")}
        columns = [self._about(name) for name in _FIRST]
        for path in self.kinds:
            top = path.partition("[]")[0]
            for name in (top, f"{top}_unit"):
                if name not in columns and (name == top or name in units):
                    columns.append(name)
        return [*columns, *(self._about(name) for name in _LAST)]

    def _typed(self, rows: pd.DataFrame) -> pd.DataFrame:
        import pandas as pd

        for name, kind in self.kinds.items():
            if "[]" in name or name not in rows:
                continue
            if kind in {"number", "money"}:
                rows[name] = pd.to_numeric(rows[name]).astype("float64")
            elif kind == "date":
                rows[name] = pd.to_datetime(rows[name]).astype("datetime64[s]")
            elif kind == "boolean":
                rows[name] = rows[name].astype("boolean")
            else:
                rows[name] = rows[name].astype("string")
        return rows

    def _provenance(self) -> list[dict[str, Any]]:
        return [
            {
                "record": number,
                "document_id": record.document_id,
                "document": record.document,
                "uri": record.uri,
                "ordinal": record.ordinal,
                "field": found.name,
                **{
                    name: value
                    for name, value in _field_dict(found).items()
                    if name in PROVENANCE_COLUMNS
                },
                "problem": found.problem or (record.problem if _is_failed(record) else ""),
            }
            for number, record in enumerate(self.records)
            for found in record.fields
        ]

    _repr_pretty_ = pretty

    def _repr_html_(self) -> str:
        return extraction_view.html(self)

    def __str__(self) -> str:
        records = ", ".join(f"{n} {s.value}" for s in RecordStatus if (n := self.count(s)))
        fields = ", ".join(f"{n} {s.value}" for s in FieldStatus if (n := self.count(s)))
        return f"{len(self)} records ({records or 'none'}); fields: {fields or 'none'}"


def nested(flat: Mapping[str, Any]) -> dict[str, Any]:
    """``{"items[0].price": 1}`` as ``{"items": [{"price": 1}]}``."""
    whole: dict[str, Any] = {}
    for path, value in flat.items():
        parts: list[str | int] = [
            int(part[1:-1]) if part.startswith("[") else part
            for part in re.findall(r"\[\d+\]|[^.\[\]]+", path)
        ]
        spot: Any = whole
        for part, following in zip(parts, [*parts[1:], None], strict=True):
            empty: Any = value if following is None else [] if isinstance(following, int) else {}
            if isinstance(part, int):
                while len(spot) <= part:
                    spot.append(empty)
            else:
                spot.setdefault(part, empty)
            spot = spot[part]
    return whole


def _tops(flat: Mapping[str, Any]) -> dict[str, Any]:
    """One cell per column: nested records keep their dotted names, lists become one cell."""
    cells = {name: value for name, value in flat.items() if "[" not in name}
    lists: dict[str, dict[str, Any]] = {}
    for name, value in flat.items():
        top, bracket, rest = name.partition("[")
        if bracket:
            lists.setdefault(top, {})[f"rows[{rest}"] = value
    return cells | {top: nested(entries)["rows"] for top, entries in lists.items()}


def _field_dict(found: Field) -> dict[str, Any]:
    value = _plain(found.value)
    return {
        "name": found.name,
        "value": None if value is None else str(value),
        "unit": found.unit,
        "raw": found.raw,
        "quote": found.quote,
        "page": found.page,
        "start": found.start,
        "end": found.end,
        "box": None if found.box is None else ",".join(f"{part:g}" for part in found.box),
        "status": found.status.value,
        "confidence": found.confidence,
        "review": found.review,
        "machine_value": None if found.machine_value is None else str(_plain(found.machine_value)),
        "problem": found.problem,
    }


def _is_failed(record: Record) -> bool:
    return record.status is RecordStatus.FAILED


def _plain(value: object) -> object:
    if isinstance(value, datetime.date):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value


def _cell(value: object) -> object:
    return float(value) if isinstance(value, Decimal) else value


def _written(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as error:
        raise UsageError(
            "the file cannot be written",
            value=f"{path.name}: {error.strerror}",
            next_step="Choose a folder that exists and that you may write to.",
        ) from error
