from __future__ import annotations

from pathlib import Path

import pytest

from tests.workbenches import MakeWorkbench
from workbench.errors import UsageError


@pytest.mark.parametrize("mode", ["hybrid", "keyword", "vector"])
def test_every_mode_finds_the_passage(
    make_workbench: MakeWorkbench, folder: Path, mode: str
) -> None:
    session = make_workbench().session("ana")
    session.ingest(folder)
    hits = session.search("new badges Wednesday", 2, mode=mode)
    assert hits[0].document == "badges.md"
    assert len(hits) <= 2
    assert list(hits.df()["rank"]) == list(range(1, len(hits) + 1))


def test_bad_arguments_are_refused(make_workbench: MakeWorkbench) -> None:
    session = make_workbench().session("ana")
    for k in (0, -1, 10_000):
        with pytest.raises(UsageError, match="k is out of range"):
            session.search("badges", k)
    with pytest.raises(UsageError, match="search mode"):
        session.search("badges", mode="magic")
    with pytest.raises(UsageError, match="empty"):
        session.search("  ")


def test_an_empty_workspace_has_no_hits(make_workbench: MakeWorkbench) -> None:
    assert len(make_workbench().session("ana").search("badges")) == 0
