"""Search results in rank order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench import render
from workbench.results.frames import arrow, frame, pretty
from workbench.values import Hit

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


HIT_COLUMNS = {
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
        return {"query": self.query, "run_id": self.run_id, "hits": self.rows()}

    def df(self) -> pd.DataFrame:
        """One row per hit: rank, document, page, heading, text, start, end, scores and ranks."""
        return frame(self.rows(), list(HIT_COLUMNS))

    def arrow(self) -> pa.Table:
        """The rows of ``df`` as an Arrow table."""
        return arrow(self.rows(), HIT_COLUMNS)

    def rows(self) -> list[dict[str, Any]]:
        """One dict per hit, with the columns of ``df``."""
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

    _repr_pretty_ = pretty

    def _repr_html_(self) -> str:
        return render.hits_html(self.query, self.hits)

    def __str__(self) -> str:
        return render.hits_text(self.hits)
