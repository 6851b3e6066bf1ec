from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from workbench.errors import NewerWorkspace
from workbench.guard.budget import Budget
from workbench.guard.policy import Action
from workbench.guard.run import Guard
from workbench.store import migrations
from workbench.store.corpus import Corpus
from workbench.store.database import DATABASE_FILE, Database


def test_a_new_workspace_has_the_present_format(tmp_path: Path) -> None:
    found = Database(tmp_path).read(migrations.stored_format)
    assert found == migrations.FORMAT == len(migrations.MIGRATIONS)


def test_an_older_workspace_is_upgraded_once(corpus: Corpus, put, monkeypatch, run_for) -> None:
    put("a", "words")

    def add_column(connection: duckdb.DuckDBPyConnection) -> None:
        connection.execute("ALTER TABLE store.documents ADD COLUMN note VARCHAR DEFAULT 'new'")

    monkeypatch.setattr(migrations, "MIGRATIONS", (*migrations.MIGRATIONS, add_column))
    newer = migrations.FORMAT + 1
    monkeypatch.setattr(migrations, "FORMAT", newer)
    for _ in range(2):
        fresh = Database(corpus._database.folder)
        assert fresh.read(migrations.stored_format) == newer
        assert fresh.read(lambda c: c.execute("SELECT note FROM store.documents").fetchall()) == [
            ("new",)
        ]
    assert Corpus(corpus._database.folder).fingerprints(run_for("*")) == {"a": "print of a"}


def test_a_failed_step_leaves_the_older_workspace(corpus: Corpus, put, monkeypatch) -> None:
    put("a", "words")

    def fail(connection: duckdb.DuckDBPyConnection) -> None:
        connection.execute("ALTER TABLE store.documents ADD COLUMN note VARCHAR")
        raise RuntimeError("in the middle")

    with monkeypatch.context() as patch:
        patch.setattr(migrations, "MIGRATIONS", (*migrations.MIGRATIONS, fail))
        patch.setattr(migrations, "FORMAT", migrations.FORMAT + 1)
        with pytest.raises(RuntimeError):
            Database(corpus._database.folder).read(migrations.stored_format)
    fresh = Database(corpus._database.folder)
    assert fresh.read(migrations.stored_format) == migrations.FORMAT
    named = "SELECT count(*) FROM duckdb_columns() WHERE column_name = 'note'"
    assert fresh.read(lambda c: c.execute(named).fetchone()) == (0,)


def test_documents_of_an_older_workspace_lose_their_key_and_nothing_else(
    tmp_path: Path, run_for, put_into, monkeypatch
) -> None:
    keys = "SELECT count(*) FROM duckdb_constraints() WHERE table_name = 'documents'"
    keyed = f"{keys} AND constraint_type = 'PRIMARY KEY'"
    rows = "SELECT * FROM store.documents ORDER BY id"
    with monkeypatch.context() as patch:
        patch.setattr(migrations, "MIGRATIONS", migrations.MIGRATIONS[:16])
        patch.setattr(migrations, "FORMAT", 16)
        older = Corpus(tmp_path)
        put_into(older, "a", "first words")
        put_into(older, "a", "other words")
        put_into(older, "b", "more words")
        before = older._database.read(lambda c: c.execute(rows).fetchall())
        assert older._database.read(lambda c: c.execute(keyed).fetchone()) == (1,)
    corpus = Corpus(tmp_path)
    assert corpus._database.read(lambda c: c.execute(rows).fetchall()) == before
    assert len(before) == 3
    assert corpus._database.read(lambda c: c.execute(keyed).fetchone()) == (0,)
    assert corpus._database.read(lambda c: c.execute(keys).fetchone())[0] > 10  # NOT NULL
    put_into(corpus, "c", "words")
    assert sorted(corpus.fingerprints(run_for("*"))) == ["a", "b", "c"]


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    migrations.require_known(migrations.FORMAT, tmp_path)
    with pytest.raises(NewerWorkspace, match="Upgrade"):
        migrations.require_known(migrations.FORMAT + 1, tmp_path)


def test_the_audit_of_an_older_workspace_is_chained_in_its_order(tmp_path: Path, run_for) -> None:
    folder = tmp_path / "old"
    folder.mkdir()
    written = [
        (f"r{n}", "ana", "analyst", "ask", "", "done", "žluť", n, 0, n / 7, 0, 0, f"2026-01-0{d}")
        for n, d in enumerate((3, 1, 2))
    ]
    with duckdb.connect(folder / DATABASE_FILE) as connection:
        migrations.MIGRATIONS[0](connection)
        connection.execute("UPDATE store.format SET version = 1")
        places = ", ".join("?" * 13)
        connection.executemany(f"INSERT INTO store.runs VALUES ({places})", written)
    corpus, run = Corpus(folder), run_for("*", action=Action.AUDIT, role="admin")
    rows = corpus.export_audit(run).to_pylist()
    assert [(row["sequence"], row["run_id"]) for row in rows] == [(1, "r0"), (2, "r1"), (3, "r2")]
    assert [row["seconds"] for row in rows] == [0, 1 / 7, 2 / 7]
    check = corpus.verify_audit(run)
    assert (check.rows, check.first_broken, check.head) == (3, None, rows[-1]["hash"])
    with Guard(corpus.ledger, Budget(1, 1)).open(run.actor, Action.READ):
        pass
    assert corpus.verify_audit(run).rows == 4


def test_an_older_workspace_without_runs_is_upgraded(tmp_path: Path, run_for) -> None:
    with duckdb.connect(tmp_path / DATABASE_FILE) as connection:
        migrations.MIGRATIONS[0](connection)
        connection.execute("UPDATE store.format SET version = 1")
    check = Corpus(tmp_path).verify_audit(run_for("*", action=Action.AUDIT, role="admin"))
    assert (check.rows, check.intact) == (0, True)
