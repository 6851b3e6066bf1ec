"""The rows of a query as items: any database SQLAlchemy has a driver for, and DuckDB files.

The query is read inside another SELECT, on a connection that may only read where the database can
say so, and never committed. Passwords and users of an address are in no uri, message or metadata.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import SourceError, UsageError
from workbench.sources.items import Access, Listing, Mark, Table
from workbench.sources.rows import Cells, Origin, RowShape, listed, safe_part

if TYPE_CHECKING:
    from sqlalchemy import URL, Engine

_FETCHED_ROWS = 1_000
_MAX_REASON_CHARS = 150
_DUCKDB = "duckdb"
# Dates as SQLite keeps them. Other text may be somebody's, and a mark is kept unmasked.
_DATE_TEXT_CHARS = frozenset("0123456789-:. TZ+")


@dataclass(frozen=True, slots=True)
class SqlRows:
    """The rows of a query as a source: a row is a document, ``name`` what they are called.

    Args:
        url: an SQLAlchemy address such as ``sqlite:///shop.db`` or
            ``postgresql+psycopg://user:password@host/shop``; ``duckdb:///file.duckdb`` attaches a
            DuckDB file.
        query: one SELECT.
        name: the collection, the same from ingest to ingest; with the key it is a row's identity.
        key: the column, or columns, that tell the rows apart.
        text: the columns to read, or a template such as ``"{Name} by {Composer}"``.
        since: a column that only grows, such as a number or a time of change: a repeated ingest
            reads the rows from the greatest value on that was stored.
    """

    url: str = field(repr=False)
    query: str
    name: str
    key: str | Sequence[str]
    text: str | Sequence[str] | None = None
    since: str | None = None

    def listing(self, access: Access) -> Listing:
        """The rows, or with ``since`` those from the last mark on, as items.

        Raises:
            UsageError: if the address or a column cannot be used.
            SourceError: if the database cannot be read.
        """
        place, opened = _place(self.url, access)
        origin = Origin(
            f"{place}/{safe_part(self.name)}/",
            self.name,
            {"source": place, "query": " ".join(self.query.split())},
        )
        start = None if self.since is None else access.mark(origin.prefix)
        query, values = self._statement(start)
        shape = RowShape(self.key, self.text)
        with opened(query, values) as (columns, rows):
            if self.since is None:
                return listed(rows, columns, origin, shape, access.limits)
            kept = _Greatest(rows, _position(columns, self.since), start)
            found = listed(kept, columns, origin, shape, access.limits)
        marks = () if kept.value is None else (Mark(origin.prefix, json.dumps(kept.value)),)
        # What is older was not looked at, so nothing can be said to be gone.
        return Listing(found.items, marks=marks)

    def _statement(self, start: str | None) -> tuple[str, dict[str, object]]:
        inner = self.query.strip().rstrip(";")
        query = f"SELECT * FROM (\n{inner}\n) AS selected"  # noqa: S608
        if self.since is None or start is None:
            return query, {}
        # From the value on and not beyond it: rows of the same moment may have come later.
        name = self.since.replace('"', '""')
        return f'{query} WHERE "{name}" >= :since', {"since": _loaded(start)}


OpenRows = Callable[[str, Mapping[str, object]], Any]


class _Greatest:
    """Rows as they pass, with the greatest value of one column."""

    def __init__(self, rows: Iterator[Cells], column: int, start: str | None) -> None:
        self._rows = rows
        self._column = column
        self.value: list[object] | None = None if start is None else json.loads(start)

    def __iter__(self) -> Iterator[Cells]:
        for row in self._rows:
            cell = row[self._column]
            if cell is not None:
                kept = _kept(cell)
                if self.value is None or cell > _typed(self.value):  # type: ignore[operator]
                    self.value = kept
            yield row


def _kept(cell: object) -> list[object]:
    """A value and its type as JSON has them."""
    if isinstance(cell, bool) or not isinstance(cell, int | float | Decimal | date | str):
        raise _no_mark()
    if isinstance(cell, str):
        if not cell[:4].isdecimal() or not set(cell) <= _DATE_TEXT_CHARS:
            raise _no_mark()
        return ["text", cell]
    if isinstance(cell, date):
        return ["time" if isinstance(cell, datetime) else "date", cell.isoformat()]
    return ["decimal", str(cell)] if isinstance(cell, Decimal) else ["number", cell]


def _typed(kept: list[object]) -> object:
    kind, value = kept
    read: dict[object, Callable[[str], object]] = {
        "time": datetime.fromisoformat,
        "date": date.fromisoformat,
        "decimal": Decimal,
    }
    return read[kind](str(value)) if kind in read else value


def _loaded(start: str) -> object:
    return _typed(json.loads(start))


def _no_mark() -> UsageError:
    return UsageError(
        "rows can be read from a value on only if it is a number or a date",
        next_step="Name a number or a time of change as `since`, or leave it out.",
    )


def _position(columns: Sequence[str], name: str) -> int:
    if name not in columns:
        raise UsageError(
            "the rows have no such column",
            value=name,
            next_step=f"Name one of: {', '.join(columns)}.",
        )
    return columns.index(name)


def _place(address: str, access: Access) -> tuple[str, OpenRows]:
    """The address without credentials, and how to read there."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import SQLAlchemyError

    try:
        url = make_url(address)
    except (SQLAlchemyError, ValueError, TypeError):
        raise UsageError(
            "this is no address of a database",
            next_step='Write it like "sqlite:///file.db" or "postgresql+psycopg://host/name".',
        ) from None
    kind = url.get_backend_name()
    if kind not in {_DUCKDB, "sqlite"}:
        port = f":{url.port}" if url.port else ""
        return f"{kind}://{url.host or ''}{port}/{url.database or ''}", _Server(url).rows
    file = _file(url)
    place = f"{kind}://{file.as_posix()}"
    if kind == _DUCKDB:
        return place, lambda query, values: access.open_attached(file, _inlined(query, values))
    return place, _Server(url, sqlite_file=file).rows


def _file(url: URL) -> Path:
    # Without this, a misspelt name would make an empty database.
    path = Path(url.database or "").expanduser()
    if not path.is_file():
        raise UsageError(
            "there is no such database file",
            value=path.name or "no name is given",
            next_step="Check the spelling, or the folder you are in.",
        )
    return path.resolve()


def _inlined(query: str, values: Mapping[str, object]) -> str:
    """DuckDB's door takes a query alone; the value is one of those ``_kept`` lets pass."""
    for name, value in values.items():
        literal = str(value) if isinstance(value, int | float | Decimal) else f"'{value}'"
        query = query.replace(f":{name}", literal)
    return query


@dataclass(frozen=True, slots=True)
class _Server:
    url: URL
    sqlite_file: Path | None = None

    @contextmanager
    def rows(self, query: str, values: Mapping[str, object]) -> Iterator[Table]:
        from sqlalchemy import text
        from sqlalchemy.exc import SQLAlchemyError

        engine = self._opened()
        try:
            with engine.connect() as connection:
                options: dict[str, Any] = {"stream_results": True, "yield_per": _FETCHED_ROWS}
                if engine.dialect.name == "postgresql":
                    options["postgresql_readonly"] = True
                reading = connection.execution_options(**options)
                statement = text(_escaped(query)) if values else text(query.replace(":", r"\:"))
                result = reading.execute(statement, dict(values))
                yield list(result.keys()), (tuple(row) for row in result)
        except SQLAlchemyError as error:
            # Not chained: its message quotes the statement and its values.
            raise SourceError(
                "the database cannot be read",
                value=self._reason(error),
                next_step="Check the address, your rights and the query.",
            ) from None
        finally:
            engine.dispose()

    def _opened(self) -> Engine:
        from sqlalchemy import create_engine
        from sqlalchemy.exc import SQLAlchemyError

        options: dict[str, Any] = {}
        if self.sqlite_file is not None:
            address = f"{self.sqlite_file.as_uri()}?mode=ro"
            options["creator"] = lambda: sqlite3.connect(address, uri=True)
        try:
            return create_engine(self.url, hide_parameters=True, **options)
        except (SQLAlchemyError, ImportError) as error:
            raise UsageError(
                "there is no driver for this database",
                value=f"{self.url.drivername}: {type(error).__name__}",
                next_step="Install its driver, for example `pip install psycopg[binary]`.",
            ) from None

    def _reason(self, error: Exception) -> str:
        """The driver's own words where they speak of the query and cannot quote the data."""
        kind = type(error).__name__
        if kind not in {"OperationalError", "ProgrammingError"}:
            return kind
        words = str(getattr(error, "orig", "")).partition("\n")[0]
        for secret in (self.url.password, self.url.username):
            if secret:
                words = re.sub(rf"\b{re.escape(str(secret))}\b", "***", words)
        return f"{kind}: {words[:_MAX_REASON_CHARS]}"


def _escaped(query: str) -> str:
    """The query with every colon literal but that of ``:since`` at its end."""
    body, mark, end = query.rpartition(":since")
    return body.replace(":", r"\:") + mark + end
