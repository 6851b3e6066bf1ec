"""``workbench ingest-sql`` and ``workbench ingest-lake``: sources beyond files."""

from __future__ import annotations

import json
import os
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workbench.errors import UsageError
from workbench.results import IngestReport
from workbench.session import Session
from workbench.values import DEFAULT_LABEL
from workbench.workbench import open_workbench

if TYPE_CHECKING:
    from workbench.sources.sql import SqlRows

Label = Annotated[str, typer.Option(help="The documents' access label.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
Snapshot = Annotated[str | None, typer.Option(help="Names the version this ends in.")]
Sync = Annotated[bool, typer.Option(help="Remove documents that are gone from the source.")]

URL_VARIABLE = "WORKBENCH_SQL_URL"


def ingest_sql(
    context: typer.Context,
    definition: Annotated[Path, typer.Argument(help="A TOML file that names the rows.")],
    label: Label = DEFAULT_LABEL,
    sync: Sync = False,
    snapshot: Snapshot = None,
    as_json: AsJson = False,
) -> None:
    """Bring the rows of a query into the workspace, each as a document.

    The file holds name, query and key, and where wanted url, text and since. An address with a
    password belongs into the environment, as WORKBENCH_SQL_URL.
    """
    rows, session = _defined(definition), _session(context)
    _told(session.ingest(rows, label=label, sync=sync, snapshot=snapshot), as_json)


def _defined(definition: Path) -> SqlRows:
    from pydantic import BaseModel, ConfigDict, ValidationError

    from workbench.sources.sql import SqlRows

    class Definition(BaseModel):
        model_config = ConfigDict(extra="forbid")

        name: str
        query: str
        key: str | list[str]
        url: str = ""
        text: str | list[str] | None = None
        since: str | None = None

    try:
        given = Definition.model_validate(tomllib.loads(definition.read_text(encoding="utf-8")))
    except OSError as error:
        raise UsageError(
            "the definition cannot be read",
            value=f"{definition.name}: {error.strerror}",
            next_step="Name a TOML file.",
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, ValidationError) as error:
        # Not the values: an address among them may hold a password.
        where = ""
        if isinstance(error, ValidationError):
            first = error.errors()[0]
            where = f", {'.'.join(map(str, first['loc']))}: {first['msg']}"
        raise UsageError(
            "the definition is not valid",
            value=f"{definition.name}{where}",
            next_step="It holds name, query and key, and where wanted url, text and since.",
        ) from None
    url = given.url or os.environ.get(URL_VARIABLE, "")
    return SqlRows(url, given.query, given.name, given.key, given.text, given.since)


def ingest_lake(
    context: typer.Context,
    pattern: Annotated[str, typer.Argument(help="Such as s3://bucket/*.parquet.")],
    label: Label = DEFAULT_LABEL,
    sync: Sync = False,
    snapshot: Snapshot = None,
    as_json: AsJson = False,
) -> None:
    """Bring files behind any fsspec address into the workspace.

    Keys of the file system come from its own environment variables and files.
    """
    from workbench.sources.lake import LakeFiles

    files, session = LakeFiles(pattern), _session(context)
    _told(session.ingest(files, label=label, sync=sync, snapshot=snapshot), as_json)


def _session(context: typer.Context) -> Session:
    workspace, actor = context.obj
    return open_workbench(workspace).session(actor)


def _told(report: IngestReport, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(report.to_dict(), ensure_ascii=False, indent=2))
    else:
        for item in report.failed:
            typer.echo(f"failed    {item.name}  {item.error}")
        typer.echo(str(report))
    if report.failed:
        typer.echo(f"{len(report.failed)} of {len(report.items)} items failed", err=True)
        if len(report.failed) == len(report.items):
            raise typer.Exit(1)
