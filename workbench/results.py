"""What the verbs return: frozen results that render themselves and convert to DataFrames."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from workbench import render
from workbench.values import Citation, Claim, Hit, Support, Usage

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

ABSTENTION = "The sources do not answer this question."


def _pretty(result: object, printer: Any, cycle: bool) -> None:
    """What IPython shows where it cannot show HTML."""
    printer.text(str(result))


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer to ``question`` (masked) whose every supported claim carries its citations.

    ``status`` is ``supported`` (every claim is located in a source), ``partial`` (some are) or
    ``abstained`` (nothing relevant was found; ``text`` says so and ``claims`` is empty).
    """

    question: str
    text: str
    status: Support
    claims: tuple[Claim, ...]
    hits: tuple[Hit, ...]
    model: str
    run_id: str
    usage: Usage
    prompt_version: str
    corpus_version: int
    created_at: str

    @property
    def citations(self) -> tuple[Citation, ...]:
        """All citations in the order of the claims, each once."""
        return tuple(dict.fromkeys(c for claim in self.claims for c in claim.citations))

    def to_dict(self) -> dict[str, Any]:
        """The command line's JSON: status, text, citations, model, run_id and more."""
        return {
            "status": self.status.value,
            "text": self.text,
            "citations": [asdict(citation) for citation in self.citations],
            "claims": [{"text": c.text, "supported": c.supported} for c in self.claims],
            "model": self.model,
            "run_id": self.run_id,
            "question": self.question,
            "prompt_version": self.prompt_version,
            "corpus_version": self.corpus_version,
            "usage": asdict(self.usage),
        }

    def df(self) -> pd.DataFrame:
        """One row per claim and citation: claim, supported, document, page, start, end, quote."""
        return _frame(self._rows(), list(_ANSWER_COLUMNS))

    def arrow(self) -> pa.Table:
        """The rows of ``df`` as an Arrow table."""
        return _arrow(self._rows(), _ANSWER_COLUMNS)

    def _rows(self) -> list[dict[str, Any]]:
        rows = []
        for number, claim in enumerate(self.claims, start=1):
            for citation in claim.citations or (None,):
                where = asdict(citation) if citation else {}
                rows.append(
                    {"claim": number, "text": claim.text, "supported": claim.supported, **where}
                )
        return rows

    _repr_pretty_ = _pretty

    def _repr_html_(self) -> str:
        return render.answer_html(self.status.value, self.text, self.claims, self.model)

    def __str__(self) -> str:
        return render.answer_text(self.status.value, self.text, self.claims)


@dataclass(frozen=True, slots=True)
class Hits(Sequence[Hit]):
    """Search results in rank order."""

    query: str
    hits: tuple[Hit, ...]
    run_id: str

    def __getitem__(self, index: Any) -> Any:
        return self.hits[index]

    def __len__(self) -> int:
        return len(self.hits)

    def __iter__(self) -> Iterator[Hit]:
        return iter(self.hits)

    def to_dict(self) -> dict[str, Any]:
        """The command line's JSON: query, run_id and one entry per hit."""
        return {"query": self.query, "run_id": self.run_id, "hits": self._rows()}

    def df(self) -> pd.DataFrame:
        """One row per hit: rank, document, page, heading, text, start, end, scores and ranks."""
        return _frame(self._rows(), list(_HIT_COLUMNS))

    def arrow(self) -> pa.Table:
        """The rows of ``df`` as an Arrow table."""
        return _arrow(self._rows(), _HIT_COLUMNS)

    def _rows(self) -> list[dict[str, Any]]:
        return [
            {
                "rank": rank,
                "document": hit.document,
                "uri": hit.uri,
                "page": hit.chunk.page,
                "heading": hit.chunk.heading,
                "text": hit.chunk.text,
                "start": hit.chunk.start,
                "end": hit.chunk.end,
                "document_id": hit.chunk.document_id,
                "score": hit.score,
                "similarity": hit.similarity,
                "keyword_rank": hit.keyword_rank,
                "vector_rank": hit.vector_rank,
            }
            for rank, hit in enumerate(self.hits, start=1)
        ]

    _repr_pretty_ = _pretty

    def _repr_html_(self) -> str:
        return render.hits_html(self.query, self.hits)

    def __str__(self) -> str:
        return render.hits_text(self.hits)


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
        return _frame(self._rows(), list(_ITEM_COLUMNS))

    def arrow(self) -> pa.Table:
        """The rows of ``df`` as an Arrow table."""
        return _arrow(self._rows(), _ITEM_COLUMNS)

    def _rows(self) -> list[dict[str, Any]]:
        return [{**asdict(item), "status": item.status.value} for item in self.items]

    _repr_pretty_ = _pretty

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


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """The rows of a SQL query. ``data`` is an Arrow table."""

    data: pa.Table
    run_id: str

    def __len__(self) -> int:
        return int(self.data.num_rows)

    def df(self) -> pd.DataFrame:
        """The rows as a DataFrame."""
        frame: pd.DataFrame = self.data.to_pandas()
        return frame

    def arrow(self) -> pa.Table:
        """The rows as they came from DuckDB."""
        return self.data

    def to_dict(self) -> dict[str, Any]:
        """The command line's JSON: columns and rows."""
        return {"columns": self.data.column_names, "rows": self.data.to_pylist()}

    _repr_pretty_ = _pretty

    def _repr_html_(self) -> str:
        shown = self.data.slice(0, 50).to_pylist()
        columns = self.data.column_names
        return render.table_html(
            columns, [[row[c] for c in columns] for row in shown], f"{len(self):,} rows"
        )

    def __str__(self) -> str:
        return str(self.df().to_string(index=False, max_rows=50, max_colwidth=60))


@dataclass(frozen=True, slots=True)
class AuditCheck:
    """What a check of the audit's hash chain found.

    The first ``rows`` rows are as they were written, and ``head`` is the hash of the last of them.
    ``first_broken`` is the row after them if it was changed, moved, added or removed, else None.
    """

    rows: int
    first_broken: int | None
    head: str

    @property
    def intact(self) -> bool:
        return self.first_broken is None

    def to_dict(self) -> dict[str, Any]:
        """The command line's JSON: intact, rows, first_broken and head."""
        return {"intact": self.intact, **asdict(self)}

    def df(self) -> pd.DataFrame:
        """One row: intact, rows, first_broken and head."""
        return _frame([self.to_dict()], ["intact", "rows", "first_broken", "head"])

    _repr_pretty_ = _pretty

    def __str__(self) -> str:
        if self.intact:
            return f"the audit is intact: {self.rows:,} rows, head {self.head}"
        return f"the audit is broken at row {self.first_broken}: it was changed, added or removed"


_CITATION_COLUMNS = {
    "document": "string",
    "uri": "string",
    "page": "int64",
    "start": "int64",
    "end": "int64",
    "quote": "string",
    "document_id": "int64",
}
_ANSWER_COLUMNS = {"claim": "int64", "text": "string", "supported": "bool", **_CITATION_COLUMNS}
_HIT_COLUMNS = {
    "rank": "int64",
    "document": "string",
    "uri": "string",
    "page": "int64",
    "heading": "string",
    "text": "string",
    "start": "int64",
    "end": "int64",
    "document_id": "int64",
    "score": "float64",
    "similarity": "float64",
    "keyword_rank": "int64",
    "vector_rank": "int64",
}
_ITEM_COLUMNS = {
    "name": "string",
    "uri": "string",
    "status": "string",
    "chunks": "int64",
    "masked": "int64",
    "seconds": "float64",
    "error": "string",
}


def _frame(rows: list[dict[str, Any]], columns: list[str]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(rows, columns=columns)


def _arrow(rows: list[dict[str, Any]], columns: dict[str, str]) -> pa.Table:
    import pyarrow as pa

    kinds = {
        "bool": pa.bool_(),
        "string": pa.string(),
        "int64": pa.int64(),
        "float64": pa.float64(),
    }
    schema = pa.schema([(name, kinds[kind]) for name, kind in columns.items()])
    return pa.Table.from_pylist(rows, schema=schema)
