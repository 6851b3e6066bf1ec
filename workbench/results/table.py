"""The rows of a query."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench import render
from workbench.results.frames import defused, pretty

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


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

    def csv(self) -> bytes:
        """The rows as a CSV file; what would be a formula there is quoted."""
        return defused(self.df()).to_csv(index=False).encode()

    def excel(self) -> bytes:
        """The rows as an Excel file; what would be a formula there is quoted."""
        written = io.BytesIO()
        defused(self.df()).to_excel(written, sheet_name="rows", index=False, engine="openpyxl")
        return written.getvalue()

    def parquet(self) -> bytes:
        """The rows as a Parquet file, with their types."""
        import pyarrow.parquet as pq

        written = io.BytesIO()
        pq.write_table(self.data, written)
        return written.getvalue()

    def to_dict(self) -> dict[str, Any]:
        """The command line's JSON: columns and rows."""
        return {"columns": self.data.column_names, "rows": self.data.to_pylist()}

    _repr_pretty_ = pretty

    def _repr_html_(self) -> str:
        shown = self.data.slice(0, 50).to_pylist()
        columns = self.data.column_names
        return render.table_html(
            columns, [[row[c] for c in columns] for row in shown], f"{len(self):,} rows"
        )

    def __str__(self) -> str:
        return str(self.df().to_string(index=False, max_rows=50, max_colwidth=60))
