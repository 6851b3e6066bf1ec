from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from tests.tasks.vaults import vaulted
from workbench.errors import AccessDenied
from workbench.guard.policy import Action
from workbench.store.subjects import _rewrite_column, _text_columns, shown_in


def test_every_column_that_can_hold_text_can_be_rewritten(tmp_path: Path) -> None:
    """Also those of tables that were added after this was written."""

    def rewrite(connection: duckdb.DuckDBPyConnection) -> int:
        columns = list(_text_columns(connection))
        for table, column, kind in columns:
            _rewrite_column(connection, f"store.{table}", column, kind, ("PERSON", 1))
        return len(columns)

    assert vaulted(tmp_path / "w").corpus._database.write(rewrite) > 30


@pytest.mark.parametrize(
    ("kind", "before", "after"),
    [
        ("VARCHAR", "<PERSON_1>, PERSON_1", "<PERSON_0>, PERSON_0"),
        ("VARCHAR", "<PERSON_12> <US_PERSON_1> PERSON_10", "<PERSON_12> <US_PERSON_1> PERSON_10"),
        ("VARCHAR[]", ["a <PERSON_1>", "b"], ["a <PERSON_0>", "b"]),
        ("JSON", '{"a": ["<PERSON_1>"]}', '{"a": ["<PERSON_0>"]}'),
    ],
)
def test_a_column_is_rewritten(kind: str, before: object, after: object) -> None:
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE t (c {kind})")
        connection.execute("INSERT INTO t VALUES (?), (NULL)", [before])
        _rewrite_column(connection, "t", "c", kind, ("PERSON", 1))
        rows = connection.execute("SELECT c FROM t ORDER BY c NULLS LAST").fetchall()
    shown = rows[0][0]
    assert (str(shown).replace(" ", ""), rows[1]) == (str(after).replace(" ", ""), (None,))


def test_placeholders_are_read_as_they_are_written() -> None:
    assert shown_in(["<PERSON_1> <US_SSN_20>", "<PERSON_0> PERSON_3"]) == {
        ("PERSON", 1),
        ("US_SSN", 20),
    }


def test_other_runs_forget_nobody(tmp_path: Path) -> None:
    workbench = vaulted(tmp_path / "w")
    subjects, actor = workbench.corpus.subjects, workbench.session("root").actor
    with workbench.guard.open(actor, Action.READ) as run:
        with pytest.raises(AccessDenied, match="may not forget"):
            subjects.begin(run, [], [("PERSON", 1)])
        with pytest.raises(AccessDenied, match="may not forget"):
            subjects.finish(run, [("PERSON", 1)])
