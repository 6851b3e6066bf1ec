"""``workbench like`` and ``workbench search-many``."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Annotated, Any

import typer

from workbench.errors import UsageError
from workbench.session import Session
from workbench.workbench import open_workbench

K = Annotated[int, typer.Option("-k", help="How many hits.")]
Mode = Annotated[str, typer.Option(help="hybrid, keyword or vector.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]


def like(
    context: typer.Context,
    document_id: Annotated[int, typer.Argument(help="As `documents` lists it.")],
    k: K = 10,
    mode: Mode = "hybrid",
    as_json: AsJson = False,
) -> None:
    """Find the passages of other documents that are most like one document."""
    _show(_session(context).more_like(document_id, k, mode=mode), as_json)


def search_many(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A query per line, or a CSV with a column query.")],
    k: K = 10,
    mode: Mode = "hybrid",
    out: Annotated[Path | None, typer.Option(help="Write the hits to this CSV file.")] = None,
    as_json: AsJson = False,
) -> None:
    """Search for all queries of a file at once."""
    found = _session(context).search_many(_queries(file), k, mode=mode)
    if out is not None:
        found.df().to_csv(out, index=False)
        typer.echo(f"{sum(map(len, found)):,} hits of {len(found):,} queries in {out}")
        return
    _show(found, as_json)


def _queries(file: Path) -> list[str]:
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeError) as error:
        raise UsageError(
            "the file of queries cannot be read",
            value=f"{file} ({error})",
            next_step="Give a UTF-8 text or CSV file.",
        ) from error
    if file.suffix.lower() != ".csv":
        return [line for line in lines if line.strip()]
    rows = list(csv.DictReader(lines))
    if not rows or "query" not in rows[0]:
        raise UsageError(
            "the CSV has no column 'query', or no rows",
            value=file,
            next_step="Name the column that holds the queries query.",
        )
    return [row["query"] for row in rows if row["query"]]


def _show(result: Any, as_json: bool) -> None:
    text = json.dumps(result.to_dict(), ensure_ascii=False, indent=2, default=str)
    typer.echo(text if as_json else str(result))


def _session(context: typer.Context) -> Session:
    workspace, actor = context.obj
    return open_workbench(workspace).session(actor)
