"""``workbench migrate --to URL``."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from workbench.workbench import open_workbench


def migrate(
    context: typer.Context,
    to: Annotated[str, typer.Option(help="postgresql://... (with pgvector) or qdrant://...")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")] = False,
) -> None:
    """Copy the workspace's vectors to a server and verify counts, checksums and sample queries."""
    workspace, actor = context.obj
    report = open_workbench(workspace).session(actor).migrate(to)
    if as_json:
        typer.echo(json.dumps(report.to_dict(), indent=2))
        return
    typer.echo(str(report))
    typer.echo("To search there, set url under [store] in workbench.toml.")
