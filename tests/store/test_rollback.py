from __future__ import annotations

import pytest

from tests.store.test_history import differences, listed
from workbench.errors import AccessDenied
from workbench.guard.policy import Action
from workbench.store.corpus import Corpus


def state(corpus: Corpus, run, version: int) -> dict[str, tuple[object, ...]]:
    """Everything that a version holds but numbers and times, by uri."""
    rows = corpus._database.read(
        lambda c: c.execute(
            "SELECT d.uri, d.label, d.text, d.fingerprint, list((k.ordinal, k.text, v.vector) "
            "ORDER BY k.ordinal) FROM store.documents d JOIN store.chunks k ON k.document_id = d.id"
            " JOIN store.vectors_1 v ON v.chunk_id = k.id AND v.document_id = d.id "
            "WHERE d.added_in <= ? AND (d.removed_in IS NULL OR d.removed_in > ?) "
            "GROUP BY ALL",
            [version, version],
        ).fetchall()
    )
    return {row[0]: row[1:] for row in rows}


def test_going_back_restores_what_was_there(corpus: Corpus, put, run_for) -> None:
    run = run_for("*", action=Action.ROLLBACK)
    put("a", "a1", "a-more", vectors=((1.0, 0.0, 0.0), (0.0, 1.0, 0.0)))
    put("b", "b1")
    put("same", "s")
    ids = {info.uri: info.id for info in corpus.documents(run)}
    was = state(corpus, run, 3)
    put("a", "a2")
    corpus.remove(run_for("*"), "b")
    put("c", "c1")
    later = state(corpus, run, 6)
    assert corpus.history.roll_back(run, 3) == 7
    assert state(corpus, run, 7) == was == state(corpus, run, 3)
    assert state(corpus, run, 6) == later
    assert differences(corpus, run, 3, 7) == []
    now = {info.uri: info.id for info in corpus.documents(run)}
    assert now["same"] == ids["same"]
    assert corpus.document(run, ids["a"]).text == corpus.document(run, now["a"]).text
    assert corpus.health().problems == ()
    assert [row[:4] for row in listed(corpus, run)] == [(7, "", "ana", "rollback")]
    assert corpus.history.roll_back(run, 3) == 7
    assert corpus.history.roll_back(run, 6) == 8
    assert state(corpus, run, 8) == later
    assert corpus.history.roll_back(run, 0) == 9
    assert state(corpus, run, 9) == {}


def test_going_back_needs_every_label_that_is_touched(corpus: Corpus, put, run_for) -> None:
    put("open", "o1", label="public")
    put("moved", "m1", label="public")
    put("moved", "m2", label="hr")
    corpus.remove(run_for("*"), "moved")
    put("open", "o2", label="public")
    public = run_for("public", action=Action.ROLLBACK)
    for version in (2, 1):
        with pytest.raises(AccessDenied, match="may not write") as refused:
            corpus.history.roll_back(run_for("hr", action=Action.ROLLBACK), version)
        assert "public" in str(refused.value)
    # It was open at version 2, but has been closed since.
    with pytest.raises(AccessDenied, match="may not write"):
        corpus.history.roll_back(public, 2)
    with pytest.raises(AccessDenied, match="may not write"):
        corpus.history.roll_back(run_for("*", action=Action.READ), 1)
    assert corpus.version(public) == 5
    assert corpus.history.roll_back(public, 1) == 6
    assert [info.uri for info in corpus.documents(public)] == ["open"]
