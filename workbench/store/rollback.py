"""Going back: what a version held is stored once more, as a new version.

Rows that were once replaced or removed stay so: versions in between, and citations into them, keep
reading what they read. Copies have ids of their own, because a document exists in one unbroken
range of versions.
"""

from __future__ import annotations

import duckdb

from workbench.guard.run import Run
from workbench.store.documents import mark_removed
from workbench.store.migrations import vectors_table
from workbench.store.versions import advance

_SAME = """n.label = o.label AND n.name = o.name AND n.text = o.text AND n.metadata = o.metadata
    AND n.fingerprint = o.fingerprint AND n.embedding_id = o.embedding_id"""
# Whether a document counts as changed is decided by its content, as in a comparison: going back
# twice must change nothing the second time.
_STEPS = f"""
CREATE TEMP TABLE steps AS
WITH n AS (SELECT * FROM store.documents WHERE removed_in IS NULL),
o AS (SELECT * FROM store.documents WHERE added_in <= ? AND (removed_in IS NULL OR removed_in > ?))
SELECT n.id AS hidden, o.id AS restored, coalesce(n.uri, o.uri) AS uri
FROM n FULL JOIN o ON n.uri = o.uri
WHERE n.id IS NULL OR o.id IS NULL OR (n.id <> o.id AND NOT ({_SAME}))
"""
_LABELS = """
SELECT DISTINCT d.label FROM store.documents d JOIN temp.main.steps s
ON d.id IN (s.hidden, s.restored) OR d.id = (
    SELECT max(l.id) FROM store.documents l WHERE l.uri = s.uri
) ORDER BY 1
"""
_COPIES = """
CREATE TEMP TABLE copied_documents AS
    SELECT restored AS old, nextval('store.document_ids')::INTEGER AS new
    FROM (SELECT restored FROM temp.main.steps WHERE restored IS NOT NULL ORDER BY restored);
CREATE TEMP TABLE copied_chunks AS
    SELECT id AS old, nextval('store.chunk_ids')::INTEGER AS new, document_id FROM (
        SELECT c.id, m.new AS document_id FROM store.chunks c
        JOIN temp.main.copied_documents m ON c.document_id = m.old ORDER BY c.id
    );
INSERT INTO store.chunks
    SELECT c.* REPLACE (m.new AS id, m.document_id AS document_id)
    FROM store.chunks c JOIN temp.main.copied_chunks m ON c.id = m.old ORDER BY m.new;
"""


def roll_back(connection: duckdb.DuckDBPyConnection, version: int, *, run: Run) -> bool:
    """Store what ``version`` held as a new version, and tell whether anything was different.

    Raises:
        AccessDenied: if the run may not write every label concerned.
    """
    connection.execute(_STEPS, [version, version])
    for (label,) in connection.execute(_LABELS).fetchall():
        run.require_write(label)
    hidden = connection.execute(
        "SELECT hidden FROM temp.main.steps WHERE hidden IS NOT NULL"
    ).fetchall()
    copies = connection.execute("SELECT count(restored) FROM temp.main.steps").fetchone()
    if not hidden and not (copies and copies[0]):
        return False
    number = advance(connection, run.id)
    mark_removed(connection, [document_id for (document_id,) in hidden], number)
    connection.execute(_COPIES)
    connection.execute(
        "INSERT INTO store.documents SELECT d.* REPLACE (m.new AS id, ? AS added_in, "
        "NULL AS removed_in) FROM store.documents d "
        "JOIN temp.main.copied_documents m ON d.id = m.old ORDER BY m.new",
        [number],
    )
    for (embedding,) in connection.execute("SELECT id FROM store.embeddings").fetchall():
        table = vectors_table(embedding)
        connection.execute(
            f"INSERT INTO {table} SELECT v.* REPLACE (m.new AS chunk_id, "
            f"m.document_id AS document_id) FROM {table} v "
            "JOIN temp.main.copied_chunks m ON v.chunk_id = m.old ORDER BY m.new"
        )
    return True
