"""``workbench reveal | forget`` and ``workbench vault new-key | rotate``."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from workbench.errors import UsageError
from workbench.session import Session
from workbench.workbench import open_workbench

vault_app = typer.Typer(
    help="The vault's key; `reveal` and `forget` are commands of their own.", no_args_is_help=True
)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]


@vault_app.command("new-key")
def make_key() -> None:
    """Print a new key for WORKBENCH_VAULT_KEY. It is kept nowhere: without it, nothing opens."""
    from workbench.masking.vault_keys import new_key, shown

    typer.echo(shown([new_key()]))


@vault_app.command()
def rotate(context: typer.Context) -> None:
    """Seal the vault under a new key. Set NEW,OLD in the environment first, if the key is there."""
    count = _session(context).rotate_vault()
    typer.echo(f"{count:,} entries are sealed under the new key; the old one opens nothing now")


def reveal(
    context: typer.Context,
    text: Annotated[str, typer.Argument(help="A text with placeholders, or - to read it.")] = "-",
    as_json: AsJson = False,
) -> None:
    """Print a text with the values that its placeholders stand for."""
    result = _session(context).reveal(sys.stdin.read() if text == "-" else text)
    if as_json:
        typer.echo(json.dumps(result.to_dict(), ensure_ascii=False, indent=2))
        return
    typer.echo(result.text.rstrip("\n"))
    typer.echo(f"{result.shown:,} revealed, {result.hidden:,} kept", err=True)


def forget(
    context: typer.Context,
    values: Annotated[
        list[str] | None,
        typer.Argument(help="Names, addresses, numbers or placeholders; - reads one a line."),
    ] = None,
    resume: Annotated[bool, typer.Option(help="Only finish what was interrupted.")] = False,
    as_json: AsJson = False,
) -> None:
    """Forget data subjects for good. What is typed here stays in a shell's history; - does not."""
    given = list(values or [])
    if given == ["-"]:
        given = [line.strip() for line in sys.stdin if line.strip()]
    if bool(given) == resume:
        raise UsageError(
            "there is nobody to forget" if not resume else "--resume takes no values",
            next_step="Name whom to forget, or use --resume alone.",
        )
    report = _session(context).forget(*given)
    if as_json:
        typer.echo(json.dumps(report.to_dict(), ensure_ascii=False, indent=2))
    else:
        typer.echo(str(report))


def _session(context: typer.Context) -> Session:
    workspace, actor = context.obj
    return open_workbench(workspace).session(actor)
