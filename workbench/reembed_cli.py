"""``workbench reembed``."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Annotated

import typer

from workbench.workbench import open_workbench


def reembed(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")] = False,
) -> None:
    """Change the corpus to the embedding model of the settings; others go on searching meanwhile.

    Interrupted, it continues where it was when it is called again.
    """
    workspace, actor = context.obj
    result = open_workbench(workspace).session(actor).reembed(progress=_show)
    typer.echo(json.dumps(asdict(result)) if as_json else str(result))


def _show(chunks: int) -> None:
    if sys.stderr.isatty():
        typer.echo(f"\r\033[K{chunks:,} chunks", nl=False, err=True)
