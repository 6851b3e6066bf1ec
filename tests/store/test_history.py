from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from workbench.errors import AccessDenied, UsageError
from workbench.guard.policy import Action
from workbench.store import migrations
from workbench.store.corpus import Corpus
from workbench.store.database import DATABASE_FILE


def listed(corpus: Corpus, run) -> list[tuple[object, ...]]:
    columns = ("number", "name", "actor", "action", "added", "updated", "removed")
    return [tuple(row[c] for c in columns) for row in corpus.history.all(run).to_pylist()]


def differences(corpus: Corpus, run, before: int, after: int) -> list[tuple[str, str, str]]:
    rows = corpus.history.diff(run, before, after).to_pylist()
    return [(row["uri"], row["change"], row["what"]) for row in rows]


def test_a_snapshot_counts_what_happened_since_the_last(corpus: Corpus, put, run_for) -> None:
    run = run_for("*")
    put("a", "a1")
    put("b", "b1")
    assert corpus.history.commit(run) == 2
    put("a", "a2")
    put("a", "a3")
    put("c", "c1")
    corpus.remove(run, "b")
    corpus.history.commit(run, "reviewed")
    corpus.history.commit(run, "final")
    put("d", "d1")
    corpus.remove(run, "d")
    corpus.history.commit(run)
    assert listed(corpus, run) == [
        (2, "", "ana", "ingest", 2, 0, 0),
        (6, "reviewed, final", "ana", "ingest", 1, 1, 1),
        (8, "", "ana", "ingest", 0, 0, 0),
    ]


def test_an_unchanged_corpus_is_not_marked_twice(corpus: Corpus, put, run_for) -> None:
    run = run_for("*")
    put("a", "a1")
    assert [corpus.history.commit(run), corpus.history.commit(run)] == [1, 1]
    assert len(corpus.history.all(run)) == 1


def test_a_name_stands_for_one_version(corpus: Corpus, put, run_for) -> None:
    run = run_for("*")
    put("a", "a1")
    corpus.history.commit(run, "first")
    assert corpus.history.commit(run, "first") == 1
    assert corpus.history.number(run, "first") == corpus.history.number(run, "1") == 1
    put("a", "a2")
    with pytest.raises(UsageError, match="another snapshot"):
        corpus.history.commit(run, "first")
    for name in ("", "2024", "Ann Lee", "a" * 65, "x;y", "jane@example.com"):
        with pytest.raises(UsageError, match="cannot have this name"):
            corpus.history.commit(run, name)
    for unknown in (3, "3", "-1", "second"):
        with pytest.raises(UsageError, match=r"there is no|no snapshot"):
            corpus.history.number(run, unknown)
    assert corpus.history.number(run, 0) == 0


def test_a_difference_says_what_of_a_document_changed(corpus: Corpus, put, run_for) -> None:
    run = run_for("*")
    put("a", "a1")
    put("b", "b1")
    put("same", "s")
    put("a", "a2")
    put("b", "b1", label="hr")
    put("c", "c1")
    corpus.remove(run, "c")
    put("d", "d1")
    assert differences(corpus, run, 3, 8) == [
        ("d", "added", ""),
        ("a", "changed", "text"),
        ("b", "changed", "label"),
    ]
    assert differences(corpus, run, 8, 3)[2] == ("d", "removed", "")
    assert differences(corpus, run, 8, 8) == []
    [row] = corpus.history.diff(run, 3, 4, texts=True).to_pylist()
    assert (row["before_text"], row["after_text"]) == ("a1", "a2")
    assert corpus.history.diff(run, 3, 4)["after_text"].null_count == 1


def test_counts_and_differences_are_those_of_the_scope(corpus: Corpus, put, run_for) -> None:
    put("open", "o1", label="public")
    put("moved", "m1", label="public")
    put("closed", "c1", label="hr")
    corpus.history.commit(run_for("*"))
    put("moved", "m2", label="hr")
    put("open", "o2", label="public")
    corpus.history.commit(run_for("*"))
    vic = run_for("public", role="viewer", action=Action.READ, name="vic")
    # What is under a closed label now is not to be learnt from the time when it was open.
    assert [row[4:] for row in listed(corpus, vic)] == [(1, 0, 0), (0, 1, 0)]
    assert differences(corpus, vic, 0, 5) == [("open", "added", "")]
    assert differences(corpus, vic, 3, 5) == [("open", "changed", "text")]
    nobody = run_for(action=Action.READ)
    assert differences(corpus, nobody, 0, 5) == []
    assert [row[4:] for row in listed(corpus, nobody)] == [(0, 0, 0), (0, 0, 0)]


def test_documents_are_read_as_they_were(corpus: Corpus, put, run_for) -> None:
    first = put("a", "a1", label="public")
    second = put("a", "a2", label="public")
    moved = put("moved", "m", label="public")
    put("moved", "m", label="hr")
    past = run_for("public", action=Action.READ, version=3)
    assert [(info.uri, info.id) for info in corpus.documents(past)] == [("a", second)]
    assert corpus.version(past) == 3
    assert corpus.document(past, second).text == "a2"
    for unseen in (first, moved):
        with pytest.raises(AccessDenied):
            corpus.document(past, unseen)
    everything = run_for("*", action=Action.READ, version=3)
    assert {info.id for info in corpus.documents(everything)} == {second, moved}
    with pytest.raises(UsageError):
        corpus.document(everything, first)


def test_runs_of_an_older_workspace_become_snapshots(tmp_path: Path, run_for) -> None:
    with duckdb.connect(tmp_path / DATABASE_FILE) as connection:
        for step in migrations.MIGRATIONS[:4]:
            step(connection)
        connection.execute("UPDATE store.format SET version = 4")
        connection.execute(
            "INSERT INTO store.versions SELECT i, 'token', '2026-01-01', "
            "CASE WHEN i < 3 THEN 'r1' ELSE 'r2' END FROM range(1, 5) t(i)"
        )
        connection.execute(
            "INSERT INTO store.runs (sequence, run_id, actor, role, action, resource, outcome, "
            "detail, prompt_tokens, output_tokens, seconds, model_calls, cache_hits, started_at, "
            "hash) VALUES (1, 'r1', 'ana', 'admin', 'ingest', '', 'done', '', 0, 0, 0, 0, 0, "
            "'2026-01-01', 'x')"
        )
    found = Corpus(tmp_path).history.all(run_for("*")).to_pylist()
    assert [(row["number"], row["actor"], row["run"]) for row in found] == [
        (2, "ana", "r1"),
        (4, "", "r2"),
    ]
