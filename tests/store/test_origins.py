from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from tests.store.conftest import Put, RunFor
from workbench.errors import AccessDenied, SourceError
from workbench.guard.policy import Action
from workbench.store.corpus import Corpus

ROWS = "sqlite://shop/orders/"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "it's.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            "CREATE TABLE t AS SELECT range AS id, 'row ' || range AS name FROM range(3)"
        )
    return path


def test_rows_of_an_attached_file(corpus: Corpus, run_for: RunFor, file: Path) -> None:
    with corpus.origins.attached(run_for("*"), file, "SELECT * FROM t ORDER BY id") as found:
        columns, rows = found
        assert columns == ["id", "name"]
        assert list(rows) == [(0, "row 0"), (1, "row 1"), (2, "row 2")]


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM nowhere",
        "SELECT * FROM read_text('/etc/hostname')",
        "COPY t TO '/dev/null'",
        "DELETE FROM t",
        "CREATE TABLE u (a INT)",
        "ATTACH '/etc/hostname' AS other",
        "SET enable_external_access = true",
        "SELECT CAST(name AS INTEGER) FROM t",
    ],
)
def test_a_query_reaches_nothing_else(
    corpus: Corpus, run_for: RunFor, file: Path, query: str
) -> None:
    before = file.read_bytes()
    with (
        pytest.raises(SourceError, match="cannot be read") as caught,
        corpus.origins.attached(run_for("*"), file, query) as (_, rows),
    ):
        list(rows)
    assert "row 0" not in str(caught.value)
    assert file.read_bytes() == before


def test_a_workspace_is_no_source_of_itself(corpus: Corpus, run_for: RunFor, put: Put) -> None:
    put("a", "secret")
    path = corpus._database.path
    with (
        pytest.raises(AccessDenied, match="source of itself"),
        corpus.origins.attached(run_for(), path, "SELECT * FROM store.documents"),
    ):
        pass


def test_a_mark_holds_while_its_documents_do(corpus: Corpus, run_for: RunFor, put: Put) -> None:
    run = run_for("*")
    put(f"{ROWS}1", "one")
    put("elsewhere", "one")
    assert corpus.origins.mark(run, ROWS, "p1", below=ROWS) is None
    corpus.origins.keep_mark(run, (ROWS, "5"), "p1", below=ROWS, label="internal")
    corpus.origins.keep_mark(run, (ROWS, "6"), "p1", below=ROWS, label="internal")
    assert corpus.origins.mark(run, ROWS, "p1", below=ROWS) == "6"
    assert corpus.origins.mark(run, ROWS, "p2", below=ROWS) is None
    assert corpus.origins.mark(run, "sqlite://shop/", "p1", below=ROWS) is None
    put("elsewhere", "two")
    assert corpus.origins.mark(run, ROWS, "p1", below=ROWS) == "6"
    corpus.remove(run, f"{ROWS}1")
    assert corpus.origins.mark(run, ROWS, "p1", below=ROWS) is None


def test_a_mark_needs_the_right_to_write(corpus: Corpus, run_for: RunFor) -> None:
    with pytest.raises(AccessDenied):
        corpus.origins.keep_mark(run_for("hr"), (ROWS, "1"), "p", below=ROWS, label="board")
    with pytest.raises(AccessDenied):
        corpus.origins.keep_mark(
            run_for("*", action=Action.READ), (ROWS, "1"), "p", below=ROWS, label="hr"
        )
    ended = run_for("*")
    ended.close()
    with pytest.raises(AccessDenied, match="ended"):
        corpus.origins.mark(ended, ROWS, "p", below=ROWS)
    with pytest.raises(AccessDenied, match="ended"), corpus.origins.attached(ended, Path("x"), ""):
        pass
