"""The command line: ``workbench ingest | search | ask | sql | documents | audit | models | ...``.

Exit codes: 0 success, 1 failure with one line on stderr, 2 bad usage.
"""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from workbench import __version__
from workbench.access_cli import access_app
from workbench.app_cli import serve_app
from workbench.audit_cli import audit_app
from workbench.errors import UsageError, WorkbenchError
from workbench.extract_cli import extract
from workbench.masking_cli import masking_app
from workbench.migrate_cli import migrate
from workbench.models_cli import models_app
from workbench.reembed_cli import reembed
from workbench.results import Answer
from workbench.search_cli import like, search_many
from workbench.session import Session
from workbench.sources_cli import ingest_lake, ingest_sql
from workbench.summarise_cli import summarise, themes
from workbench.values import DEFAULT_LABEL
from workbench.vault_cli import forget, reveal, vault_app
from workbench.versions_cli import versions_app
from workbench.workbench import open_workbench

if TYPE_CHECKING:
    from workbench.tasks.ingest import IngestProgress

_CALLED: ContextVar[typer.Context] = ContextVar("called")
"""For a command whose options alone are as many parameters as a function may have."""


class _Commands(TyperGroup):
    """Every command, those of its groups too, fails with one line and the right exit code."""

    def invoke(self, ctx: Any) -> Any:
        with _errors():
            return super().invoke(ctx)


app = typer.Typer(
    cls=_Commands,
    help="Governed search and cited answers from your own documents, on one machine.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(access_app, name="access")
app.add_typer(audit_app, name="audit")
app.add_typer(masking_app, name="masking")
app.add_typer(models_app, name="models")
app.command("ingest-sql")(ingest_sql)
app.command("ingest-lake")(ingest_lake)
app.add_typer(versions_app, name="versions")
app.add_typer(vault_app, name="vault")
app.command()(reveal)
app.command()(forget)
app.command()(extract)
app.command()(migrate)
app.command()(reembed)
app.command("app")(serve_app)
app.command()(like)
app.command()(search_many)
app.command()(summarise)
app.command()(themes)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]


@app.callback(invoke_without_command=True)
def options(
    context: typer.Context,
    workspace: Annotated[
        Path, typer.Option(envvar="WORKBENCH_WORKSPACE", help="The workspace's folder.")
    ] = Path("workspace"),
    actor: Annotated[
        str, typer.Option(envvar="WORKBENCH_ACTOR", help="In whose name to act.")
    ] = "local",
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Governed search and cited answers from your own documents, on one machine."""
    if version:
        typer.echo(__version__)
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(2)
    context.obj = (workspace, actor)
    _CALLED.set(context)


@app.command()
def ingest(
    paths: Annotated[list[Path], typer.Argument(help="Files and folders.")],
    sync: Annotated[bool, typer.Option(help="Remove documents whose file is gone.")] = False,
    label: Annotated[str, typer.Option(help="The documents' access label.")] = DEFAULT_LABEL,
    snapshot: Annotated[str | None, typer.Option(help="Names the version this ends in.")] = None,
    password: Annotated[
        str | None,
        typer.Option(
            envvar="WORKBENCH_FILE_PASSWORD",
            help="Opens protected files; better kept in the environment.",
            show_envvar=True,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Bring files and folders into the workspace. Exits 1 if no file could be used."""
    with _session(_CALLED.get()) as session:
        report = session.ingest(
            *paths,
            label=label,
            sync=sync,
            snapshot=snapshot,
            password=password,
            progress=_show_progress,
        )
        if as_json:
            _print_json(report.to_dict())
        else:
            for item in report.items:
                if item.status != "unchanged":
                    typer.echo(f"{item.status.value:<9} {item.name}  {item.error}".rstrip())
            typer.echo(str(report))
        if report.failed:
            typer.echo(f"{len(report.failed)} of {len(report.items)} files failed", err=True)
            if len(report.failed) == len(report.items):
                raise typer.Exit(1)


@app.command()
def search(
    context: typer.Context,
    query: str,
    k: Annotated[int, typer.Option("-k", help="How many hits.")] = 10,
    mode: Annotated[str, typer.Option(help="hybrid, keyword or vector.")] = "hybrid",
    as_json: AsJson = False,
) -> None:
    """Find the passages that fit best."""
    with _session(context) as session:
        _show(session.search(query, k, mode=mode), as_json)


@app.command()
def ask(
    context: typer.Context,
    question: str,
    model: Annotated[str | None, typer.Option(help="A chat model's name or alias.")] = None,
    as_json: AsJson = False,
) -> None:
    """Answer from the documents, with citations."""
    with _session(context) as session:
        answer: Answer | None = None
        streaming = sys.stderr.isatty() and not as_json
        for part in session.ask_stream(question, model=model):
            if isinstance(part, Answer):
                answer = part
            elif streaming:
                typer.echo(typer.style(part, dim=True), nl=False, err=True)
        if streaming:
            typer.echo("\n", err=True)
        _show(answer, as_json)


@app.command()
def sql(context: typer.Context, query: str, as_json: AsJson = False) -> None:
    """One SELECT over the views documents, chunks, answers, citations and runs."""
    with _session(context) as session:
        _show(session.sql(query), as_json)


@app.command()
def documents(context: typer.Context, as_json: AsJson = False) -> None:
    """List the documents of the workspace."""
    with _session(context) as session:
        found = session.documents()
        if as_json:
            _print_json([{**asdict(info), "masked": dict(info.masked)} for info in found])
            return
        for info in found:
            typer.echo(f"{info.id:>6}  {info.label:<10} {info.chunks:>5} passages  {info.name}")
        typer.echo(f"{len(found)} documents")


@app.command()
def doctor(context: typer.Context, as_json: AsJson = False) -> None:
    """Tell what works, what is missing, and the command that mends it."""
    from workbench.doctor import examine

    workspace, _ = context.obj
    checks = examine(workspace, os.environ)
    if as_json:
        _print_json([asdict(check) for check in checks])
    else:
        for check in checks:
            mark = {"ok": "ok  ", "warning": "warn", "broken": "FAIL"}[check.state]
            typer.echo(f"{mark}  {check.name}: {check.finding}")
            if check.mend:
                typer.echo(f"      mend: {check.mend}")
    if any(check.state == "broken" for check in checks):
        typer.echo("something is missing, see above", err=True)
        raise typer.Exit(1)


@contextmanager
def _session(context: typer.Context) -> Iterator[Session]:
    workspace, actor = context.obj
    yield open_workbench(workspace).session(actor)


@contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except UsageError as error:
        _fail(str(error), code=2)
    except WorkbenchError as error:
        _fail(str(error))
    except KeyboardInterrupt:
        _fail("interrupted; what was stored stays stored", code=130)


def _fail(message: str, *, code: int = 1) -> NoReturn:
    typer.echo(f"error: {' '.join(message.split())}", err=True)
    raise SystemExit(code)


def _show(result: Any, as_json: bool) -> None:
    if as_json:
        _print_json(result.to_dict())
    else:
        typer.echo(str(result))


def _print_json(value: object) -> None:
    typer.echo(json.dumps(_finite(value), ensure_ascii=False, indent=2, default=str))


def _finite(value: object) -> object:
    """JSON has no NaN and no infinity; SQL has."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _show_progress(progress: IngestProgress) -> None:
    if not sys.stderr.isatty():
        return
    left = "" if progress.remaining_s is None else f", about {progress.remaining_s:.0f} s left"
    line = f"{progress.done}/{progress.total} files{left}  {progress.name}"
    end = "\n" if progress.done == progress.total else ""
    typer.echo(f"\r\033[K{line[:100]}{end}", nl=False, err=True)


def main() -> None:
    """Entry point of the ``workbench`` command."""
    app()
