"""The workspace's schema as numbered steps. A step that was released is never edited.

Tables live in the schema ``store``; the documented views over them are in ``views.py``. A document
is visible at corpus version v iff ``added_in <= v`` and (``removed_in`` is null or
``removed_in > v``): replacing marks the old row removed and adds a new one, so that citations into
an older version of a document stay readable. A chunk is visible when its document is.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb

from workbench.errors import NewerWorkspace
from workbench.store import audit_chain, views

_FIRST = """
CREATE SCHEMA store;
CREATE TABLE store.format (version INTEGER NOT NULL);
INSERT INTO store.format VALUES (0);
CREATE TABLE store.corpus (version INTEGER NOT NULL, token VARCHAR NOT NULL);
INSERT INTO store.corpus VALUES (0, '');
CREATE TABLE store.versions (
    version INTEGER NOT NULL, token VARCHAR NOT NULL, committed_at TIMESTAMP NOT NULL,
    run_id VARCHAR NOT NULL
);
CREATE SEQUENCE store.embedding_ids;
CREATE TABLE store.embeddings (
    id INTEGER PRIMARY KEY, name VARCHAR NOT NULL, digest VARCHAR NOT NULL UNIQUE,
    dim INTEGER NOT NULL
);
CREATE SEQUENCE store.document_ids;
CREATE TABLE store.documents (
    id INTEGER PRIMARY KEY, uri VARCHAR NOT NULL, name VARCHAR NOT NULL,
    media_type VARCHAR NOT NULL, content_hash VARCHAR NOT NULL, fingerprint VARCHAR NOT NULL,
    label VARCHAR NOT NULL, text VARCHAR NOT NULL, metadata JSON NOT NULL, pages JSON NOT NULL,
    masked JSON NOT NULL, embedding_id INTEGER NOT NULL, chunk_count INTEGER NOT NULL,
    ingested_at TIMESTAMP NOT NULL, added_in INTEGER NOT NULL, removed_in INTEGER
);
CREATE SEQUENCE store.chunk_ids;
CREATE TABLE store.chunks (
    id INTEGER NOT NULL, document_id INTEGER NOT NULL, ordinal INTEGER NOT NULL,
    start_char INTEGER NOT NULL, end_char INTEGER NOT NULL, page INTEGER,
    heading VARCHAR NOT NULL, text VARCHAR NOT NULL
);
CREATE SEQUENCE store.answer_ids;
CREATE TABLE store.answers (
    id INTEGER PRIMARY KEY, run_id VARCHAR NOT NULL, actor VARCHAR NOT NULL,
    question VARCHAR NOT NULL, text VARCHAR NOT NULL, status VARCHAR NOT NULL,
    claims JSON NOT NULL, labels VARCHAR[] NOT NULL, chunk_ids INTEGER[] NOT NULL,
    model VARCHAR NOT NULL, prompt_version VARCHAR NOT NULL, corpus_version INTEGER NOT NULL,
    prompt_tokens BIGINT NOT NULL, output_tokens BIGINT NOT NULL, seconds DOUBLE NOT NULL,
    created_at TIMESTAMP NOT NULL
);
CREATE TABLE store.citations (
    answer_id INTEGER NOT NULL, claim INTEGER NOT NULL, document_id INTEGER NOT NULL,
    document VARCHAR NOT NULL, uri VARCHAR NOT NULL, page INTEGER,
    start_char INTEGER NOT NULL, end_char INTEGER NOT NULL, quote VARCHAR NOT NULL
);
CREATE TABLE store.runs (
    run_id VARCHAR NOT NULL, actor VARCHAR NOT NULL, role VARCHAR NOT NULL,
    action VARCHAR NOT NULL, resource VARCHAR NOT NULL, outcome VARCHAR NOT NULL,
    detail VARCHAR NOT NULL, prompt_tokens BIGINT NOT NULL, output_tokens BIGINT NOT NULL,
    seconds DOUBLE NOT NULL, model_calls INTEGER NOT NULL, cache_hits INTEGER NOT NULL,
    started_at TIMESTAMP NOT NULL
);
CREATE TABLE store.replies (
    key VARCHAR PRIMARY KEY, reply VARCHAR NOT NULL, created_at TIMESTAMP NOT NULL
);
CREATE TABLE store.placeholders (
    entity_type VARCHAR NOT NULL, digest VARCHAR NOT NULL, number INTEGER NOT NULL,
    PRIMARY KEY (entity_type, digest), UNIQUE (entity_type, number)
);
"""

_CHAINED_RUNS = """
CREATE TABLE store.audit_head (sequence BIGINT NOT NULL, hash VARCHAR NOT NULL);
CREATE TABLE store.runs (
    sequence BIGINT NOT NULL, run_id VARCHAR NOT NULL, actor VARCHAR NOT NULL,
    role VARCHAR NOT NULL, action VARCHAR NOT NULL, resource VARCHAR NOT NULL,
    outcome VARCHAR NOT NULL, detail VARCHAR NOT NULL, prompt_tokens BIGINT NOT NULL,
    output_tokens BIGINT NOT NULL, seconds DOUBLE NOT NULL, model_calls INTEGER NOT NULL,
    cache_hits INTEGER NOT NULL, started_at TIMESTAMP NOT NULL, hash VARCHAR NOT NULL
);
"""
# What each run left behind becomes a snapshot of the time before there were any.
_SNAPSHOTS = """
CREATE TABLE store.snapshots (
    version INTEGER NOT NULL, committed_at TIMESTAMP NOT NULL, actor VARCHAR NOT NULL,
    action VARCHAR NOT NULL, run_id VARCHAR NOT NULL
);
CREATE TABLE store.snapshot_names (
    name VARCHAR NOT NULL, version INTEGER NOT NULL, actor VARCHAR NOT NULL,
    named_at TIMESTAMP NOT NULL
);
INSERT INTO store.snapshots
    SELECT max(v.version), max(v.committed_at), coalesce(any_value(r.actor), ''),
        coalesce(any_value(r.action), ''), v.run_id
    FROM store.versions v LEFT JOIN store.runs r ON r.run_id = v.run_id
    GROUP BY v.run_id ORDER BY 1;
"""

_EXTRACTIONS = """
CREATE SEQUENCE store.schema_ids;
CREATE TABLE store.extraction_schemas (
    id INTEGER PRIMARY KEY, name VARCHAR NOT NULL, version INTEGER NOT NULL,
    fingerprint VARCHAR NOT NULL, definition JSON NOT NULL, actor VARCHAR NOT NULL,
    created_at TIMESTAMP NOT NULL
);
CREATE SEQUENCE store.extraction_ids;
CREATE TABLE store.extractions (
    id INTEGER PRIMARY KEY, key VARCHAR NOT NULL UNIQUE, schema_id INTEGER NOT NULL,
    actor VARCHAR NOT NULL, model VARCHAR NOT NULL, prompt_version VARCHAR NOT NULL,
    options JSON NOT NULL, corpus_version INTEGER NOT NULL, created_at TIMESTAMP NOT NULL
);
CREATE SEQUENCE store.record_ids;
CREATE TABLE store.records (
    id INTEGER NOT NULL, extraction_id INTEGER NOT NULL, run_id VARCHAR NOT NULL,
    document_id INTEGER NOT NULL, document VARCHAR NOT NULL, uri VARCHAR NOT NULL,
    ordinal INTEGER NOT NULL, status VARCHAR NOT NULL, problem VARCHAR NOT NULL,
    read_share DOUBLE NOT NULL, created_at TIMESTAMP NOT NULL
);
CREATE TABLE store.fields (
    record_id INTEGER NOT NULL, position INTEGER NOT NULL, name VARCHAR NOT NULL,
    kind VARCHAR NOT NULL, value VARCHAR, unit VARCHAR NOT NULL, raw VARCHAR NOT NULL,
    quote VARCHAR NOT NULL, page INTEGER, start_char INTEGER, end_char INTEGER, box DOUBLE[],
    status VARCHAR NOT NULL, confidence DOUBLE, problem VARCHAR NOT NULL, signals VARCHAR NOT NULL
);
"""


def _m001_tables(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(_FIRST)


def _m002_audit_chain(connection: duckdb.DuckDBPyConnection) -> None:
    time = f"strftime(started_at, '{audit_chain.TIME_FORMAT}')"
    rows = connection.execute(
        f"SELECT * REPLACE ({time} AS started_at) FROM store.runs ORDER BY rowid"
    ).fetchall()
    connection.execute(f"DROP TABLE store.runs; {_CHAINED_RUNS}")
    connection.execute("INSERT INTO store.audit_head VALUES (0, ?)", [audit_chain.START])
    fields = audit_chain.FIELDS[1:]
    audit_chain.append(connection, [dict(zip(fields, row, strict=True)) for row in rows])


def _m003_grants(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(
        "CREATE TABLE store.grants (actor VARCHAR NOT NULL, uri VARCHAR NOT NULL, "
        "granted_by VARCHAR NOT NULL, granted_at TIMESTAMP NOT NULL)"
    )


def _m004_marks(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(
        "CREATE TABLE store.marks (identity VARCHAR NOT NULL, pipeline VARCHAR NOT NULL, "
        "value VARCHAR NOT NULL, state VARCHAR NOT NULL)"
    )


def _m005_snapshots(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(_SNAPSHOTS)


def _m006_nodes(connection: duckdb.DuckDBPyConnection) -> None:
    # What is needed to build a LlamaIndex node again from its document.
    connection.execute(
        "CREATE TABLE store.nodes (document_id INTEGER NOT NULL, extras VARCHAR NOT NULL)"
    )


def _m007_forgotten(connection: duckdb.DuckDBPyConnection) -> None:
    # Digests without a number, and numbers without a digest: nothing says which belong together.
    connection.execute(
        "CREATE TABLE store.forgotten (entity_type VARCHAR NOT NULL, digest VARCHAR NOT NULL); "
        "CREATE TABLE store.retired (entity_type VARCHAR NOT NULL, number INTEGER NOT NULL, "
        "pending BOOLEAN NOT NULL)"
    )


def _m008_extractions(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(_EXTRACTIONS)


def _m009_refusals(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(
        "CREATE TABLE store.refusals (uri VARCHAR NOT NULL, label VARCHAR NOT NULL, "
        "fingerprint VARCHAR NOT NULL, name VARCHAR NOT NULL, error VARCHAR NOT NULL)"
    )


def _m010_reviews(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(
        "CREATE TABLE store.reviews (extraction_id INTEGER NOT NULL, document_id INTEGER NOT NULL, "
        "ordinal INTEGER NOT NULL, field VARCHAR NOT NULL, judgement VARCHAR NOT NULL, "
        "value VARCHAR, actor VARCHAR NOT NULL, run_id VARCHAR NOT NULL, "
        "created_at TIMESTAMP NOT NULL)"
    )


def _m011_reembeddings(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(
        "CREATE TABLE store.reembeddings (id INTEGER NOT NULL, digest VARCHAR NOT NULL)"
    )


def _m012_reviewed_views(_: duckdb.DuckDBPyConnection) -> None:
    """Only the views changed, and every upgrade ends by making them anew."""


def _m013_feedback(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(
        "CREATE TABLE store.feedback (answer_id INTEGER NOT NULL, actor VARCHAR NOT NULL, "
        "good BOOLEAN NOT NULL, reason VARCHAR NOT NULL, run_id VARCHAR NOT NULL, "
        "created_at TIMESTAMP NOT NULL)"
    )


def _m014_queries(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(
        "CREATE TABLE store.queries (actor VARCHAR NOT NULL, name VARCHAR NOT NULL, "
        "query VARCHAR NOT NULL, created_at TIMESTAMP NOT NULL)"
    )


def _m015_aliases(connection: duckdb.DuckDBPyConnection) -> None:
    # Keyed digests on both sides: of a short form of a name, and of the person's full name.
    connection.execute(
        "CREATE TABLE store.aliases (alias VARCHAR NOT NULL, digest VARCHAR NOT NULL, "
        "PRIMARY KEY (alias, digest))"
    )


def _m016_private_marks(connection: duckdb.DuckDBPyConnection) -> None:
    # They were kept under the raw place. Without them a source is read from its beginning once.
    connection.execute("DELETE FROM store.marks")


def _m017_documents_past_the_log(connection: duckdb.DuckDBPyConnection) -> None:
    # DuckDB writes many rows straight into the file only where a table has no key. The ids come
    # from a sequence, and a transaction that meets another one's changes is run again.
    connection.execute(
        "CREATE TABLE store.unkeyed (id INTEGER NOT NULL, uri VARCHAR NOT NULL, "
        "name VARCHAR NOT NULL, media_type VARCHAR NOT NULL, content_hash VARCHAR NOT NULL, "
        "fingerprint VARCHAR NOT NULL, label VARCHAR NOT NULL, text VARCHAR NOT NULL, "
        "metadata JSON NOT NULL, pages JSON NOT NULL, masked JSON NOT NULL, "
        "embedding_id INTEGER NOT NULL, chunk_count INTEGER NOT NULL, "
        "ingested_at TIMESTAMP NOT NULL, added_in INTEGER NOT NULL, removed_in INTEGER)"
    )
    connection.execute("INSERT INTO store.unkeyed SELECT * FROM store.documents ORDER BY id")
    connection.execute("DROP TABLE store.documents")
    connection.execute("ALTER TABLE store.unkeyed RENAME TO documents")


MIGRATIONS: tuple[Callable[[duckdb.DuckDBPyConnection], None], ...] = (
    _m001_tables,
    _m002_audit_chain,
    _m003_grants,
    _m004_marks,
    _m005_snapshots,
    _m006_nodes,
    _m007_forgotten,
    _m008_extractions,
    _m009_refusals,
    _m010_reviews,
    _m011_reembeddings,
    _m012_reviewed_views,
    _m013_feedback,
    _m014_queries,
    _m015_aliases,
    _m016_private_marks,
    _m017_documents_past_the_log,
)
FORMAT = len(MIGRATIONS)
"""The workspace format that this version writes."""


def stored_format(connection: duckdb.DuckDBPyConnection) -> int | None:
    """The format of an open workspace; 0 for an empty database, None for somebody else's."""
    tables = connection.execute(
        "SELECT schema_name, table_name FROM duckdb_tables() WHERE NOT internal"
    ).fetchall()
    if ("store", "format") not in tables:
        return None if tables else 0
    row = connection.execute("SELECT version FROM store.format").fetchone()
    return None if row is None else int(row[0])


def require_known(found: int, path: Path) -> None:
    """Raises NewerWorkspace if ``found`` is a format that this version does not know."""
    if found > FORMAT:
        raise NewerWorkspace(
            "the workspace was written by a newer version",
            value=f"{path} has format {found}, this version reads up to {FORMAT}",
            next_step="Upgrade Workbench, or choose another workspace.",
        )


def upgrade(connection: duckdb.DuckDBPyConnection) -> None:
    """Run the missing steps, inside the caller's transaction."""
    found = stored_format(connection) or 0
    for step in MIGRATIONS[found:]:
        step(connection)
    connection.execute("UPDATE store.format SET version = ?", [FORMAT])
    views.create(connection)


def vectors_table(embedding_id: int) -> str:
    """The table that holds the vectors of one embedding model."""
    return f"store.vectors_{embedding_id:d}"


def create_vectors_table(
    connection: duckdb.DuckDBPyConnection, embedding_id: int, dim: int
) -> None:
    """One table per embedding model, because DuckDB fixes the length of its arrays."""
    connection.execute(
        f"CREATE TABLE {vectors_table(embedding_id)} (chunk_id INTEGER NOT NULL, "
        f"document_id INTEGER NOT NULL, vector FLOAT[{dim:d}] NOT NULL)"
    )
