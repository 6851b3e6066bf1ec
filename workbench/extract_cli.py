"""``workbench extract``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workbench.errors import UsageError
from workbench.session import Session
from workbench.workbench import open_workbench

if TYPE_CHECKING:
    from workbench.results.extraction import Extraction
    from workbench.tasks.extract import ExtractProgress

WRITERS = {".csv": "to_csv", ".xlsx": "to_excel", ".parquet": "to_parquet", ".html": "to_html"}


def extract(
    context: typer.Context,
    schema: Annotated[str, typer.Argument(help="A .yaml or .json file, or a saved schema's name.")],
    source: Annotated[str, typer.Option(help='"all", a label, or ids such as 3,7.')] = "all",
    many: Annotated[bool, typer.Option(help="As many records as a document holds.")] = False,
    examples: Annotated[
        Path | None, typer.Option(help="JSON lines with document_id or text, and values.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write a .csv, .xlsx, .parquet or .html file.")
    ] = None,
) -> None:
    """Turn documents into typed records whose values lead back to their words.

    Without --out, JSON is printed. The same command again goes on where it was stopped.
    """
    if out is not None and out.suffix.lower() not in WRITERS:
        raise UsageError(
            "there is no such kind of table",
            value=out.name,
            next_step=f"Name a file that ends in {', '.join(WRITERS)}.",
        )
    known = _read(examples) if examples is not None else None
    result = _session(context).extract(
        _source(source), schema, many=many, examples=known, progress=_told
    )
    _show(result, out)


def _show(result: Extraction, out: Path | None) -> None:
    if out is None:
        typer.echo(json.dumps(result.to_dict(), indent=2, ensure_ascii=False))
        return
    getattr(result, WRITERS[out.suffix.lower()])(out)
    typer.echo(f"{result}: {out}")


def _told(progress: ExtractProgress) -> None:
    left = f", about {progress.remaining_s:.0f} s left" if progress.remaining_s else ""
    line = f"{progress.done}/{progress.total} {progress.document}: {progress.status}{left}"
    typer.echo(line, err=True)


def _source(words: str) -> object:
    parts = [part.strip() for part in words.split(",")]
    return [int(part) for part in parts] if all(part.isdigit() for part in parts) else words


def _read(path: Path) -> list[dict[str, Any]]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines if line.strip()]
    except (OSError, ValueError) as error:
        raise UsageError(
            "the examples cannot be read",
            value=path.name,
            next_step='Give JSON lines such as {"document_id": 7, "values": {"total": "9.00"}}.',
        ) from error


def _session(context: typer.Context) -> Session:
    workspace, actor = context.obj
    return open_workbench(workspace).session(actor)
