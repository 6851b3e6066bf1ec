from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from tests.workbenches import MakeWorkbench
from workbench.errors import QueryError, UsageError
from workbench.models.fake import FakeServer


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


@pytest.mark.parametrize("mode", ["hybrid", "keyword", "vector"])
def test_what_a_query_requires_holds_in_every_mode(
    make_workbench: MakeWorkbench, folder: Path, mode: str
) -> None:
    session = make_workbench().session("ana")
    session.ingest(folder / "leave.md", label="hr")
    session.ingest(folder / "badges.md", folder / "travel.txt")

    def names(query: str, **options: object) -> set[str]:
        return {hit.document for hit in session.search(query, mode=mode, **options)}  # type: ignore[arg-type]

    assert names('"sick leave"') == {"leave.md"}
    assert names("+portal leave office") == {"travel.txt"}
    assert "leave.md" not in names("sick leave -employees")
    assert names("label:hr leave travel") == {"leave.md"}
    assert names("-label:hr") == {"badges.md", "travel.txt"}
    assert names("(portal OR badges) AND office") == {"badges.md"}
    assert names("label:hr OR portal") == {"leave.md", "travel.txt"}
    assert names("ingested:>=2020 type:txt") == {"travel.txt"}
    assert names("ingested:<2020 leave") == set()
    assert names("leave", where={"label": "hr"}) == {"leave.md"}
    assert names("leave", where={"name": ["badges.md", "travel.txt"]}) <= {
        "badges.md",
        "travel.txt",
    }


def test_a_filter_on_an_unknown_field_is_an_error(
    make_workbench: MakeWorkbench, folder: Path
) -> None:
    session = make_workbench().session("ana")
    session.ingest(folder)
    for where in ({"lable": "hr"}, {"'; DROP TABLE store.documents; --": "x"}):
        with pytest.raises(QueryError, match="no document has this field"):
            session.search("leave", where=where)
    with pytest.raises(QueryError, match="not a filter"):
        session.search("leave", where="label = 'hr'")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="too long"):
        session.search("x" * 100_000)
    assert len(session.documents()) == 3


def test_many_queries_find_what_each_finds_alone(
    make_workbench: MakeWorkbench, folder: Path
) -> None:
    server = FakeServer()
    session = make_workbench(server=server).session("ana")
    session.ingest(folder)
    queries = ["sick leave", "label:internal badges", "name:travel", '"travel portal"', "leave"]
    alone = [session.search(query, 2).hits for query in queries]
    rows = len(session.export_audit())
    server.texts.clear()
    together = session.search_many(pd.DataFrame({"query": queries}), 2)
    assert len(session.export_audit()) - rows == 2  # one for all queries, one for the export
    assert [hits.hits for hits in together] == alone
    assert server.texts == ["sick leave", "badges", "travel portal", "leave"]
    frame = together.df()
    assert frame["query_number"].tolist() == [
        number for number, hits in enumerate(alone) for _ in hits
    ]
    assert len(session.search_many([])) == 0
    for bad in (pd.DataFrame({"text": ["x"]}), ["x", None], ["x", " "], ["x"] * 10_001):
        with pytest.raises(UsageError):
            session.search_many(bad)  # type: ignore[arg-type]


def test_what_is_alike_comes_from_other_documents(
    make_workbench: MakeWorkbench, tmp_path: Path
) -> None:
    root = tmp_path / "notes"
    root.mkdir()
    for number, text in enumerate(["sick leave rules", "rules of sick leave", "office chairs"]):
        (root / f"{number}.txt").write_text(text, encoding="utf-8")
    session = make_workbench().session("ana")
    session.ingest(root)
    first = next(info.id for info in session.documents() if info.name == "0.txt")
    for mode in ("hybrid", "keyword", "vector"):
        found = session.more_like(first, 5, mode=mode)
        assert found[0].document == "1.txt"
        assert "0.txt" not in {hit.document for hit in found}
    hit = session.search("office chairs", 1)[0]
    assert "2.txt" not in {other.document for other in session.more_like(hit)}
    with pytest.raises(UsageError, match="no such document"):
        session.more_like(99)
