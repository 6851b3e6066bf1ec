"""Statements with their values written into them, for what runs when nothing changed.

To look at a value that is bound, or at a registered Arrow table, DuckDB's client imports pandas:
that takes several times as long as a whole ingest of what did not change. Everything else binds its
values. A text is written as the hexadecimal digits of its bytes, so that none can be SQL.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

Value: TypeAlias = "bool | int | float | str | Sequence[str] | None"


def inlined(statement: str, values: Sequence[Value]) -> str:
    """``statement`` with each ``?`` replaced by one of ``values``, in order."""
    first, *parts = statement.split("?")
    written = (_literal(value) + part for value, part in zip(values, parts, strict=True))
    return first + "".join(written)


def _literal(value: Value) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int):
        return f"{value:d}"
    if isinstance(value, float):
        return f"'{value!r}'::DOUBLE"
    if isinstance(value, str):
        return f"decode(unhex('{value.encode().hex()}'))"
    return f"[{', '.join(map(_literal, value))}]"
