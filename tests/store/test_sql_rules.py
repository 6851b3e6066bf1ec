from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest

from workbench.errors import QueryError
from workbench.guard.policy import Action
from workbench.store.corpus import Corpus

ALLOWED = [
    "SELECT 1",
    "SELECT count(*) AS n FROM documents",
    "FROM documents",
    "TABLE chunks",
    "VALUES (1), (2)",
    "DESCRIBE documents",
    "SUMMARIZE SELECT id FROM chunks",
    "SELECT * EXCLUDE (text) REPLACE (upper(name) AS name) FROM documents",
    "SELECT COLUMNS('.*char') FROM chunks",
    "WITH c AS (SELECT * FROM chunks), d AS (SELECT * FROM c) SELECT * FROM d",
    "WITH c AS MATERIALIZED (SELECT * FROM chunks) SELECT * FROM c JOIN c AS e USING (id)",
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5) SELECT i FROM n",
    "WITH documents AS (SELECT id FROM chunks) SELECT * FROM documents",
    "SELECT document, row_number() OVER (PARTITION BY document ORDER BY ordinal) FROM chunks",
    "SELECT label, sum(characters) FILTER (WHERE pages = 0) FROM documents GROUP BY ALL",
    "SELECT d.name, c.text FROM documents d LEFT JOIN chunks c ON c.document_id = d.id LIMIT 5",
    "SELECT id FROM documents UNION SELECT id FROM chunks ORDER BY 1 DESC",
    "SELECT * FROM chunks WHERE text ILIKE '%x%' AND id IN (SELECT id FROM chunks)",
    "SELECT * FROM documents WHERE EXISTS (SELECT 1 FROM chunks WHERE document_id = documents.id)",
    "SELECT i, unnest([1, 2]) FROM range(3) t(i)",
    "SELECT json_extract_string(masked, '$.PERSON') FROM documents",
    "SELECT regexp_matches(text, 'a.c'), length(text), text[1:5] FROM documents",
    "SELECT list_transform([1, 2], x -> x + 1), [y * 2 FOR y IN [1, 2]]",
    "SELECT CASE WHEN id > 1 THEN 'a' ELSE 'b' END, coalesce(NULL, id)::VARCHAR FROM documents",
    "SELECT date_trunc('day', started_at), avg(seconds) FROM runs GROUP BY 1 HAVING count(*) > 0",
    "SELECT DISTINCT ON (label) label, name FROM documents QUALIFY rank() OVER (ORDER BY id) < 3",
    "SELECT 'a' || 'b', -1, 5 % 2, NOT true, 1 BETWEEN 0 AND 2, NULL IS NULL",
    "SELECT * FROM documents; -- a comment",
]

REFUSED = [
    # Not one SELECT.
    "",
    "SELECT 1; SELECT 2",
    "SELECT 1; DROP VIEW documents",
    "DELETE FROM documents",
    "INSERT INTO store.documents SELECT * FROM store.documents",
    "UPDATE store.corpus SET version = 0",
    "CREATE TABLE x AS SELECT 1",
    "CREATE TEMP VIEW chunks AS SELECT 1",
    "CREATE MACRO m() AS 1",
    "WITH x AS (DELETE FROM store.chunks RETURNING *) SELECT * FROM x",
    "ATTACH 'other.duckdb'",
    "DETACH workbench",
    "USE store",
    "SET memory_limit = '1TB'",
    "RESET lock_configuration",
    "PRAGMA database_list",
    "CALL pragma_version()",
    "COPY (SELECT 1) TO 'stolen.csv'",
    "EXPORT DATABASE 'stolen'",
    "INSTALL httpfs",
    "LOAD httpfs",
    "EXPLAIN SELECT 1",
    "PREPARE p AS SELECT 1",
    "EXECUTE p",
    "SELECT $1",
    "SELECT ?",
    "VACUUM",
    "CHECKPOINT",
    "BEGIN",
    "PIVOT documents ON label",
    # Tables that are not the views.
    "SELECT * FROM store.documents",
    "SELECT * FROM main.documents",
    "SELECT * FROM workbench.store.placeholders",
    "SELECT * FROM workbench.main.documents",
    'SELECT * FROM "store"."documents"',
    "SELECT * FROM temp.main.viewer",
    "SELECT * FROM viewer",
    "SELECT * FROM scope_labels",
    "SELECT * FROM temp.scope_labels",
    "SELECT * FROM system.information_schema.tables",
    "SELECT * FROM information_schema.columns",
    "SELECT * FROM duckdb_tables",
    "SELECT * FROM sqlite_master",
    "SELECT * FROM pg_catalog.pg_class",
    "SELECT * FROM pg_class",
    "SHOW TABLES",
    "SHOW ALL TABLES",
    "SHOW DATABASES",
    "DESCRIBE store.documents",
    "SUMMARIZE store.placeholders",
    "SELECT * FROM (DESCRIBE store.documents)",
    "SELECT * FROM documents AT (VERSION => 1)",
    "SELECT * FROM documents, store.placeholders",
    "SELECT * FROM documents JOIN store.replies ON true",
    "SELECT (SELECT reply FROM store.replies LIMIT 1)",
    "SELECT * FROM documents WHERE id IN (SELECT number FROM store.placeholders)",
    "SELECT * REPLACE ((SELECT reply FROM store.replies) AS name) FROM documents",
    "SELECT * FROM documents ORDER BY (SELECT number FROM store.placeholders)",
    "SELECT * FROM documents LIMIT (SELECT number FROM store.placeholders)",
    "SELECT count(*) FILTER (WHERE (SELECT true FROM store.replies)) FROM documents",
    "SELECT sum(id) OVER (ORDER BY (SELECT 1 FROM store.replies)) FROM documents",
    "SELECT list_transform([1], x -> (SELECT 1 FROM store.replies))",
    "SELECT * FROM documents UNION ALL BY NAME SELECT * FROM store.documents",
    "FROM store.documents SELECT text",
    "TABLE store.documents",
    "VALUES ((SELECT reply FROM store.replies))",
    # Names of common table expressions used where they do not reach.
    "WITH duckdb_tables AS (SELECT * FROM duckdb_tables) SELECT * FROM duckdb_tables",
    "WITH RECURSIVE duckdb_tables AS (SELECT * FROM duckdb_tables) SELECT * FROM duckdb_tables",
    "WITH RECURSIVE viewer AS (SELECT * FROM viewer UNION ALL SELECT * FROM viewer) "
    "SELECT * FROM viewer",
    "WITH viewer AS MATERIALIZED (SELECT * FROM viewer) SELECT * FROM viewer",
    "SELECT (WITH viewer AS (SELECT 1) SELECT * FROM viewer), * FROM viewer",
    "SELECT * FROM (WITH viewer AS (SELECT 1) SELECT * FROM viewer), viewer",
    "WITH a AS (SELECT * FROM viewer), viewer AS (SELECT 1) SELECT * FROM a",
    "WITH a AS (WITH viewer AS (SELECT 1) SELECT 1) SELECT * FROM viewer",
    "(WITH viewer AS (SELECT 1) SELECT 1) UNION ALL SELECT actor FROM viewer",
    # Files.
    "SELECT * FROM 'secret.csv'",
    "SELECT * FROM 'secret.parquet'",
    "SELECT * FROM read_csv('secret.csv')",
    "SELECT * FROM read_csv_auto(['secret.csv'])",
    "SELECT * FROM read_text('*')",
    "SELECT * FROM read_blob('*')",
    "SELECT * FROM read_json_auto('secret.json')",
    "SELECT * FROM parquet_scan('x')",
    "SELECT * FROM sniff_csv('secret.csv')",
    "SELECT * FROM glob('*')",
    # Functions that reach around the check.
    "SELECT * FROM query('SELECT * FROM store.documents')",
    "SELECT * FROM query_table('store.documents')",
    "SELECT * FROM query_table(['documents'])",
    "SELECT * FROM json_execute_serialized_sql('{}')",
    "SELECT json_serialize_plan('SELECT * FROM store.documents')",
    "SELECT json_serialize_sql('SELECT 1')",
    "SELECT * FROM duckdb_tables()",
    "SELECT * FROM duckdb_settings()",
    "SELECT * FROM duckdb_secrets()",
    "SELECT * FROM pragma_table_info('store.documents')",
    "SELECT * FROM pragma_storage_info('store.documents')",
    "SELECT * FROM arrow_scan(1, 2, 3)",
    "SELECT * FROM pandas_scan(1)",
    "SELECT * FROM seq_scan('documents')",
    "SELECT * FROM histogram(documents, id)",
    "SELECT * FROM which_secret('a', 'b')",
    "SELECT getenv('HOME')",
    "SELECT current_setting('memory_limit')",
    "SELECT getvariable('x')",
    "SELECT nextval('store.chunk_ids')",
    "SELECT currval('store.chunk_ids')",
    "SELECT write_log('x')",
    "SELECT pg_get_viewdef(1)",
    "SELECT current_query()",
    "SELECT store.upper('x')",
    "SELECT system.main.upper('x')",
    "SELECT * FROM range((SELECT number FROM store.placeholders))",
    "SELECT * EXCLUDE (id) REPLACE (getenv('HOME') AS name) FROM documents",
    "SELECT COLUMNS(c -> getenv(c) IS NULL) FROM documents",
    "SELECT max(id) FILTER (WHERE getenv('HOME') IS NULL) FROM documents",
    "SELECT unknown_function(1)",
    "SELECT 'x' \0 FROM documents",
]


@pytest.fixture
def filled(corpus: Corpus, put) -> Corpus:
    put("file:///a", "alpha beta", label="hr")
    put("file:///b", "gamma", label="legal")
    return corpus


def test_columns_of_one_name_stay_apart(filled: Corpus, run_for) -> None:
    table = filled.sql(run_for("*", action=Action.SQL), "SELECT 1 AS a, 2 AS a, 3 AS a_1, 4 AS b")
    assert table.to_pylist() == [{"a": 1, "a_1": 2, "a_1_1": 3, "b": 4}]


@pytest.mark.parametrize("query", ALLOWED)
def test_plain_analysis_is_permitted(filled: Corpus, run_for, query: str) -> None:
    table = filled.sql(run_for("*", action=Action.SQL), query)
    assert table.num_columns > 0


def test_every_attack_is_refused(filled: Corpus, run_for, tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "secret.csv").write_text("a,b\n1,2\n")
    monkeypatch.chdir(tmp_path)
    run = run_for("*", action=Action.SQL)
    passed = []
    for query in REFUSED:
        with suppress(QueryError):
            filled.sql(run, query)
            passed.append(query)
    assert passed == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["secret.csv", "workspace"]


def test_the_database_itself_refuses_what_would_slip_through(filled: Corpus) -> None:
    """The second line of defence: even unchecked SQL reads no file and changes nothing."""
    (filled._database.folder / "secret.csv").write_text("a\n1\n")
    attacks = [
        f"SELECT * FROM read_csv('{filled._database.folder / 'secret.csv'}')",
        f"COPY (SELECT 1) TO '{filled._database.folder / 'out.csv'}'",
        "ATTACH 'other.duckdb'",
        "SET enable_external_access = true",
        "SET lock_configuration = false",
        "INSTALL httpfs",
        "DELETE FROM store.documents",
        "SELECT * FROM attacks",
    ]
    for attack in attacks:
        with pytest.raises(Exception, match=r"(?i)disabled|locked|read-only|not exist|permission"):
            filled._database.read(lambda c: c.execute(attack).fetchall())  # noqa: B023
    assert not (filled._database.folder / "out.csv").exists()


def test_sql_errors_say_what_is_wrong(filled: Corpus, run_for) -> None:
    run = run_for("*", action=Action.SQL)
    with pytest.raises(QueryError, match="colour"):
        filled.sql(run, "SELECT colour FROM documents")
    with pytest.raises(QueryError, match="SELEC"):
        filled.sql(run, "SELEC 1")
    with pytest.raises(QueryError, match="the query failed"):
        filled.sql(run, "SELECT CAST(name AS INTEGER) FROM documents")


def test_a_query_that_takes_too_long_is_stopped(filled: Corpus, run_for) -> None:
    run = run_for("*", action=Action.SQL)
    endless = "SELECT count(*) FROM range(100000) a, range(100000) b, range(100000) c"
    with pytest.raises(QueryError, match=r"longer than 0\.3 s"):
        filled.sql(run, endless, timeout_s=0.3)
    assert filled.sql(run, "SELECT 1 AS one").to_pylist() == [{"one": 1}]


def test_too_many_rows_are_refused_not_cut(filled: Corpus, run_for) -> None:
    run = run_for("*", action=Action.SQL)
    assert filled.sql(run, "SELECT * FROM range(100)", max_rows=100).num_rows == 100
    with pytest.raises(QueryError, match="more than 99 rows"):
        filled.sql(run, "SELECT * FROM range(100)", max_rows=99)


def test_a_query_cannot_eat_all_memory(filled: Corpus, run_for) -> None:
    with pytest.raises(QueryError, match="memory"):
        filled.sql(
            run_for("*", action=Action.SQL), "SELECT list(repeat('x', 1000000)) FROM range(100000)"
        )


PROBES = [
    "SELECT * FROM {view} WHERE CAST({column} AS INTEGER) = 1",
    "SELECT CAST({column} AS INTEGER) FROM {view}",
    "SELECT count(*) FROM {view} WHERE CAST({column} AS DATE) IS NULL",
    "SELECT * FROM {view} ORDER BY CAST({column} AS INTEGER)",
    "SELECT a.* FROM {view} a JOIN range(3) r ON CAST(a.{column} AS INTEGER) = r.range",
    "SELECT max(CAST({column} AS INTEGER)) FROM {view} GROUP BY CAST({column} AS DOUBLE)",
    "SELECT * FROM (SELECT * FROM {view} WHERE CAST({column} AS INTEGER) > 0) LIMIT 1",
    "SELECT * FROM range(2) r WHERE EXISTS (SELECT 1 FROM {view} "
    "WHERE CAST({column} AS INTEGER) = r.range)",
    "WITH x AS (SELECT * FROM {view}) SELECT * FROM x WHERE CAST({column} AS INTEGER) = 1",
]


@pytest.mark.parametrize("probe", PROBES)
def test_errors_tell_nothing_about_rows_out_of_sight(
    corpus: Corpus, run_for, put, probe: str
) -> None:
    """The scope is decided before the query's own conditions: those could raise on hidden rows."""
    put("7", "7", label="hr")
    put("hidden", "hidden", label="legal")
    put("9", "old and hidden", label="hr")
    put("9", "9", label="hr")
    run = run_for("hr", action=Action.SQL)
    for view, column in (("chunks", "text"), ("documents", "text"), ("documents", "name")):
        query = probe.format(view=view, column=column)
        if "DATE" in query:
            with pytest.raises(QueryError) as caught:
                corpus.sql(run, query)
            assert "hidden" not in str(caught.value)
        else:
            corpus.sql(run, query)
