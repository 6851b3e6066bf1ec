"""What sources are given in their tests."""

from __future__ import annotations

from pathlib import Path

from workbench.config import LimitsConfig
from workbench.sources.files import FileSource
from workbench.sources.items import Access, OpenAttached


def access(
    limits: LimitsConfig | None = None,
    *,
    marks: dict[str, str] | None = None,
    open_attached: OpenAttached | None = None,
) -> Access:
    """The real parser, and marks in a dictionary."""
    files = FileSource(limits or LimitsConfig())

    def refused(path: Path, query: str) -> object:
        raise AssertionError(f"{path} was opened for {query}")

    return Access(
        files.limits,
        files.read_as,
        (marks or {}).get,
        open_attached or refused,  # type: ignore[arg-type]
    )
