from __future__ import annotations

from pathlib import Path

import pytest

from tests.workbenches import MakeWorkbench
from workbench.config import ActorConfig, Config
from workbench.errors import AccessDenied, UsageError


def test_a_saved_query_names_nobody_and_finds_the_same(
    make_workbench: MakeWorkbench, folder: Path
) -> None:
    (folder / "who.txt").write_text("Write to ann@example.org.", encoding="utf-8")
    session = make_workbench().session("ana")
    session.ingest(folder)
    query = """SELECT name -- for ann@example.org
        FROM documents WHERE text LIKE '%ann@example.org%'
        OR name = 'it''s' /* bob@example.org */"""
    session.save_query("  about \n Ann, ann@example.org ", query)
    [(name, kept)] = session.queries().items()
    assert name == "about Ann, <EMAIL_ADDRESS_1>"
    assert kept == query.replace("ann@example.org", "<EMAIL_ADDRESS_1>").replace(
        "bob@example.org", "<EMAIL_ADDRESS_2>"
    )
    assert session.sql(kept).df()["name"].tolist() == ["who.txt"]
    session.drop_query(name)
    assert session.queries() == {}


def test_who_may_not_query_saves_nothing(make_workbench: MakeWorkbench) -> None:
    config = Config(actors={"vi": ActorConfig(role="viewer", labels=("*",))})
    viewer = make_workbench(config=config).session("vi")
    assert not viewer.may_query
    for call in (viewer.queries, lambda: viewer.save_query("a", "SELECT 1")):
        with pytest.raises(AccessDenied):
            call()


@pytest.mark.parametrize(("name", "query"), [("", "SELECT 1"), ("a", " "), ("a" * 101, "SELECT 1")])
def test_a_query_needs_a_name_and_words(
    make_workbench: MakeWorkbench, name: str, query: str
) -> None:
    session = make_workbench().session("ana")
    assert session.may_query
    with pytest.raises(UsageError, match="empty or too long"):
        session.save_query(name, query)
