"""How results become DataFrames and Arrow tables."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

_FORMULAS = ("=", "+", "-", "@", "\t", "\r")
# No workbook can hold them.
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


def pretty(result: object, printer: Any, cycle: bool) -> None:
    """What IPython shows where it cannot show HTML."""
    printer.text(str(result))


def frame(rows: list[dict[str, Any]], columns: list[str]) -> pd.DataFrame:
    """The rows as a DataFrame with exactly these columns."""
    import pandas as pd

    return pd.DataFrame(rows, columns=columns)


def defused(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows for a file that others open: no text of a document may become a formula there."""

    def safe(value: object) -> object:
        if isinstance(value, str):
            plain = _CONTROLS.sub("", value)
            return f"'{plain}" if plain.startswith(_FORMULAS) else plain
        return str(value) if isinstance(value, list | dict) else value

    text = rows.select_dtypes(include=["object", "string"]).columns
    return rows.assign(**{name: rows[name].astype("object").map(safe) for name in text})


def arrow(rows: list[dict[str, Any]], columns: dict[str, str]) -> pa.Table:
    """The rows as an Arrow table; ``columns`` gives each its type."""
    import pyarrow as pa

    kinds = {
        "bool": pa.bool_(),
        "string": pa.string(),
        "int64": pa.int64(),
        "float64": pa.float64(),
    }
    schema = pa.schema([(name, kinds[kind]) for name, kind in columns.items()])
    return pa.Table.from_pylist(rows, schema=schema)
