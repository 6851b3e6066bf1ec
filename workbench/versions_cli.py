"""``workbench versions list | name | diff | rollback``."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from workbench.session import Session
from workbench.workbench import open_workbench

versions_app = typer.Typer(help="Versions: snapshots of the corpus.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
Version = Annotated[str, typer.Argument(help="A version's number or a snapshot's name.")]


@versions_app.command("list")
def list_versions(context: typer.Context, as_json: AsJson = False) -> None:
    """List the snapshots with what each of them changed."""
    _show(_session(context).versions(), as_json)


@versions_app.command()
def name(
    context: typer.Context,
    snapshot: Annotated[str, typer.Argument(help="A new name, such as before-review.")],
) -> None:
    """Name the present version."""
    typer.echo(f"version {_session(context).snapshot(snapshot)} is {snapshot}")


@versions_app.command()
def diff(
    context: typer.Context,
    before: Version,
    after: Version,
    text: Annotated[bool, typer.Option(help="Show what changed in the texts.")] = False,
    as_json: AsJson = False,
) -> None:
    """Tell which documents differ between two versions."""
    _show(_session(context).diff(before, after, text=text), as_json)


@versions_app.command()
def rollback(context: typer.Context, version: Version, as_json: AsJson = False) -> None:
    """Make the corpus what it was; a new version, nothing is lost."""
    _show(_session(context).rollback(version), as_json)


def _show(result: Any, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(result.to_dict(), ensure_ascii=False, indent=2, default=str))
    else:
        typer.echo(str(result))


def _session(context: typer.Context) -> Session:
    workspace, actor = context.obj
    return open_workbench(workspace).session(actor)
