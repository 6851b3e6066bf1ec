"""The documented SQL views. Their column comments are stored in the workspace file as well.

``documents``, ``chunks``, ``answers``, ``citations``, ``extractions`` (a row per record),
``fields``, ``feedback`` and ``runs`` in the schema ``main`` show the current corpus version to
whoever opens the file with DuckDB itself. ``Corpus.sql`` lays views of the same names and columns
over them that show only what the run may see:

- documents and chunks: those in the run's scope, by label or by grant;
- answers: the actor's own (all for a role that may audit), if every document that the model was
  shown is in scope, by its label then and by its source's label now, or by grant;
- citations: those of visible answers, if the cited document is in scope in the same way;
- feedback: that on visible answers;
- extractions and fields: the actor's own (all for a role that may audit), of documents in scope;
- runs: the actor's own (all for a role that may audit).

At an old version, documents and chunks are those that existed then and may be read now.

DuckDB reserves the word END, so offsets are called ``start_char`` and ``end_char`` here.
"""

from __future__ import annotations

from collections.abc import Mapping

import duckdb

from workbench.guard.policy import Action, decide
from workbench.guard.run import Run

_DOCUMENTS = """
CREATE OR REPLACE VIEW main.documents AS
SELECT d.id, d.uri, d.name, d.media_type, d.label, length(d.text) AS characters,
    json_array_length(d.pages)::INTEGER AS pages, d.chunk_count AS chunks, d.masked, d.metadata,
    d.content_hash, e.name AS embedding, d.ingested_at, d.added_in, d.text
FROM store.documents d JOIN store.embeddings e ON e.id = d.embedding_id
WHERE d.removed_in IS NULL
"""
_CHUNKS = """
CREATE OR REPLACE VIEW main.chunks AS
SELECT c.id, c.document_id, d.name AS document, d.uri, d.label, c.ordinal, c.page, c.heading,
    c.start_char, c.end_char, c.text
FROM store.chunks c JOIN store.documents d ON d.id = c.document_id
WHERE d.removed_in IS NULL
"""
_ANSWERS = """
CREATE OR REPLACE VIEW main.answers AS
SELECT id, run_id, actor, question, text, status, claims, labels, chunk_ids, model,
    prompt_version, corpus_version, prompt_tokens, output_tokens, seconds, created_at
FROM store.answers
"""
_CITATIONS = """
CREATE OR REPLACE VIEW main.citations AS
SELECT c.answer_id, c.claim, c.document_id, c.document, c.uri, d.label, c.page, c.start_char,
    c.end_char, c.quote
FROM store.citations c JOIN store.documents d ON d.id = c.document_id
"""
_FEEDBACK = """
CREATE OR REPLACE VIEW main.feedback AS
SELECT answer_id, actor, good, reason, run_id, created_at FROM store.feedback
"""
_RUNS = """
CREATE OR REPLACE VIEW main.runs AS
SELECT sequence, run_id, actor, role, action, resource, outcome, detail, prompt_tokens,
    output_tokens, seconds, model_calls, cache_hits, started_at, hash
FROM store.runs
"""
# Fields as reviewers left them; of several reviews of a field the last one counts. A corrected
# amount is kept as "9.00 RM".
_DECIDED = """
SELECT f.* EXCLUDE (value, unit), v.judgement AS review, f.value AS machine_value,
    CASE v.judgement WHEN 'rejected' THEN NULL
        WHEN 'corrected' THEN if(f.kind = 'money', split_part(v.value, ' ', 1), v.value)
        ELSE f.value END AS value,
    CASE WHEN v.judgement = 'corrected' AND f.kind = 'money' AND contains(v.value, ' ')
        THEN split_part(v.value, ' ', 2) ELSE f.unit END AS unit
FROM store.fields f JOIN store.records r ON r.id = f.record_id
LEFT JOIN (
    SELECT * FROM store.reviews QUALIFY row_number() OVER (
        PARTITION BY extraction_id, document_id, ordinal, field
        ORDER BY created_at DESC, rowid DESC) = 1
) v ON v.extraction_id = r.extraction_id AND v.document_id = r.document_id
    AND v.ordinal = r.ordinal AND v.field = f.name
"""
_EXTRACTIONS = f"""
CREATE OR REPLACE VIEW main.extractions AS
SELECT r.id, r.extraction_id, s.name AS schema, s.version AS schema_version, e.actor, r.run_id,
    r.document_id, r.document, r.uri, d.label, r.ordinal, r.status, r.problem, r.read_share,
    coalesce(v.value, '{{}}') AS value, e.model, e.prompt_version, e.corpus_version, r.created_at
FROM store.records r
JOIN store.extractions e ON e.id = r.extraction_id
JOIN store.extraction_schemas s ON s.id = e.schema_id
JOIN store.documents d ON d.id = r.document_id
LEFT JOIN (
    SELECT record_id, json_group_object(name, value) AS value FROM ({_DECIDED}) GROUP BY record_id
) v ON v.record_id = r.id
"""
_FIELDS = f"""
CREATE OR REPLACE VIEW main.fields AS
SELECT f.record_id, r.extraction_id, r.document_id, r.document, f.name, f.kind, f.value, f.unit,
    f.raw, f.quote, f.page, f.start_char, f.end_char, f.box, f.status, f.confidence, f.problem,
    f.review, if(f.review IS NULL, NULL, f.machine_value) AS machine_value
FROM ({_DECIDED}) f JOIN store.records r ON r.id = f.record_id
"""

COLUMNS: Mapping[str, Mapping[str, str]] = {
    "documents": {
        "id": "number of this version of the document; a changed file gets a new one",
        "uri": "where it came from",
        "name": "masked file name",
        "media_type": "MIME type",
        "label": "access label",
        "characters": "length of the masked text",
        "pages": "number of pages, 0 for formats without pages",
        "chunks": "number of chunks",
        "masked": "JSON: replaced spans by entity type",
        "metadata": "JSON: masked metadata of the source",
        "content_hash": "SHA-256 of the source's bytes",
        "embedding": "model that made the vectors",
        "ingested_at": "UTC time",
        "added_in": "corpus version that added it",
        "text": "masked text",
    },
    "chunks": {
        "id": "number of the chunk",
        "document_id": "documents.id",
        "document": "documents.name",
        "uri": "documents.uri",
        "label": "documents.label",
        "ordinal": "position within the document, from 0",
        "page": "page of its first character, null without pages",
        "heading": "headings above it",
        "start_char": "first character within documents.text",
        "end_char": "character after its last",
        "text": "masked text",
    },
    "answers": {
        "id": "number of the answer",
        "run_id": "runs.run_id",
        "actor": "who asked",
        "question": "masked question",
        "text": "the answer",
        "status": "supported, partial or abstained",
        "claims": "JSON: text and supported of each claim, in order",
        "labels": "access labels of everything the model was shown",
        "chunk_ids": "chunks that the model was shown, best first",
        "model": "model that answered",
        "prompt_version": "version of the prompt file",
        "corpus_version": "corpus version that was searched",
        "prompt_tokens": "tokens read",
        "output_tokens": "tokens written",
        "seconds": "time from the question to the answer",
        "created_at": "UTC time",
    },
    "citations": {
        "answer_id": "answers.id",
        "claim": "position of the claim within the answer, from 1",
        "document_id": "version of the document that is quoted",
        "document": "its name",
        "uri": "where it came from",
        "label": "its access label",
        "page": "page of the quote, null without pages",
        "start_char": "first character of the quote within the document's text",
        "end_char": "character after its last",
        "quote": "the exact words",
    },
    "extractions": {
        "id": "number of the record",
        "extraction_id": "number of the extraction: schema, model and options together",
        "schema": "name of the schema",
        "schema_version": "its version in this workspace",
        "actor": "who extracted",
        "run_id": "runs.run_id",
        "document_id": "version of the document that was read",
        "document": "its name",
        "uri": "where it came from",
        "label": "its access label",
        "ordinal": "position of the record within its document, from 0",
        "status": "complete, incomplete, empty or failed",
        "problem": "what is wrong with the record",
        "read_share": "part of the document that the model was shown, 0 to 1",
        "value": "JSON: value of each field as text, by its path, as reviewers left it",
        "model": "model that read",
        "prompt_version": "version of the prompt file",
        "corpus_version": "corpus version when the extraction began",
        "created_at": "UTC time",
    },
    "fields": {
        "record_id": "extractions.id",
        "extraction_id": "extractions.extraction_id",
        "document_id": "extractions.document_id",
        "document": "name of the document",
        "name": "path of the field within the record, such as items[0].price",
        "kind": "text, number, money, date, boolean or enum",
        "value": "the value as text (dates as yyyy-mm-dd) as reviewers left it, null without one",
        "unit": "currency of money, as written",
        "raw": "the model's words",
        "quote": "the document's words",
        "page": "page of the quote, null without pages",
        "start_char": "first character of the quote within the document's text",
        "end_char": "character after its last",
        "box": "left, top, right, bottom, where the format has one",
        "status": "located, inferred, missing or invalid",
        "confidence": "0 to 1, null before there are reviewed labels",
        "problem": "why there is no value",
        "review": "accepted, corrected or rejected, null before a review",
        "machine_value": "the value before the review, null without a review",
    },
    "feedback": {
        "answer_id": "answers.id",
        "actor": "who was given the answer, and said this",
        "good": "whether it helped",
        "reason": "why, masked",
        "run_id": "runs.run_id",
        "created_at": "UTC time",
    },
    "runs": {
        "sequence": "number of the run in the order in which they ended, from 1",
        "run_id": "identity of the run",
        "actor": "who acted",
        "role": "in which role",
        "action": "what was done",
        "resource": "on what",
        "outcome": "done, denied or failed",
        "detail": "reason, or the class of the error",
        "prompt_tokens": "tokens read by models",
        "output_tokens": "tokens written by models",
        "seconds": "duration",
        "model_calls": "calls that reached a model",
        "cache_hits": "replies that came from the cache instead",
        "started_at": "UTC time",
        "hash": "SHA-256 over this row and the hash of the row before",
    },
}
"""What each column means, by view."""

_STATEMENTS = (_DOCUMENTS, _CHUNKS, _ANSWERS, _CITATIONS, _EXTRACTIONS, _FIELDS, _FEEDBACK, _RUNS)

VIEWS = frozenset(COLUMNS)
"""The names of the views."""

# Lookups by parameter instead of literals: labels and names are data, never part of a statement.
_VIEWER = """
CREATE TEMP TABLE scope_labels (label VARCHAR);
CREATE TEMP TABLE scope_documents (uri VARCHAR);
CREATE TEMP TABLE viewer (actor VARCHAR, unrestricted BOOLEAN, audits BOOLEAN);
"""
_IN_SCOPE = """((SELECT unrestricted FROM temp.main.viewer)
    OR label IN (SELECT label FROM temp.main.scope_labels)
    OR uri IN (SELECT uri FROM temp.main.scope_documents))"""
_MINE = """((SELECT audits FROM temp.main.viewer)
    OR actor = (SELECT actor FROM temp.main.viewer))"""
# DuckDB moves no condition of the analyst's query below a LIMIT. Otherwise one that raises on a
# row out of sight, such as CAST(text AS INTEGER), could tell what stands there.
_BARRIER = "LIMIT 9223372036854775807"
# What a source said under an open label is not to be read once the source moved to a closed one.
_READABLE = f"""
SELECT id FROM (
    SELECT id, uri, label, last_value(label) OVER (
        PARTITION BY uri ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
    ) AS last_label FROM workbench.store.documents
) WHERE {_IN_SCOPE} AND {_IN_SCOPE.replace("label IN", "last_label IN")}
"""
# A chunk that is not there any more counts as one out of sight.
_UNREADABLE_ANSWERS = """
SELECT drawn.id FROM (
    SELECT id, unnest(chunk_ids) AS chunk_id FROM workbench.main.answers
) drawn LEFT JOIN (
    SELECT c.id FROM workbench.store.chunks c
    WHERE c.document_id IN (SELECT id FROM temp.main.readable)
) seen ON seen.id = drawn.chunk_id
WHERE seen.id IS NULL
"""


def _past(definition: str) -> str:
    """What a stored view selects, of the documents in ``shown`` instead of the current ones."""
    select = definition.partition(" AS\n")[2]
    past = select.replace("d.removed_in IS NULL", "d.id IN (SELECT id FROM temp.main.shown)")
    return past.replace("store.", "workbench.store.")


_PRESENT = f"""
CREATE TEMP VIEW documents AS
    SELECT * FROM workbench.main.documents WHERE {_IN_SCOPE} {_BARRIER};
CREATE TEMP VIEW chunks AS
    SELECT * FROM workbench.main.chunks WHERE {_IN_SCOPE} {_BARRIER};
"""
_SHOWN = """
CREATE TEMP TABLE shown AS SELECT d.id FROM workbench.store.documents d
    WHERE d.id IN (SELECT id FROM temp.main.readable)
    AND d.added_in <= ? AND (d.removed_in IS NULL OR d.removed_in > ?)
"""
_PAST = "".join(
    f"CREATE TEMP VIEW {name} AS {_past(definition)} {_BARRIER};"
    for name, definition in (("documents", _DOCUMENTS), ("chunks", _CHUNKS))
)
_SCOPED = f"""
CREATE TEMP VIEW answers AS
    SELECT * FROM workbench.main.answers WHERE {_MINE} AND (
        (SELECT unrestricted FROM temp.main.viewer) OR id NOT IN ({_UNREADABLE_ANSWERS})
    ) {_BARRIER};
CREATE TEMP VIEW citations AS
    SELECT * FROM workbench.main.citations
    WHERE document_id IN (SELECT id FROM temp.main.readable)
    AND answer_id IN (SELECT id FROM temp.main.answers) {_BARRIER};
CREATE TEMP VIEW extractions AS
    SELECT * FROM workbench.main.extractions
    WHERE {_MINE} AND document_id IN (SELECT id FROM temp.main.readable) {_BARRIER};
CREATE TEMP VIEW fields AS
    SELECT * FROM workbench.main.fields
    WHERE record_id IN (SELECT id FROM temp.main.extractions) {_BARRIER};
CREATE TEMP VIEW feedback AS
    SELECT * FROM workbench.main.feedback
    WHERE answer_id IN (SELECT id FROM temp.main.answers) {_BARRIER};
CREATE TEMP VIEW runs AS SELECT * FROM workbench.main.runs WHERE {_MINE} {_BARRIER};
"""


def create(connection: duckdb.DuckDBPyConnection) -> None:
    """Create or replace the views in the workspace file, with their comments."""
    for statement in _STATEMENTS:
        connection.execute(statement)
    for view, columns in COLUMNS.items():
        for column, meaning in columns.items():
            text = meaning.replace("'", "''")
            connection.execute(f"COMMENT ON COLUMN main.{view}.{column} IS '{text}'")


def limit_to(connection: duckdb.DuckDBPyConnection, run: Run) -> None:
    """Lay the run's own views over the workspace's, for this connection only."""
    audits = decide(run.actor, Action.AUDIT, "").allowed
    connection.execute(_VIEWER)
    connection.execute(
        "INSERT INTO temp.main.viewer VALUES (?, ?, ?)",
        [run.actor.name, run.scope.unrestricted, audits],
    )
    for label in sorted(run.scope.labels):
        connection.execute("INSERT INTO temp.main.scope_labels VALUES (?)", [label])
    for uri in sorted(run.scope.documents):
        connection.execute("INSERT INTO temp.main.scope_documents VALUES (?)", [uri])
    connection.execute(f"CREATE TEMP VIEW readable AS {_READABLE}")
    if run.version is not None:
        connection.execute(_SHOWN, [run.version, run.version])
    connection.execute(_PRESENT if run.version is None else _PAST)
    connection.execute(_SCOPED)
