"""``workbench models list | pull | serve | status``."""

from __future__ import annotations

import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workbench.config import CONFIG_FILE, ModelsConfig, load_config

if TYPE_CHECKING:
    from workbench.models.download import Progress

models_app = typer.Typer(help="Models: what there is, fetching, serving.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]


@models_app.command("list")
def list_(context: typer.Context, as_json: AsJson = False) -> None:
    """The catalogue's models and those of a running Ollama."""
    from workbench.models.commands import list_models

    rows = list_models(_config(context), os.environ)
    if as_json:
        _print([asdict(row) for row in rows])
        return
    for row in rows:
        present = "present" if row.present else "absent"
        typer.echo(
            f"{row.name:<20} {row.alias:<10} {row.kind:<10} {row.size / 1e6:>7,.0f} MB"
            f"  {row.license:<11} {present:<8} {row.source}"
        )


@models_app.command()
def pull(
    context: typer.Context,
    names: Annotated[list[str], typer.Argument(help="Names or aliases.")],
    source: Annotated[
        Path | None, typer.Option("--from", help="A local file instead of a download.")
    ] = None,
) -> None:
    """Fetch models, verified by SHA-256; an interrupted download resumes."""
    from workbench.models.commands import pull as pull_model

    for name in names:
        pull_model(name, _config(context), os.environ, progress=_show_progress, source=source)
        typer.echo(f"{name} is ready")


@models_app.command()
def serve(
    context: typer.Context,
    port: Annotated[int, typer.Option(help="0 takes a free port.")] = 0,
) -> None:
    """Run the embedded model server in the foreground."""
    from workbench.models.commands import serve as serve_models

    serve_models(_config(context), os.environ, port=port)


@models_app.command()
def status(context: typer.Context, as_json: AsJson = False) -> None:
    """Which model server is in use. Starts none."""
    from workbench.models.commands import status as server_status

    found = server_status(_config(context), os.environ)
    if as_json:
        _print({**asdict(found), "home": str(found.home), "log": str(found.log)})
        return
    if found.address is None:
        typer.echo("no model server runs; the embedded one starts when it is needed")
    else:
        kind = "embedded server" if found.embedded else "Ollama"
        typer.echo(f"{kind} at {found.address}")
    for info in found.available:
        typer.echo(f"  {info.name:<20} {info.size / 1e6:>7,.0f} MB  {info.digest[:12]}")


def _config(context: typer.Context) -> ModelsConfig:
    workspace, _ = context.obj
    return load_config(workspace / CONFIG_FILE, os.environ).models


def _print(value: object) -> None:
    import json

    typer.echo(json.dumps(value, indent=2, default=str))


def _show_progress(progress: Progress) -> None:
    if sys.stderr.isatty():
        typer.echo(f"\r\033[K{_words(progress)}", nl=False, err=True)


def _words(progress: Progress) -> str:
    done, total = progress.done_bytes / 1e6, progress.total_bytes / 1e6
    return f"{progress.model}: {done:,.0f} of {total:,.0f} MB"
