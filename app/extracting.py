"""Documents on their way to a table, and the table as a page shows it. No Streamlit here."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import fields
import reading
from reading import Cited
from working import Job

from workbench import Extraction, Field, FieldStatus, Record, RecordStatus, Session

if TYPE_CHECKING:
    import pandas as pd

PREVIEW_DOCUMENTS = 3
MAX_STYLED_CELLS = 20_000
"""A larger table is shown without colours: each one is sent to the browser by itself."""

STATUSES: Mapping[str, tuple[str, str]] = {
    "located": ("Found", "These words stand in the document."),
    "inferred": ("Worked out", "It follows from the document; no words say it as it is."),
    "missing": ("Not in the document", "The document does not say it, as far as it was read."),
    "invalid": ("Not usable", "Something was found that cannot be the value."),
    "accepted": ("Checked", "Somebody looked at it and found it right."),
    "corrected": ("Corrected", "Somebody looked at it and wrote the right value."),
    "rejected": ("Taken out", "Somebody looked at it and found it wrong."),
}
"""What became of a field, in words, with what that means."""

COLOURS = {
    "inferred": "#4d86bd40",
    "missing": "#80808026",
    "invalid": "#c0392b40",
    "accepted": "#2e8b5740",
    "corrected": "#2e8b5740",
    "rejected": "#c77a0040",
}
_RECORDS = {
    RecordStatus.COMPLETE: "Complete",
    RecordStatus.INCOMPLETE: "Something is missing",
    RecordStatus.EMPTY: "Nothing found",
    RecordStatus.FAILED: "Could not be read",
}
_KINDS = {
    "number": "a number such as 12.5",
    "money": "an amount of money such as 12.50",
    "date": "a date such as 2026-03-31",
    "boolean": "yes or no",
    "enum": "one of its choices",
}
_WRITERS: Mapping[str, Callable[[Extraction, Path], None]] = {
    ".xlsx": Extraction.to_excel,
    ".csv": Extraction.to_csv,
    ".parquet": Extraction.to_parquet,
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which table of which documents; ``many`` if one document may hold several rows."""

    definition: Mapping[str, Any]
    document_ids: tuple[int, ...]
    many: bool = False

    @property
    def preview(self) -> Wanted:
        """The same of the first few documents."""
        return replace(self, document_ids=self.document_ids[:PREVIEW_DOCUMENTS])


class Extracting(Job[Extraction]):
    """One extraction on its way; finished documents are kept even if it is stopped."""

    def __init__(self, session: Session, wanted: Wanted) -> None:
        super().__init__("The extraction", self._extract)
        self.wanted = wanted
        self._session = session

    def _extract(self, job: Job[Extraction]) -> Extraction:
        wanted = self.wanted
        ids = list(wanted.document_ids)
        most = self._session.estimate_extraction(ids, wanted.definition, many=wanted.many)
        job.tell(0.0, f"0 of {reading.counted(len(ids), 'document')}", most.seconds)

        def tell(progress: Any) -> None:
            words = f"{progress.done} of {reading.counted(progress.total, 'document')}"
            job.tell(progress.done / progress.total, words, progress.remaining_s)

        return self._session.extract(ids, wanted.definition, many=wanted.many, progress=tell)


@dataclass(frozen=True)
class Grid:
    """An extraction as a table of a page: a row per record, a column per field."""

    extraction: Extraction

    @cached_property
    def names(self) -> list[str]:
        """The columns that hold fields, by the name of the field."""
        return list(dict.fromkeys(_top(path) for path in self.extraction.kinds))

    @cached_property
    def headings(self) -> list[str]:
        """All columns in words; the first two are about the document."""
        return ["Document", "State", *(self.heading(name) for name in self.names)]

    def heading(self, name: str) -> str:
        """A field's column in words, with its currency if all rows have the same."""
        currency = f" ({self._unit(name)})" if self._unit(name) else ""
        return f"{fields.shown(name)}{currency}"

    def frame(self) -> pd.DataFrame:
        """The values, typed: numbers as float, dates as dates, all else as text."""
        import pandas as pd

        rows = [
            [_document(record), _state(record), *(self._cell(record, n) for n in self.names)]
            for record in self.extraction
        ]
        frame = pd.DataFrame(rows, columns=self.headings)
        for name in self.names:
            kind = self.extraction.kinds.get(name)
            if self.is_typed(name, "number", "money"):
                frame[self.heading(name)] = frame[self.heading(name)].astype("float64")
            elif kind == "date":
                frame[self.heading(name)] = pd.to_datetime(frame[self.heading(name)])
        return frame

    def colours(self) -> list[list[str]]:
        """The style of every cell of ``frame``."""
        return [
            ["", "", *(_style(self.status(record, name)) for name in self.names)]
            for record in self.extraction
        ]

    def status(self, record: Record, name: str) -> str:
        """What became of a cell; of a list, of its first entry."""
        found = self.found(record, name)
        return _status(found[0]) if found else FieldStatus.MISSING.value

    def found(self, record: Record, name: str) -> list[Field]:
        """The fields in one cell: one, or those of a list's entries."""
        return [field for field in record.fields if _top(field.name) == name]

    def counts(self) -> dict[str, int]:
        """How many cells of each status there are."""
        all_of = [self.status(r, name) for r in self.extraction for name in self.names]
        return {status: all_of.count(status) for status in STATUSES if status in all_of}

    def cited(self, row: int, column: str) -> Cited:
        """What to open for a cell; a column about the document opens the document."""
        record = self.extraction.records[row]
        name = next((name for name in self.names if self.heading(name) == column), "")
        if not name:
            return Cited(record.document_id, claim=record.problem, said_by=_state(record))
        found = self.found(record, name)
        return Cited(record.document_id, spans_of(found), self.told(record, name), "The table says")

    def told(self, record: Record, name: str) -> str:
        """A cell in words: its field, its value, and what became of it."""
        found = self.found(record, name)
        value = ", ".join(value_words(f) for f in found if f.value is not None)
        first = found[0] if found else Field(name)
        return f"{fields.shown(name)}: {value or 'nothing'}. {status_words(first)}"

    def _cell(self, record: Record, name: str) -> object:
        found = self.found(record, name)
        if self.is_typed(name, "number", "money"):
            value = found[0].value if found else None
            return float(value) if isinstance(value, Decimal) else None
        if found and isinstance(found[0].value, datetime.date):
            return found[0].value
        return ", ".join(value_words(f) for f in found if f.value is not None) or None

    def is_typed(self, name: str, *kinds: str) -> bool:
        """Whether a column holds values of one of the kinds; amounts in several currencies are
        no column of money."""
        kind = self.extraction.kinds.get(name)
        return kind in kinds and not (kind == "money" and len(self._units(name)) > 1)

    def _unit(self, name: str) -> str:
        units = self._units(name)
        return next(iter(units)) if len(units) == 1 else ""

    def _units(self, name: str) -> set[str]:
        return {f.unit for r in self.extraction for f in self.found(r, name) if f.unit}


def spans_of(found: Sequence[Field]) -> tuple[tuple[int, int], ...]:
    """Where the words of fields stand in their document."""
    return tuple((f.start, f.end) for f in found if f.start is not None and f.end is not None)


def value_words(field: Field) -> str:
    """A field's value in words, with its currency."""
    if field.value is None:
        return ""
    if isinstance(field.value, bool):
        return "Yes" if field.value else "No"
    if isinstance(field.value, Decimal):
        return f"{field.unit} {field.value:,}".strip()
    return reading.readable(str(field.value))


def status_words(field: Field) -> str:
    """What became of a field, in a sentence or two."""
    name, meaning = STATUSES[_status(field)]
    if field.review:
        before = value_words(replace(field, value=field.machine_value))
        changed = f" Read before: {before}." if before and field.review != "accepted" else ""
        return f"{name}. {meaning}{changed}"
    raw = f" The words are “{reading.readable(field.raw)}”." if field.status == "invalid" else ""
    return f"{name}. {meaning}{raw}"


def expected_words(kind: str) -> str:
    """What a field of this kind takes, in words."""
    return _KINDS.get(kind, "some words")


def legend_html(counts: Mapping[str, int]) -> str:
    """How many cells are what, each with its colour; what that means shows on hovering."""
    parts = "".join(
        f'<span title="{escape(STATUSES[status][1])}">'
        f'<i style="background:{COLOURS.get(status, "transparent")}"></i>'
        f"{STATUSES[status][0]} <b>{count:,}</b></span>"
        for status, count in counts.items()
    )
    return f'<div class="wb-legend">{parts}</div>'


def only(extraction: Extraction, document_ids: Sequence[int]) -> Extraction:
    """The extraction without the records of other documents."""
    wanted = set(document_ids)
    kept = tuple(record for record in extraction if record.document_id in wanted)
    return replace(extraction, records=kept)


def exported(extraction: Extraction, suffix: str) -> bytes:
    """The table as a file: .xlsx (with where every value stands), .csv or .parquet."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"table{suffix}"
        _WRITERS[suffix](extraction, path)
        return path.read_bytes()


def _top(path: str) -> str:
    return re.split(r"\[", path, maxsplit=1)[0]


def _document(record: Record) -> str:
    number = f" · {record.ordinal + 1}" if record.ordinal else ""
    return f"{reading.readable(record.document)}{number}"


def _state(record: Record) -> str:
    return _RECORDS[record.status]


def _status(field: Field) -> str:
    return str(field.review or field.status.value)


def _style(status: str) -> str:
    colour = COLOURS.get(status)
    return f"background-color: {colour}" if colour else ""
