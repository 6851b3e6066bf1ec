from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.test_session_verbs import replied
from tests.workbenches import MakeWorkbench
from workbench.config import ActorConfig, Config
from workbench.errors import AccessDenied, UsageError
from workbench.guard.policy import Action
from workbench.workbench import Workbench

CONFIG = Config(
    actors={
        "root": ActorConfig(role="admin", labels=("*",)),
        "half": ActorConfig(role="admin", labels=("internal",)),
        "ana": ActorConfig(role="analyst", labels=("internal",)),
        "eve": ActorConfig(role="analyst"),
    }
)


@pytest.fixture
def workbench(make_workbench: MakeWorkbench, folder: Path, tmp_path: Path) -> Workbench:
    """Three internal documents, and one under the label board."""
    workbench = make_workbench(replied, config=CONFIG)
    board = tmp_path / "board"
    board.mkdir()
    (board / "plan.md").write_text("# Plan\n\nBadges turn green in May.\n", encoding="utf-8")
    root = workbench.session("root")
    root.ingest(folder)
    root.ingest(board, label="board")
    return workbench


def id_of(workbench: Workbench, name: str) -> int:
    return next(d.id for d in workbench.session("root").documents() if d.name == name)


def seen(workbench: Workbench, actor: str) -> list[set[str]]:
    """Names of documents that each way of reading shows to ``actor``."""
    session = workbench.session(actor)
    return [
        {info.name for info in session.documents()},
        set(session.sql("SELECT name FROM documents").df()["name"]),
        set(session.sql("SELECT document FROM chunks").df()["document"]),
    ]


def test_a_grant_opens_one_document_to_every_way_of_reading(workbench: Workbench) -> None:
    plan = id_of(workbench, "plan.md")
    assert seen(workbench, "eve") == [set()] * 3
    workbench.session("root").grant("eve", plan)
    assert seen(workbench, "eve") == [{"plan.md"}] * 3
    assert "green" in workbench.session("eve").document(plan).text
    with pytest.raises(AccessDenied):
        workbench.session("eve").document(id_of(workbench, "leave.md"))
    workbench.session("root").revoke("eve", plan)
    assert seen(workbench, "eve") == [set()] * 3
    with pytest.raises(AccessDenied):
        workbench.session("eve").document(plan)


def test_a_grant_holds_for_a_session_that_is_open_already(workbench: Workbench) -> None:
    eve = workbench.session("eve")
    assert eve.documents() == []
    workbench.session("root").grant("eve", id_of(workbench, "plan.md"))
    assert [info.name for info in eve.documents()] == ["plan.md"]


def test_a_grant_follows_its_document_to_new_versions_and_labels(
    workbench: Workbench, tmp_path: Path
) -> None:
    root, old = workbench.session("root"), id_of(workbench, "plan.md")
    root.grant("eve", old)
    (tmp_path / "board" / "plan.md").write_text("# Plan\n\nBadges turn blue.\n", encoding="utf-8")
    root.ingest(tmp_path / "board", label="secret")
    eve = workbench.session("eve")
    new = id_of(workbench, "plan.md")
    assert new != old
    assert "blue" in eve.document(new).text
    assert "green" in eve.document(old).text


def test_a_grant_allows_no_writing(workbench: Workbench, tmp_path: Path) -> None:
    workbench.session("root").grant("ana", id_of(workbench, "plan.md"))
    (tmp_path / "board" / "plan.md").write_text("Mine now.", encoding="utf-8")
    with pytest.raises(AccessDenied):
        workbench.session("ana").ingest(tmp_path / "board", label="internal")
    assert "green" in workbench.session("root").document(id_of(workbench, "plan.md")).text


def test_answers_follow_grants(workbench: Workbench) -> None:
    eve, root = workbench.session("eve"), workbench.session("root")
    badges = id_of(workbench, "badges.md")
    root.grant("eve", badges)
    answer = root.ask("When does the office process new badges?")
    shown = tuple(hit for hit in answer.hits if hit.document == "badges.md")
    with workbench.guard.open(eve.actor, Action.ASK) as run:
        workbench.corpus.save_answer(run, replace(answer, hits=shown))
    query = "SELECT count(*) FROM answers UNION ALL SELECT count(*) FROM citations"
    assert eve.sql(query).df().iloc[:, 0].tolist() == [1, 2]
    root.revoke("eve", badges)
    assert eve.sql(query).df().iloc[:, 0].tolist() == [0, 0]


def test_an_old_answer_follows_its_source_to_a_closed_label(
    workbench: Workbench, folder: Path
) -> None:
    ana = workbench.session("ana")
    ana.ask("When does the office process new badges?")
    count = "SELECT (SELECT count(*) FROM answers) + (SELECT count(*) FROM citations)"
    assert ana.sql(count).df().iloc[0, 0] == 3
    workbench.session("root").ingest(folder / "badges.md", label="board")
    assert ana.sql(count).df().iloc[0, 0] == 0


def test_only_an_admin_who_sees_the_document_grants_it(workbench: Workbench) -> None:
    plan = id_of(workbench, "plan.md")
    for actor in ("ana", "eve", "half"):
        with pytest.raises(AccessDenied):
            workbench.session(actor).grant(actor, plan)
        with pytest.raises(AccessDenied):
            workbench.session(actor).revoke("eve", plan)
    with pytest.raises(AccessDenied):
        workbench.session("ana").grants()
    assert len(workbench.session("root").grants()) == 0


def test_grants_are_listed_once_and_within_the_scope(workbench: Workbench) -> None:
    root = workbench.session("root")
    plan, leave = id_of(workbench, "plan.md"), id_of(workbench, "leave.md")
    for document_id in (plan, plan, leave):
        root.grant("eve", document_id)
    rows = root.grants().df()[["actor", "document_id", "document", "label", "granted_by"]]
    assert rows.to_numpy().tolist() == [
        ["eve", leave, "leave.md", "internal", "root"],
        ["eve", plan, "plan.md", "board", "root"],
    ]
    assert workbench.session("half").grants().df()["document"].tolist() == ["leave.md"]


def test_what_cannot_be_granted_or_revoked_is_an_error(workbench: Workbench) -> None:
    root, plan = workbench.session("root"), id_of(workbench, "plan.md")
    with pytest.raises(UsageError, match="not configured"):
        root.grant("mallory", plan)
    with pytest.raises(UsageError, match="was not granted"):
        root.revoke("eve", plan)
    with pytest.raises(AccessDenied):
        root.grant("eve", 10_000)


def test_a_run_for_anything_else_changes_no_grant(workbench: Workbench) -> None:
    session = workbench.session("root")
    grants = workbench.corpus.grants
    with workbench.guard.open(session.actor, Action.READ) as run:
        for change in (grants.grant, grants.revoke):
            with pytest.raises(AccessDenied, match="may not change access"):
                change(run, "eve", 1)
        with pytest.raises(AccessDenied, match="may not change access"):
            grants.all(run)
