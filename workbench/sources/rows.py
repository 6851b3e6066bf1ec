"""Rows of tables as items: each row is a document of its own, told apart by its key.

A row reads ``column: value``, one line a column, so that a chunk of it is understood, quoted and
masked without the table around it.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from workbench.config import LimitsConfig
from workbench.errors import FileTooLarge, UsageError
from workbench.sources.items import Access, Item, Listing
from workbench.sources.parsed import ROW_TYPE
from workbench.sources.tables import shown
from workbench.sources.text import clean
from workbench.values import Document

if TYPE_CHECKING:
    import pyarrow as pa

ROWS_VERSION = "1"
"""Changes whenever the text, name or metadata of a row changes."""

MAX_ROWS = 1_000_000
MAX_ROWS_CHARS = 1_000_000_000

Cells = tuple[object, ...]

_FIELD = re.compile(r"\{([^{}]+)\}")
# A longer number may be somebody's number; a uri is not masked.
_PLAIN_KEY = re.compile(r"-?\d{1,6}")
_MAX_NAMED_KEY_CHARS = 80


@dataclass(frozen=True, slots=True)
class RowShape:
    """How rows become documents.

    ``key`` names the columns that tell rows apart. ``text`` is the columns to read, in that order
    (all of them without it), or a template such as ``"{Name} by {Composer}"``.
    """

    key: str | Sequence[str]
    text: str | Sequence[str] | None = None

    @property
    def keys(self) -> tuple[str, ...]:
        return (self.key,) if isinstance(self.key, str) else tuple(self.key)

    def wanted(self) -> tuple[str, ...]:
        """The columns that are named, the key's first."""
        if isinstance(self.text, str):
            return (*self.keys, *_FIELD.findall(self.text))
        return (*self.keys, *(self.text or ()))


@dataclass(frozen=True, slots=True)
class Rows:
    """A table in memory as a source: a row is a document, ``name`` what they are called.

    Args:
        data: a pandas or polars DataFrame, an Arrow table, or a list of dictionaries.
        name: the collection, the same from ingest to ingest; with the key it is a row's identity.
        key: the column, or columns, that tell the rows apart.
        text: the columns to read, or a template such as ``"{Name} by {Composer}"``.
    """

    data: Any = field(repr=False)
    name: str
    key: str | Sequence[str]
    text: str | Sequence[str] | None = None

    def listing(self, access: Access) -> Listing:
        """Its rows as items.

        Raises:
            UsageError: if it is no table, lacks a column, or its keys do not tell rows apart.
        """
        table = _arrow(self.data)
        origin = Origin(f"rows://{safe_part(self.name)}/", self.name, {"source": "table in memory"})
        shape = RowShape(self.key, self.text)
        return listed(_tuples(table), table.column_names, origin, shape, access.limits)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where rows come from: the beginning of their uris, their name, and their lineage."""

    prefix: str
    name: str
    lineage: Mapping[str, str]


def listed(
    rows: Iterable[Cells],
    columns: Sequence[str],
    origin: Origin,
    shape: RowShape,
    limits: LimitsConfig,
) -> Listing:
    """Rows as items; they are kept until they are read.

    Raises:
        UsageError: if a column is missing, or a key is empty or occurs twice.
        FileTooLarge: if there are over MAX_ROWS, or they hold over MAX_ROWS_CHARS.
    """
    _require(columns, shape)
    reading = _Reading(tuple(columns), origin, shape, limits.max_document_chars)
    items: dict[str, Item] = {}
    total = 0
    for number, row in enumerate(rows, start=1):
        item = reading.item(row, number)
        total += item.size_bytes
        if number > MAX_ROWS or total > MAX_ROWS_CHARS:
            raise FileTooLarge(
                f"there are over {MAX_ROWS:,} rows, or over {MAX_ROWS_CHARS:,} characters in them",
                value=origin.name,
                next_step="Select fewer rows or columns, or ingest them in parts.",
            )
        if item.uri in items:
            raise UsageError(
                "the key does not tell the rows apart",
                value=f"{', '.join(shape.keys)}: row {number} has that of another",
                next_step="Name the columns that together are different in every row.",
            )
        items[item.uri] = item
    return Listing(list(items.values()), covered=(origin.prefix,))


@dataclass(frozen=True, slots=True)
class _Reading:
    columns: tuple[str, ...]
    origin: Origin
    shape: RowShape
    max_chars: int

    def item(self, row: Cells, number: int) -> Item:
        key = self._key(row, number)
        return Item(
            uri=self.origin.prefix + "/".join(map(_key_part, key)),
            name=f"{self.origin.name} {', '.join(key)[:_MAX_NAMED_KEY_CHARS]}",
            size_bytes=sum(len(cell) if isinstance(cell, str) else 8 for cell in row),
            fingerprint=lambda: f"{ROWS_VERSION}:{self.content_hash(row)}",
            read=partial(self.document, row),
            is_small=True,
        )

    def content_hash(self, row: Cells) -> str:
        described = [self.text(row), self._key(row, 0), dict(self.origin.lineage)]
        return hashlib.sha256(json.dumps(described).encode()).hexdigest()

    def document(self, row: Cells, label: str) -> Document:
        text = clean(self.text(row))
        item = self.item(row, 0)
        if len(text) > self.max_chars:
            raise FileTooLarge(
                "the row holds too much text",
                value=f"{len(text):,} characters, allowed are {self.max_chars:,}",
                next_step="Leave the long column out, or raise limits.max_document_chars.",
            )
        return Document(
            uri=item.uri,
            name=item.name,
            media_type=ROW_TYPE,
            content_hash=self.content_hash(row),
            text=text,
            label=label,
            metadata={**self.origin.lineage, "key": ", ".join(self._key(row, 0))},
        )

    def text(self, row: Cells) -> str:
        cells = {
            name: value
            for name, cell in zip(self.columns, row, strict=True)
            if (value := cell_text(cell))
        }
        if isinstance(self.shape.text, str):
            return _FIELD.sub(lambda match: cells.get(match.group(1), ""), self.shape.text)
        wanted = self.shape.text or self.columns
        return "\n".join(f"{_one_line(name)}: {cells[name]}" for name in wanted if name in cells)

    def _key(self, row: Cells, number: int) -> list[str]:
        found = [cell_text(row[self.columns.index(name)]) for name in self.shape.keys]
        if not all(found):
            raise UsageError(
                "a row has no key",
                value=f"{', '.join(self.shape.keys)} in row {number}",
                next_step="Leave such rows out, or name columns that are always filled.",
            )
        return [_one_line(part) for part in found]


def cell_text(cell: object) -> str:
    """A cell as people write it; empty for a missing one. Bytes are counted, not read."""
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return ""
    if isinstance(cell, bytes | bytearray | memoryview):
        return f"({len(cell):,} bytes)"
    if isinstance(cell, dict | list | tuple):
        return json.dumps(cell, ensure_ascii=False, default=str)
    return shown(cell).strip()


def safe_part(name: str) -> str:
    """A part of a uri: no character that divides one."""
    return re.sub(r"[^\w.\-]+", "-", name).strip("-") or "rows"


def key_digest(key: str) -> str:
    """A key that may be somebody's name or number, as a part of a uri, which is not masked."""
    return hashlib.sha256(key.encode("utf-8", errors="replace")).hexdigest()[:32]


def _key_part(key: str) -> str:
    return key if _PLAIN_KEY.fullmatch(key) else key_digest(key)


def _require(columns: Sequence[str], shape: RowShape) -> None:
    missing = [name for name in shape.wanted() if name not in columns]
    if not shape.keys or missing:
        raise UsageError(
            "the rows have no such column",
            value=", ".join(missing) or "no key is named",
            next_step=f"Name some of: {', '.join(columns)}.",
        )
    if len(set(columns)) < len(columns):
        raise UsageError(
            "two columns have the same name",
            value=", ".join(sorted({name for name in columns if columns.count(name) > 1})),
            next_step="Rename one of them.",
        )


def _arrow(data: Any) -> pa.Table:
    import pyarrow as pa

    try:
        if isinstance(data, pa.Table):
            return data
        if hasattr(data, "__arrow_c_stream__"):
            table = pa.table(data)
            # pandas adds its index unless it only counts.
            return table.drop_columns([n for n in table.column_names if n.startswith("__index_")])
        return pa.Table.from_pylist(list(data))
    except (pa.ArrowException, TypeError, ValueError, AttributeError):
        raise UsageError(
            "this is no table",
            value=type(data).__name__,
            next_step="Give a DataFrame with one type per column, an Arrow table, or a list of "
            "dictionaries.",
        ) from None


def _tuples(table: pa.Table) -> Iterator[Cells]:
    for batch in table.to_batches(max_chunksize=1_000):
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


def _one_line(text: str) -> str:
    return " ".join(text.split())
