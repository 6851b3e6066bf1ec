"""``workbench masking report | preview``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from workbench.session import Session
from workbench.values import DEFAULT_LABEL
from workbench.workbench import open_workbench

masking_app = typer.Typer(help="What masking did, and what it would do.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]


@masking_app.command()
def report(context: typer.Context, as_json: AsJson = False) -> None:
    """Count what was masked, by label and type. No value is shown."""
    result = _session(context).masking_report()
    typer.echo(_json(result.to_dict()) if as_json else str(result))


@masking_app.command()
def preview(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(help="A file, or - for text on stdin.")],
    label: Annotated[str, typer.Option(help="The label it would be ingested under.")] = (
        DEFAULT_LABEL
    ),
    as_json: AsJson = False,
) -> None:
    """Show what would be masked in a file or text, with the values. Nothing is stored."""
    given = sys.stdin.read() if path == Path("-") else path
    result = _session(context).preview_masking(given, label=label)
    typer.echo(_json(result.to_dict()) if as_json else str(result))


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)


def _session(context: typer.Context) -> Session:
    workspace, actor = context.obj
    return open_workbench(workspace).session(actor)
