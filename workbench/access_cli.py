"""``workbench access grant | revoke | list``."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from workbench.session import Session
from workbench.workbench import open_workbench

access_app = typer.Typer(help="Grants: single documents for single actors.", no_args_is_help=True)

ActorName = Annotated[str, typer.Argument(help="An actor of workbench.toml.")]
DocumentId = Annotated[int, typer.Argument(help="A document's id, as `documents` lists it.")]


@access_app.command()
def grant(context: typer.Context, actor: ActorName, document_id: DocumentId) -> None:
    """Let an actor read one document, whatever its label."""
    uri = _session(context).grant(actor, document_id)
    typer.echo(f"{actor} may read {uri}")


@access_app.command()
def revoke(context: typer.Context, actor: ActorName, document_id: DocumentId) -> None:
    """Take a grant back."""
    uri = _session(context).revoke(actor, document_id)
    typer.echo(f"{actor} has no grant for {uri} any more")


@access_app.command("list")
def list_grants(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")] = False,
) -> None:
    """List what was granted to whom."""
    grants = _session(context).grants()
    if as_json:
        typer.echo(json.dumps(grants.to_dict(), ensure_ascii=False, indent=2, default=str))
    else:
        typer.echo(str(grants))


def _session(context: typer.Context) -> Session:
    workspace, actor = context.obj
    return open_workbench(workspace).session(actor)
