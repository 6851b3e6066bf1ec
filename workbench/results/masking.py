"""What masking did in a workspace, and what it would do to a text."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any

from workbench import render
from workbench.results.frames import arrow, frame, pretty

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

_REPORT_COLUMNS = {
    "label": "string",
    "type": "string",
    "treatment": "string",
    "values": "int64",
    "documents": "int64",
}
_PREVIEW_COLUMNS = {
    "start": "int64",
    "end": "int64",
    "type": "string",
    "score": "float64",
    "treatment": "string",
    "value": "string",
}
_SHOWN_CHARS = 20_000
_MARK = "background:rgba(74,127,193,.25);color:inherit;border-radius:2px;padding:0 .15rem"
_KIND = "opacity:.75;font-size:70%"


@dataclass(frozen=True, slots=True)
class MaskedType:
    """How many ``values`` of one type were replaced in how many documents of one label."""

    label: str
    type: str
    treatment: str
    values: int
    documents: int


@dataclass(frozen=True, slots=True)
class MaskingReport:
    """Counts by document label and entity type; the values themselves are nowhere in it."""

    types: tuple[MaskedType, ...]
    documents: int
    run_id: str

    @property
    def values(self) -> int:
        """How many places were replaced, over all labels and types."""
        return sum(row.values for row in self.types)

    def to_dict(self) -> dict[str, Any]:
        """The command line's JSON."""
        return {"documents": self.documents, "values": self.values, "types": self._rows()}

    def df(self) -> pd.DataFrame:
        """One row per label and type: label, type, treatment, values, documents."""
        return frame(self._rows(), list(_REPORT_COLUMNS))

    def arrow(self) -> pa.Table:
        """The rows of ``df`` as an Arrow table."""
        return arrow(self._rows(), _REPORT_COLUMNS)

    def _rows(self) -> list[dict[str, Any]]:
        return [asdict(row) for row in self.types]

    _repr_pretty_ = pretty

    def _repr_html_(self) -> str:
        rows = [[r.label, r.type, r.treatment, r.values, r.documents] for r in self.types]
        return render.table_html(
            ["Label", "Type", "Treatment", "Values", "Documents"], rows, self._headline()
        )

    def _headline(self) -> str:
        return f"{self.values:,} values masked in {self.documents:,} documents"

    def __str__(self) -> str:
        lines = [
            f"{row.label:<16} {row.type:<20} {row.treatment:<6} {row.values:>8,} "
            f"in {row.documents:,} documents"
            for row in self.types
        ]
        return "\n".join([*lines, self._headline()])


@dataclass(frozen=True, slots=True)
class MaskingFinding:
    """Characters ``start`` to ``end`` of the text would be replaced; ``score`` is 0 to 1."""

    start: int
    end: int
    type: str
    score: float
    treatment: str


@dataclass(frozen=True, slots=True)
class MaskingPreview:
    """What would be replaced in a text that was given, or in a file's. Nothing of it is stored.

    ``text`` and the values are the giver's own; they are not part of ``repr``.
    """

    text: str = field(repr=False)
    label: str
    findings: tuple[MaskingFinding, ...]
    run_id: str

    def to_dict(self) -> dict[str, Any]:
        """The command line's JSON."""
        return {"label": self.label, "findings": self._rows()}

    def df(self) -> pd.DataFrame:
        """One row per finding: start, end, type, score, treatment, value."""
        return frame(self._rows(), list(_PREVIEW_COLUMNS))

    def arrow(self) -> pa.Table:
        """The rows of ``df`` as an Arrow table."""
        return arrow(self._rows(), _PREVIEW_COLUMNS)

    def _rows(self) -> list[dict[str, Any]]:
        return [{**asdict(f), "value": self.text[f.start : f.end]} for f in self.findings]

    _repr_pretty_ = pretty

    def _repr_html_(self) -> str:
        pieces: list[str] = []
        done = 0
        for one in self.findings:
            if one.end > _SHOWN_CHARS:
                break
            about = escape(f"{one.treatment}, score {one.score:.2f}")
            pieces.append(
                f"{escape(self.text[done : one.start])}"
                f'<mark style="{_MARK}" title="{about}">{escape(self.text[one.start : one.end])} '
                f'<small style="{_KIND}">{escape(one.type)}</small></mark>'
            )
            done = one.end
        rest = self.text[done : max(done, _SHOWN_CHARS)]
        more = " …" if len(self.text) > max(done, _SHOWN_CHARS) else ""
        body = "".join([*pieces, escape(rest), more])
        return (
            f'<div style="{render.BOX_STYLE}"><div>{escape(self._headline())}</div>'
            f'<div style="white-space:pre-wrap;overflow-wrap:anywhere">{body}</div></div>'
        )

    def _headline(self) -> str:
        count = len(self.findings)
        return f"{count:,} {'value' if count == 1 else 'values'} would be masked; nothing is stored"

    def __str__(self) -> str:
        lines = [
            f"{f.start:>8}-{f.end:<8} {f.type:<20} {f.score:.2f}  {f.treatment:<5} "
            f"{' '.join(self.text[f.start : f.end].split())}"
            for f in self.findings
        ]
        return "\n".join([*lines, self._headline()])
