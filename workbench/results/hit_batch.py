"""The results of many searches at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench import render
from workbench.results.frames import arrow, frame, pretty
from workbench.results.hits import HIT_COLUMNS, Hits

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

_COLUMNS = {"query_number": "int64", "query": "string", **HIT_COLUMNS}


@dataclass(frozen=True, slots=True)
class HitBatch(Sequence[Hits]):
    """One ``Hits`` per query, in the order of the queries; all from one run."""

    results: tuple[Hits, ...]
    run_id: str

    def __getitem__(self, index: Any) -> Any:
        return self.results[index]

    def __len__(self) -> int:
        return len(self.results)

    def __iter__(self) -> Iterator[Hits]:
        return iter(self.results)

    def to_dict(self) -> dict[str, Any]:
        """The command line's JSON: run_id and, for each query, its hits."""
        return {"run_id": self.run_id, "results": [hits.to_dict() for hits in self.results]}

    def df(self) -> pd.DataFrame:
        """One row per hit: query_number (from 0, as the queries were given), query, and the
        columns of ``Hits.df``. A query without hits has no row."""
        return frame(self._rows(), list(_COLUMNS))

    def arrow(self) -> pa.Table:
        """The rows of ``df`` as an Arrow table."""
        return arrow(self._rows(), _COLUMNS)

    def _rows(self) -> list[dict[str, Any]]:
        return [
            {"query_number": number, "query": hits.query, **row}
            for number, hits in enumerate(self.results)
            for row in hits.rows()
        ]

    _repr_pretty_ = pretty

    def _repr_html_(self) -> str:
        columns = ["query", "hits", "best hit"]
        rows = [[*self._line(hits)] for hits in self.results[:50]]
        return render.table_html(columns, rows, f"{len(self):,} queries")

    def __str__(self) -> str:
        lines = [f"{query}  ({count} hits)  {best}" for query, count, best in self._lines()]
        return "\n".join([*lines, f"{len(self):,} queries"])

    def _lines(self) -> list[tuple[str, int, str]]:
        return [self._line(hits) for hits in self.results]

    def _line(self, hits: Hits) -> tuple[str, int, str]:
        return hits.query, len(hits), hits[0].document if len(hits) else ""
