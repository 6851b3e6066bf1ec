from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from workbench.errors import NewerWorkspace
from workbench.store import migrations
from workbench.store.corpus import Corpus
from workbench.store.database import Database


def test_a_new_workspace_has_the_present_format(tmp_path: Path) -> None:
    found = Database(tmp_path).read(migrations.stored_format)
    assert found == migrations.FORMAT == len(migrations.MIGRATIONS)


def test_an_older_workspace_is_upgraded_once(corpus: Corpus, put, monkeypatch, run_for) -> None:
    put("a", "words")

    def add_column(connection: duckdb.DuckDBPyConnection) -> None:
        connection.execute("ALTER TABLE store.documents ADD COLUMN note VARCHAR DEFAULT 'new'")

    monkeypatch.setattr(migrations, "MIGRATIONS", (*migrations.MIGRATIONS, add_column))
    monkeypatch.setattr(migrations, "FORMAT", 2)
    for _ in range(2):
        fresh = Database(corpus._database.folder)
        assert fresh.read(migrations.stored_format) == 2
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
        patch.setattr(migrations, "FORMAT", 2)
        with pytest.raises(RuntimeError):
            Database(corpus._database.folder).read(migrations.stored_format)
    fresh = Database(corpus._database.folder)
    assert fresh.read(migrations.stored_format) == 1
    named = "SELECT count(*) FROM duckdb_columns() WHERE column_name = 'note'"
    assert fresh.read(lambda c: c.execute(named).fetchone()) == (0,)


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    migrations.require_known(migrations.FORMAT, tmp_path)
    with pytest.raises(NewerWorkspace, match="Upgrade"):
        migrations.require_known(migrations.FORMAT + 1, tmp_path)
