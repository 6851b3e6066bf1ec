from __future__ import annotations

import duckdb
import pytest

from workbench.guard.budget import Budget
from workbench.guard.policy import Action
from workbench.guard.run import Guard
from workbench.store.corpus import Corpus
from workbench.store.views import COLUMNS, VIEWS
from workbench.values import Actor, Scope


@pytest.mark.parametrize("view", sorted(VIEWS))
def test_every_column_is_documented(corpus: Corpus, run_for, view: str) -> None:
    described = corpus.sql(run_for("*"), f"DESCRIBE {view}").to_pylist()
    assert [row["column_name"] for row in described] == list(COLUMNS[view])
    comments = corpus._database.read(
        lambda c: c.execute(
            "SELECT column_name, comment FROM duckdb_columns() "
            "WHERE database_name = 'workbench' AND schema_name = 'main' AND table_name = ?",
            [view],
        ).fetchall()
    )
    assert dict(comments) == COLUMNS[view]


def test_the_views_show_the_scope_and_nothing_else(corpus: Corpus, run_for, put) -> None:
    for label in ("hr", "legal", "it's; DROP", "hr' OR '1'='1"):
        put(f"of {label}", "words", label=label)
    for labels in (("hr",), ("it's; DROP", "legal"), ("hr' OR '1'='1",), ("h_",), ("%",), ()):
        run = run_for(*labels, action=Action.SQL)
        for view in ("documents", "chunks"):
            rows = corpus.sql(run, f"SELECT uri FROM {view} ORDER BY uri").to_pylist()
            expected = [f"of {label}" for label in sorted(labels) if label not in ("h_", "%")]
            assert [row["uri"] for row in rows] == sorted(expected)
    assert corpus.sql(run_for("*"), "SELECT * FROM documents").num_rows == 4


def test_the_views_show_the_current_version(corpus: Corpus, run_for, put) -> None:
    put("a", "old")
    put("a", "new", "newer")
    put("b", "gone")
    corpus.remove(run_for("*"), "b")
    run = run_for("*")
    assert corpus.sql(run, "SELECT text FROM chunks ORDER BY ordinal").to_pylist() == [
        {"text": "new"},
        {"text": "newer"},
    ]
    (row,) = corpus.sql(run, "SELECT uri, chunks, added_in, embedding FROM documents").to_pylist()
    assert row == {"uri": "a", "chunks": 2, "added_in": 2, "embedding": "fake"}


def test_the_views_show_an_old_version_as_it_may_be_read_now(corpus: Corpus, run_for, put) -> None:
    put("a", "old", label="public")
    put("moved", "m", label="public")
    put("b", "gone", label="public")
    put("a", "new", label="public")
    corpus.remove(run_for("*"), "b")
    put("moved", "m", label="hr")

    def seen(*labels: str, version: int) -> list[str]:
        run = run_for(*labels, action=Action.SQL, version=version)
        rows = corpus.sql(run, "SELECT text FROM chunks ORDER BY text").to_pylist()
        texts = corpus.sql(run, "SELECT text FROM documents ORDER BY text").to_pylist()
        assert rows == texts
        return [row["text"] for row in rows]

    assert seen("*", version=3) == ["gone", "m", "old"]
    assert seen("public", version=3) == ["gone", "old"]
    assert seen("public", version=6) == ["new"]
    assert seen("public", "hr", version=6) == ["m", "new"]
    assert seen("*", version=0) == seen(version=3) == []


def test_runs_are_the_actors_own(corpus: Corpus, run_for) -> None:
    scope = Scope(unrestricted=True)
    with Guard(corpus.ledger, Budget(1, 1)).open(Actor("ana", "viewer", scope), Action.READ):
        pass
    assert corpus.sql(run_for("*", name="ana"), "SELECT * FROM runs").num_rows == 1
    assert corpus.sql(run_for("*", name="bob"), "SELECT * FROM runs").num_rows == 0
    admin = run_for(name="root", role="admin")
    assert corpus.sql(admin, "SELECT * FROM runs").num_rows == 1


def test_the_file_can_be_read_with_duckdb_itself(corpus: Corpus, put) -> None:
    put("a", "words")
    with duckdb.connect(corpus._database.path, read_only=True) as connection:
        assert connection.execute("SELECT uri FROM documents").fetchall() == [("a",)]
        assert connection.execute("SELECT text FROM chunks").fetchall() == [("words",)]
