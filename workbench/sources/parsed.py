"""What a parser returns: raw text in parts, before cleaning and before offsets exist."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

WORKBOOK_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
JSON_TYPE = "application/json"
JSON_LINES_TYPE = "application/jsonl"
PARQUET_TYPE = "application/vnd.apache.parquet"
ROW_TYPE = "text/x-row"
"""A row of a table that is a document of its own, a line a column."""

ROW_TYPES = frozenset(("text/csv", WORKBOOK_TYPE, JSON_TYPE, JSON_LINES_TYPE, PARQUET_TYPE))
"""The media types whose every line is a row that reads alone."""

_EMPTY: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Parsed:
    """The text of one file. With ``paged``, ``parts`` are its pages, in order and from page 1."""

    media_type: str
    parts: tuple[str, ...]
    paged: bool = False
    metadata: Mapping[str, str] = field(default_factory=lambda: _EMPTY)
