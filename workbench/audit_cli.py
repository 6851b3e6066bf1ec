"""``workbench audit verify | metrics | export``."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from workbench.errors import UsageError
from workbench.session import Session
from workbench.workbench import open_workbench

if TYPE_CHECKING:
    import pyarrow as pa

audit_app = typer.Typer(help="The audit: checking and exporting it.", no_args_is_help=True)


@audit_app.command()
def verify(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")] = False,
) -> None:
    """Check every audit row. Exits 1 if one was changed, moved, added or removed."""
    check = _session(context).verify_audit()
    if as_json:
        typer.echo(json.dumps(check.to_dict(), indent=2))
    elif check.intact:
        typer.echo(str(check))
    if not check.intact:
        typer.echo(f"error: {check}", err=True)
        raise typer.Exit(1)


@audit_app.command()
def metrics(
    context: typer.Context,
    days: Annotated[float | None, typer.Option(help="Only the last so many days.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")] = False,
) -> None:
    """Count runs, denials, tokens, cache hits and times, by action."""
    counted = _session(context).metrics(days=days)
    typer.echo(json.dumps(counted.to_dict(), indent=2) if as_json else str(counted))


@audit_app.command()
def export(
    context: typer.Context,
    out: Annotated[
        Path, typer.Option(help="A .jsonl or .csv file that is not there yet, or - for stdout.")
    ] = Path("-"),
) -> None:
    """Write every audit row in order, with the hashes that chain them."""
    if out != Path("-") and out.suffix not in {".jsonl", ".csv"}:
        raise UsageError(
            "the export is JSON lines or CSV", value=out, next_step="Name a .jsonl or .csv file."
        )
    rows = _session(context).export_audit().arrow()
    if out == Path("-"):
        _write(rows, sys.stdout, as_csv=False)
        return
    try:
        # An older export is evidence and not to be replaced.
        with out.open("x", encoding="utf-8", newline="") as file:
            _write(rows, file, as_csv=out.suffix == ".csv")
    except OSError as error:
        raise UsageError(
            "the export cannot be written",
            value=f"{out} ({error.strerror or error})",
            next_step="Choose a new file in a folder that you may write to.",
        ) from error
    typer.echo(f"{rows.num_rows:,} rows in {out}")


def _write(rows: pa.Table, file: TextIO, *, as_csv: bool) -> None:
    if as_csv:
        writer = csv.DictWriter(file, rows.column_names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows.to_pylist())
    else:
        file.writelines(json.dumps(row) + "\n" for row in rows.to_pylist())


def _session(context: typer.Context) -> Session:
    workspace, actor = context.obj
    return open_workbench(workspace).session(actor)
