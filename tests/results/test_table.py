from __future__ import annotations

import io

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from workbench.results import Table

ROWS = pa.table({"name": ["=1+1", "plain\x01"], "count": [1, 2], "tags": [["a"], []]})


def test_rows_are_written_as_files_without_formulas() -> None:
    table = Table(ROWS, "run")
    csv = pd.read_csv(io.BytesIO(table.csv()))
    excel = pd.read_excel(io.BytesIO(table.excel()), engine="openpyxl")
    for read in (csv, excel):
        assert read["name"].tolist() == ["'=1+1", "plain"]
        assert read["count"].tolist() == [1, 2]
    assert pq.read_table(io.BytesIO(table.parquet())) == ROWS
