from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

import pytest

from tests.test_session_verbs import QUESTION, VERBS, replied
from tests.workbenches import MakeWorkbench
from workbench.config import ActorConfig, Config
from workbench.errors import AccessDenied, UsageError

WRITES = ("ingest", "forget", "grants", "snapshot", "rollback", "verify_audit", "export_audit")


def test_an_ingest_is_one_snapshot(make_workbench: MakeWorkbench, folder: Path) -> None:
    session = make_workbench().session("ana")
    report = session.ingest(folder, snapshot="first")
    session.ingest(folder)
    (folder / "badges.md").write_text("# Badges\n\nBadges are made on Friday.\n", encoding="utf-8")
    (folder / "leave.md").unlink()
    last = session.ingest(folder, sync=True)
    table = session.versions().df()
    columns = ["number", "name", "actor", "added", "updated", "removed"]
    assert table[columns].to_numpy().tolist() == [
        [report.corpus_version, "first", "ana", 3, 0, 0],
        [last.corpus_version, "", "ana", 0, 1, 1],
    ]
    assert table["run"].tolist() == [report.run_id, last.run_id]


def test_an_old_version_is_read_searched_and_asked(
    make_workbench: MakeWorkbench, folder: Path
) -> None:
    session = make_workbench(replied).session("ana")
    session.ingest(folder, snapshot="first")
    then = session.ask(QUESTION)
    before = [(hit.chunk.text, hit.document) for hit in session.search("badges")]
    (folder / "badges.md").write_text("# Badges\n\nBadges are made on Friday.\n", encoding="utf-8")
    session.ingest(folder)
    past = session.at("first")
    assert [(hit.chunk.text, hit.document) for hit in past.search("badges")] == before
    answer = past.ask(QUESTION)
    assert answer.claims == then.claims
    assert answer.corpus_version == then.corpus_version == past.version
    assert session.at(then.corpus_version).documents() == past.documents()
    texts = past.sql("SELECT text FROM documents WHERE text LIKE '%Friday%'")
    assert len(texts) == 0
    assert len(session.sql("SELECT text FROM documents WHERE text LIKE '%Friday%'")) == 1
    resources = session.sql("SELECT resource FROM runs WHERE action = 'search'").df()["resource"]
    assert resources.tolist() == ["", "at version 3"]


@pytest.mark.parametrize("verb", VERBS)
def test_an_old_version_cannot_be_changed(
    make_workbench: MakeWorkbench, folder: Path, verb: str
) -> None:
    workbench = make_workbench(replied)
    session = workbench.session("ana")
    session.ingest(folder)
    (folder / "badges.md").unlink()
    session.ingest(folder, sync=True)
    past = session.at(3)
    with pytest.raises(UsageError, match="old version") if verb in WRITES else suppress(UsageError):
        VERBS[verb](past, folder)
    assert workbench.corpus.health().version == 4


def test_going_back_and_forth(make_workbench: MakeWorkbench, folder: Path) -> None:
    session = make_workbench().session("ana")
    session.ingest(folder, snapshot="first")
    texts = {info.name: session.document(info.id).text for info in session.documents()}
    (folder / "badges.md").write_text("# Badges\n\nBadges are made on Friday.\n", encoding="utf-8")
    (folder / "leave.md").unlink()
    (folder / "new.md").write_text("Parking is free on Sundays.", encoding="utf-8")
    session.ingest(folder, sync=True, snapshot="second")
    difference = session.diff("first", "second", text=True)
    assert {(each.name, each.change, each.what) for each in difference} == {
        ("badges.md", "changed", "text"),
        ("leave.md", "removed", ""),
        ("new.md", "added", ""),
    }
    [changed] = [each for each in difference if each.change == "changed"]
    assert "-The office processes new badges every Wednesday." in changed.text_diff
    assert "+Badges are made on Friday." in changed.text_diff
    back = session.rollback("first")
    assert (back.count("added"), back.count("removed"), back.count("changed")) == (1, 1, 1)
    assert {info.name: session.document(info.id).text for info in session.documents()} == texts
    assert len(session.diff("first", back.after)) == 0
    assert any("Wednesday" in hit.chunk.text for hit in session.search("badges"))
    assert not any("Friday" in hit.chunk.text for hit in session.search("badges"))
    assert len(session.rollback("second")) == 3
    assert len(session.rollback("second")) == 0
    assert session.versions().df()["action"].tolist() == ["ingest"] * 2 + ["rollback"] * 2
    json.dumps(difference.to_dict())


def test_labels_hold_in_old_versions(make_workbench: MakeWorkbench, folder: Path) -> None:
    actors = {
        "ana": ActorConfig(role="analyst", labels=("hr", "internal")),
        "ben": ActorConfig(role="analyst", labels=("internal",)),
        "vic": ActorConfig(role="viewer", labels=("internal",)),
    }
    workbench = make_workbench(replied, config=Config(actors=actors))
    ana, ben, vic = (workbench.session(name) for name in ("ana", "ben", "vic"))
    ana.ingest(folder, snapshot="open")
    ana.ingest(folder / "leave.md", label="hr")
    assert {info.name for info in vic.at("open").documents()} == {"badges.md", "travel.txt"}
    assert "leave.md" in {info.name for info in ana.at("open").documents()}
    assert not [hit for hit in vic.at("open").search("sick leave") if hit.document == "leave.md"]
    assert len(vic.diff(0, "open")) == 2
    with pytest.raises(AccessDenied):
        vic.rollback("open")
    with pytest.raises(AccessDenied):
        vic.snapshot("mine")
    with pytest.raises(AccessDenied, match="may not write"):
        ben.rollback("open")
    assert ana.rollback("open").count("changed") == 1
    assert "leave.md" in {info.name for info in vic.documents()}
