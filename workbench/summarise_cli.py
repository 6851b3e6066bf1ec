"""``workbench summarise`` and ``workbench themes``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workbench.errors import UsageError
from workbench.results.summary import Sentence, Summary, SummaryProgress
from workbench.session import Session
from workbench.workbench import open_workbench

if TYPE_CHECKING:
    from workbench.results.themes import Themes

KINDS = (".md", ".html", ".docx", ".json")
Ids = Annotated[
    list[int] | None, typer.Argument(help="As `documents` lists them; none: all documents.")
]


def summarise(
    context: typer.Context,
    documents: Ids = None,
    style: Annotated[
        str, typer.Option(help="brief, bullets, executive, timeline or per-section.")
    ] = "brief",
    length: Annotated[int | None, typer.Option(help="How many sentences.")] = None,
    focus: Annotated[str, typer.Option(help="A question or topic to look for.")] = "",
    out: Annotated[
        Path | None, typer.Option(help="Write a .md, .html, .docx or .json file.")
    ] = None,
) -> None:
    """Summarise documents; every sentence is checked and has its source."""
    if out is not None and out.suffix.lower() not in KINDS:
        raise UsageError(
            "there is no such kind of summary",
            value=out.name,
            next_step=f"Name a file that ends in {', '.join(KINDS)}.",
        )
    told = _session(context).summarise_stream(
        documents or None, style=style, length=length, focus=focus
    )
    made = next(part for part in map(_shown, told) if part is not None)
    if out is not None:
        out.write_bytes(_written(made, out.suffix.lower()))
        typer.echo(f"{len(made.sentences):,} sentences: {out}")
        return
    typer.echo(str(made))


def themes(
    context: typer.Context,
    documents: Ids = None,
    count: Annotated[int | None, typer.Option(help="How many themes, 1 to 12.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")] = False,
) -> None:
    """Group documents by what they are about, with a cited summary of each group."""
    found = _session(context).themes(documents or None, count=count, progress=_told)
    typer.echo(_json(found) if as_json else str(found))


def _written(made: Summary, suffix: str) -> bytes:
    if suffix == ".docx":
        return made.docx()
    if suffix == ".json":
        return _json(made).encode()
    return (made.html() if suffix == ".html" else made.markdown()).encode()


def _json(made: Summary | Themes) -> str:
    return json.dumps(made.to_dict(), ensure_ascii=False, indent=2)


def _shown(part: SummaryProgress | Sentence | Summary) -> Summary | None:
    """The summary, after all that was told beside it as it came."""
    if isinstance(part, Summary):
        return part
    if isinstance(part, SummaryProgress):
        _told(part)
    else:
        typer.echo(str(part), err=True)
    return None


def _told(progress: SummaryProgress) -> None:
    parts = [f"{progress.done}/{progress.total}"]
    if not progress.done and progress.passages:
        parts.append(f"{progress.passages:,} passages to read")
    if progress.remaining_s:
        parts.append(f"about {progress.remaining_s:,.0f} s left")
    typer.echo(", ".join(parts), err=True)


def _session(context: typer.Context) -> Session:
    workspace, actor = context.obj
    return open_workbench(workspace).session(actor)
