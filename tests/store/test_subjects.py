from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from tests.tasks.vaults import vaulted
from workbench.errors import AccessDenied, StoreError
from workbench.guard.policy import Action
from workbench.store.corpus import Corpus
from workbench.store.elsewhere import Place, places_of
from workbench.store.subjects import Subjects, _rewrite_column, _text_columns, shown_in


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


class Server:
    """Of a server of vectors what forgetting needs."""

    def __init__(self, *, down: bool = False) -> None:
        self.down = down
        self.dropped: list[str] = []

    def drop(self, place: Place) -> None:
        if self.down:
            raise StoreError("the server cannot be used", next_step="Start it.")
        self.dropped.append(place.name)


def test_vectors_on_a_server_are_forgotten_too(corpus: Corpus, put, run_for) -> None:
    put("a", "about <PERSON_1>")
    before = [place.name for place in corpus._database.read(places_of)]
    server = Server()
    run = run_for("*", action=Action.FORGET)
    Subjects(corpus._database, server).finish(run, [("PERSON", 2)])  # type: ignore[arg-type]
    assert server.dropped == []
    Subjects(corpus._database, server).finish(run, [("PERSON", 1)])  # type: ignore[arg-type]
    assert set(server.dropped) == set(before)
    assert [place.name for place in corpus._database.read(places_of)] != before


def test_without_the_server_nothing_is_finished(corpus: Corpus, put, run_for) -> None:
    number = put("a", "about <PERSON_1>")
    subjects = Subjects(corpus._database, Server(down=True))  # type: ignore[arg-type]
    with pytest.raises(StoreError, match="cannot be used"):
        subjects.finish(run_for("*", action=Action.FORGET), [("PERSON", 1)])
    assert corpus.document(run_for("*"), number).text == "about <PERSON_1>"
