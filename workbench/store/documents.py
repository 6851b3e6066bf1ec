"""Documents and chunks as rows. Every function works inside the caller's transaction."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from workbench.errors import EmbeddingMismatch, UsageError
from workbench.store.attached import ROW_GROUP_ROWS
from workbench.store.inlined import inlined
from workbench.store.migrations import create_vectors_table, vectors_table
from workbench.store.records import EmbeddingInfo, Incoming, StoredSource, Vectors
from workbench.values import Chunk, DocumentInfo, MaskedDocument, Page, Scope

IN_SCOPE = "(? OR list_contains(?::VARCHAR[], d.label) OR list_contains(?::VARCHAR[], d.uri))"
"""The predicate that every read carries; its parameters come from ``scope_values``."""

READABLE = f"""
SELECT d.* FROM store.documents d JOIN (
    SELECT l.uri FROM (
        SELECT uri, arg_max(label, id) AS label FROM store.documents GROUP BY uri
    ) l WHERE {IN_SCOPE.replace("d.", "l.")}
) open_sources USING (uri) WHERE {IN_SCOPE}
"""
"""The documents of all versions that may be read now; parameters from ``readable_values``.

The label of its source's last version must be in scope too: a source that was moved to another
label takes its older versions along.
"""

AT_VERSION = "d.added_in <= ? AND (d.removed_in IS NULL OR d.removed_in > ?)"
"""Which documents existed at a version, which is the parameter twice."""

_CURRENT = "d.removed_in IS NULL"
_INFO_COLUMNS = """d.id, d.uri, d.name, d.media_type, d.label, length(d.text),
    json_array_length(d.pages), d.chunk_count, d.masked, d.ingested_at"""


def scope_values(scope: Scope) -> list[Any]:
    """The parameters of ``IN_SCOPE``."""
    return [scope.unrestricted, sorted(scope.labels), sorted(scope.documents)]


def readable_values(scope: Scope) -> list[Any]:
    """The parameters of ``READABLE``."""
    return scope_values(scope) * 2


def now() -> datetime:
    """The time as the store keeps it: UTC without a zone."""
    return datetime.now(UTC).replace(tzinfo=None)


def one(cursor: duckdb.DuckDBPyConnection) -> Any:
    """The first column of the first row, which must exist."""
    row = cursor.fetchone()
    if row is None:
        raise LookupError("the statement returned no row")
    return row[0]


def current(connection: duckdb.DuckDBPyConnection, uri: str) -> tuple[int, str] | None:
    """Id and label of the visible document at ``uri``, whatever its label."""
    found = currents(connection, [uri])
    return found[0] if found else None


def currents(connection: duckdb.DuckDBPyConnection, uris: Sequence[str]) -> list[tuple[int, str]]:
    """Ids and labels of the visible documents at ``uris``, whatever their labels."""
    rows = connection.execute(
        "SELECT d.id, d.label FROM store.documents d "
        f"WHERE d.uri IN (SELECT unnest(?::VARCHAR[])) AND {_CURRENT}",
        [list(uris)],
    ).fetchall()
    return [(int(number), str(label)) for number, label in rows]


def mark_removed(
    connection: duckdb.DuckDBPyConnection, document_ids: Sequence[int], version: int
) -> None:
    """Hide documents from ``version`` on. Their texts stay, so old citations can be read."""
    if document_ids:
        connection.execute(
            "UPDATE store.documents SET removed_in = ? WHERE id IN (SELECT unnest(?::INTEGER[]))",
            [version, list(document_ids)],
        )


def embedding_id(connection: duckdb.DuckDBPyConnection, embedding: EmbeddingInfo) -> int:
    """The number of an embedding model; registers it with its own table of vectors when new."""
    row = connection.execute(
        "SELECT id, dim FROM store.embeddings WHERE digest = ?", [embedding.digest]
    ).fetchone()
    if row is None:
        number = int(one(connection.execute("SELECT nextval('store.embedding_ids')")))
        connection.execute(
            "INSERT INTO store.embeddings VALUES (?, ?, ?, ?)",
            [number, embedding.name, embedding.digest, embedding.dim],
        )
        create_vectors_table(connection, number, embedding.dim)
        return number
    if row[1] != embedding.dim:
        raise EmbeddingMismatch(
            f"the model's vectors had {row[1]} numbers before",
            value=f"{embedding.name} now makes {embedding.dim}",
            next_step="Check the model; a changed model must have a new digest.",
        )
    return int(row[0])


def insert_documents(
    connection: duckdb.DuckDBPyConnection,
    incoming: Sequence[Incoming],
    *,
    embedding: int,
    version: int,
) -> list[int]:
    """Add document rows in bulk and return their new ids."""
    ids = next_ids(connection, "store.document_ids", len(incoming))
    documents = [each.document for each in incoming]
    pages = [[[p.number, p.start, p.end] for p in d.pages] for d in documents]
    metadata = [json.dumps(dict(d.metadata), ensure_ascii=False) for d in documents]
    rows = {
        "id": ids,
        "uri": _texts([d.uri for d in documents]),
        "name": _texts([d.name for d in documents]),
        "media_type": _texts([d.media_type for d in documents]),
        "content_hash": _texts([d.content_hash for d in documents]),
        "fingerprint": _texts([each.fingerprint for each in incoming]),
        "label": _texts([d.label for d in documents]),
        "text": _texts([d.text for d in documents]),
        "metadata": _texts(metadata),
        "pages": _texts([json.dumps(each) for each in pages]),
        "masked": _texts([json.dumps(dict(d.masked)) for d in documents]),
        "embedding_id": _same(embedding, len(incoming)),
        "chunk_count": pa.array([len(each.chunks) for each in incoming], pa.int32()),
        "ingested_at": pa.array([now()] * len(incoming), pa.timestamp("us")),
        "added_in": _same(version, len(incoming)),
        "removed_in": pa.nulls(len(incoming), pa.int32()),
    }
    append(connection, "store.documents", pa.table(rows))
    numbers: list[int] = ids.to_pylist()
    return numbers


def insert_chunks(
    connection: duckdb.DuckDBPyConnection,
    chunks: Sequence[tuple[int, Chunk]],
    *,
    vectors: Vectors,
    embedding: int,
) -> None:
    """Add chunks, each with the id of its document, and their vectors (shape (n, dim)) in bulk."""
    if not chunks:
        return
    ids = next_ids(connection, "store.chunk_ids", len(chunks))
    owner = pa.array([number for number, _ in chunks], pa.int32())
    rows = {
        "id": ids,
        "document_id": owner,
        "ordinal": pa.array([c.ordinal for _, c in chunks], pa.int32()),
        "start_char": pa.array([c.start for _, c in chunks], pa.int32()),
        "end_char": pa.array([c.end for _, c in chunks], pa.int32()),
        "page": pa.array([c.page for _, c in chunks], pa.int32()),
        "heading": _texts([c.heading for _, c in chunks]),
        "text": _texts([c.text for _, c in chunks]),
    }
    append(connection, "store.chunks", pa.table(rows))
    flat = pa.array(np.ascontiguousarray(vectors).ravel(), pa.float32())
    column = pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1])
    append(
        connection,
        vectors_table(embedding),
        pa.table({"chunk_id": ids, "document_id": owner, "vector": column}),
    )


def _texts(values: Sequence[str]) -> pa.Array:
    return pa.array(values, pa.string())


def _same(value: int, count: int) -> pa.Array:
    return pa.array([value] * count, pa.int32())


def next_ids(connection: duckdb.DuckDBPyConnection, sequence: str, count: int) -> pa.Array:
    """``count`` new ids of a sequence, int32."""
    rows = connection.execute(
        f"SELECT nextval('{sequence}')::INTEGER AS id FROM range(?)", [count]
    ).fetchnumpy()
    return pa.array(rows["id"], pa.int32())


def append(connection: duckdb.DuckDBPyConnection, table: str, rows: pa.Table) -> None:
    """Add rows in bulk; their columns stand in the order of the table's."""
    connection.register("incoming", in_batches(rows))
    try:
        connection.execute(f"INSERT INTO {table} SELECT * FROM incoming")
    finally:
        connection.unregister("incoming")


def in_batches(rows: pa.Table) -> pa.Table:
    """The same rows in pieces that DuckDB shares out among its threads."""
    return pa.Table.from_batches(rows.to_batches(max_chunksize=ROW_GROUP_ROWS), rows.schema)


def fingerprints(connection: duckdb.DuckDBPyConnection, scope: Scope) -> dict[str, str]:
    """Fingerprint by uri of the visible documents."""
    rows = connection.execute(
        f"SELECT d.uri, d.fingerprint FROM store.documents d WHERE {_CURRENT} AND {IN_SCOPE}",
        scope_values(scope),
    ).fetchall()
    return dict(rows)


def stored(connection: duckdb.DuckDBPyConnection, scope: Scope) -> dict[str, StoredSource]:
    """What an ingest compares with, by uri, of the visible documents."""
    query = (
        "SELECT d.uri, d.fingerprint, d.name FROM store.documents d "
        f"WHERE {_CURRENT} AND {IN_SCOPE}"
    )
    rows = connection.execute(inlined(query, scope_values(scope))).fetchall()
    return {uri: StoredSource(fingerprint, name) for uri, fingerprint, name in rows}


def last_digest(connection: duckdb.DuckDBPyConnection, name: str) -> str | None:
    """The digest that the embedding model of this name had last; None if it never embedded."""
    query = "SELECT digest FROM store.embeddings WHERE name = ? ORDER BY id DESC LIMIT 1"
    row = connection.execute(inlined(query, [name])).fetchone()
    return None if row is None else str(row[0])


def infos(
    connection: duckdb.DuckDBPyConnection, scope: Scope, version: int | None = None
) -> list[DocumentInfo]:
    """The documents that are visible now, or were at ``version``, without their texts, by name."""
    source, values = f"SELECT d.* FROM store.documents d WHERE {IN_SCOPE}", scope_values(scope)
    existed = _CURRENT
    if version is not None:
        source, values = READABLE, [*readable_values(scope), version, version]
        existed = AT_VERSION
    rows = connection.execute(
        f"SELECT {_INFO_COLUMNS} FROM ({source}) d WHERE {existed} ORDER BY d.name, d.id", values
    ).fetchall()
    return [_info(row) for row in rows]


def _info(row: tuple[Any, ...]) -> DocumentInfo:
    number, uri, name, media_type, label, characters, pages, chunks, masked, ingested_at = row
    return DocumentInfo(
        id=number,
        uri=uri,
        name=name,
        media_type=media_type,
        label=label,
        characters=characters,
        pages=pages,
        chunks=chunks,
        masked=json.loads(masked),
        ingested_at=ingested_at.isoformat(timespec="milliseconds") + "Z",
    )


def text_of(
    connection: duckdb.DuckDBPyConnection,
    document_id: int,
    scope: Scope,
    version: int | None = None,
) -> MaskedDocument | None:
    """One document with its text, of any version or of ``version``; None if it is not there or not
    in scope; see ``READABLE``."""
    found = connection.execute(
        "SELECT uri FROM store.documents WHERE id = ?", [document_id]
    ).fetchone()
    if found is None:
        return None
    # The uri spares looking at the labels of all other sources.
    values = [*readable_values(scope), document_id, found[0]]
    existed = ""
    if version is not None:
        values += [version, version]
        existed = f"AND {AT_VERSION}"
    row = connection.execute(
        "SELECT d.uri, d.name, d.media_type, d.content_hash, d.text, d.label, d.pages, "
        f"d.metadata, d.masked FROM ({READABLE}) d WHERE d.id = ? AND d.uri = ? {existed}",
        values,
    ).fetchone()
    if row is None:
        return None
    uri, name, media_type, content_hash, text, label, pages, metadata, masked = row
    return MaskedDocument(
        uri=uri,
        name=name,
        media_type=media_type,
        content_hash=content_hash,
        text=text,
        label=label,
        pages=tuple(Page(number, start, end) for number, start, end in json.loads(pages)),
        metadata=json.loads(metadata),
        masked=json.loads(masked),
        id=document_id,
    )


def checked_vectors(incoming: Incoming, dim: int) -> Vectors:
    """The vectors as unit-length float32 rows.

    Raises:
        UsageError: if chunks and document disagree, or a vector is missing, not finite, zero or of
            the wrong length.
    """
    document, chunks = incoming.document, incoming.chunks
    for chunk in chunks:
        if document.text[chunk.start : chunk.end] != chunk.text:
            raise UsageError(
                "a chunk does not stand at its offsets",
                value=f"chunk {chunk.ordinal} of {document.name}",
                next_step="Chunk the masked text that is being stored.",
            )
    rows = np.asarray(incoming.vectors, dtype=np.float32)
    if not chunks and rows.size == 0:
        return rows.reshape(0, dim)
    if rows.shape != (len(chunks), dim):
        raise UsageError(
            f"there must be one vector of {dim} numbers per chunk",
            value=f"{len(chunks)} chunks, vectors of shape {rows.shape}",
            next_step="Embed the same chunks with the same model.",
        )
    return unit_rows(rows)


def unit_rows(rows: Vectors) -> Vectors:
    """Rows (shape (n, dim)) scaled to length 1.

    Raises:
        UsageError: if a row is zero or holds a number that is not finite.
    """
    lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows, dtype=np.float64))
    bad = np.flatnonzero(~np.isfinite(lengths) | (lengths == 0))
    if bad.size:
        raise UsageError(
            "a vector is zero or holds numbers that are not finite",
            value=f"vector {bad[0]} of {len(rows)}",
            next_step="Check the embedding model; nothing was stored.",
        )
    unit: Vectors = np.empty(rows.shape, np.float32)
    np.divide(rows, lengths[:, None], out=unit, casting="same_kind")
    return unit
