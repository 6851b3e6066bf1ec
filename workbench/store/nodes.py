"""LlamaIndex nodes in the corpus: each node is a document of one chunk.

So a node has everything a document has: a label, a place in searches, filters and SQL views,
citations, versions. Its uri is ``llama-index://<label>/<node id>``; a node that is added again
replaces its former version. What only LlamaIndex needs to build the node again is its ``extras``.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pydantic_core

from workbench.errors import UsageError
from workbench.guard.run import Run
from workbench.store.database import Database
from workbench.store.documents import (
    IN_SCOPE,
    append,
    embedding_id,
    in_batches,
    next_ids,
    now,
    scope_values,
    unit_rows,
)
from workbench.store.filters import AllOf, Filter, Op, Where, compile_filter
from workbench.store.migrations import vectors_table
from workbench.store.payloads import Payloads
from workbench.store.records import EmbeddingInfo, Vectors
from workbench.store.subjects import require_none_retired
from workbench.store.versions import advance

NODE_TYPE = "application/x-llama-index-node"
"""The media type of documents that came as nodes."""

NODE_ID = "_node_id"
REF_DOC_ID = "_ref_doc_id"
"""Metadata keys of ours, beside the node's own."""

_INCOMING = "incoming_nodes"


@dataclass(frozen=True, slots=True)
class MaskedNode:
    """A node after masking. ``metadata`` are JSON values; ``extras`` has no text of documents."""

    node_id: str
    ref_doc_id: str
    name: str
    text: str
    metadata: Mapping[str, Any]
    extras: str = "{}"
    masked: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class NodeQuery:
    """What a vector store is asked for. ``mode`` is vector, mmr, hybrid or keyword.

    ``alpha`` weighs a hybrid search: 0 is keywords alone, 1 vectors alone. ``mmr_threshold`` of 1
    ranks by similarity alone, towards 0 by how much a node differs from those before it.
    """

    text: str = ""
    vector: Sequence[float] | None = None
    k: int = 10
    mode: str = "vector"
    where: Filter | None = None
    alpha: float | None = None
    mmr_threshold: float | None = None


def node_uri(label: str, node_id: str) -> str:
    """The uri of a node's document."""
    return f"llama-index://{label}/{node_id}"


class Nodes:
    """The nodes of a label. Every method raises AccessDenied once the run has ended."""

    def __init__(
        self, database: Database, payloads: Payloads, forgotten: Callable[[], None]
    ) -> None:
        """``forgotten`` is called when somebody turns out to have been."""
        self._database = database
        self._payloads = payloads
        self._forgotten = forgotten

    def put(
        self,
        run: Run,
        nodes: Sequence[MaskedNode],
        *,
        label: str,
        vectors: Vectors,
        embedding: EmbeddingInfo,
    ) -> None:
        """Store nodes in one transaction; those with a known id replace their former version.

        ``vectors`` has shape (len(nodes), embedding.dim).

        Raises:
            AccessDenied: if the run may not write the label.
            UsageError: if vectors and nodes do not fit together.
            StoreError: if somebody in them was forgotten since they were masked.
        """
        run.require_write(label)
        rows = np.asarray(vectors, np.float32)
        if rows.shape != (len(nodes), embedding.dim):
            raise UsageError(
                f"there must be one vector of {embedding.dim} numbers per node",
                value=f"{len(nodes)} nodes, vectors of shape {rows.shape}",
                next_step="Embed all nodes with one model.",
            )
        unit = unit_rows(rows)
        if not nodes:
            return
        last = {node.node_id: at for at, node in enumerate(nodes)}
        if len(last) < len(nodes):
            kept = sorted(last.values())
            nodes, unit = [nodes[at] for at in kept], unit[kept]
        documents = _documents(nodes, label)

        def store(connection: duckdb.DuckDBPyConnection) -> None:
            require_none_retired(connection, map(_texts_of, nodes), self._forgotten)
            version = advance(connection, run.id)
            model = embedding_id(connection, embedding)
            ids = _insert_vectors(connection, unit, model)
            _insert(connection, documents, ids, model=model, version=version)

        self._database.write(store)

    def remove(self, run: Run, label: str, where: Filter) -> int:
        """Hide the nodes of a label for which ``where`` holds. Returns how many there were.

        Raises:
            AccessDenied: if the run may not write the label.
            QueryError: if the filter cannot be used.
        """
        run.require_write(label)
        predicate, values = _of_label(label, where)

        def hide(connection: duckdb.DuckDBPyConnection) -> int:
            found = connection.execute(
                "SELECT count(*) FROM store.documents d WHERE d.removed_in IS NULL "
                f"AND {predicate}",
                values,
            ).fetchone()
            count = 0 if found is None else int(found[0])
            if count:
                _hide(connection, predicate, values, advance(connection, run.id))
            return count

        return self._database.write(hide)

    def find(self, run: Run, label: str | None, where: Filter) -> list[MaskedNode]:
        """Nodes of a label, or of all in scope, for which ``where`` holds, in order of adding.

        Raises:
            QueryError: if the filter cannot be used.
        """
        run.require_open()
        predicate, values = _of_label(label, where)
        query = (
            "SELECT d.name, d.text, d.metadata, d.masked, n.extras FROM store.documents d "
            "JOIN store.nodes n ON n.document_id = d.id "
            f"WHERE d.removed_in IS NULL AND {predicate} AND {IN_SCOPE} ORDER BY d.id"
        )
        rows = self._database.read(
            lambda c: c.execute(query, [*values, *scope_values(run.scope)]).fetchall()
        )
        return [masked_node(*row) for row in rows]

    def extras(self, run: Run, document_ids: Sequence[int]) -> dict[int, str]:
        """By document id: what is needed to build the node again, its metadata included.

        Documents that did not come as nodes are not in it. The ids are those of hits, which the
        search found in scope.
        """
        run.require_open()
        found = self._payloads.kept(document_ids)
        missing = [number for number in document_ids if number not in found]
        if missing:
            query = (
                "SELECT d.id, json_object('metadata', d.metadata, 'extras', n.extras::JSON) "
                "FROM store.documents d LEFT JOIN store.nodes n ON n.document_id = d.id "
                f"WHERE d.id IN (SELECT unnest(?::INTEGER[])) AND {IN_SCOPE}"
            )
            values = [missing, *scope_values(run.scope)]
            found.update(self._database.read(lambda c: c.execute(query, values).fetchall()))
        return found

    def vectors(self, run: Run, chunk_ids: Sequence[int], embedding: str) -> dict[int, Vectors]:
        """The unit vectors (dim,) of chunks by the model with the digest ``embedding``."""
        run.require_open()

        def read(connection: duckdb.DuckDBPyConnection) -> dict[int, Vectors]:
            model = connection.execute(
                "SELECT id FROM store.embeddings WHERE digest = ?", [embedding]
            ).fetchone()
            if model is None:
                return {}
            rows = connection.execute(
                f"SELECT v.chunk_id, v.vector FROM {vectors_table(model[0])} v "
                "JOIN store.documents d ON d.id = v.document_id "
                f"WHERE v.chunk_id IN (SELECT unnest(?::INTEGER[])) AND {IN_SCOPE}",
                [list(chunk_ids), *scope_values(run.scope)],
            ).fetchall()
            return {row[0]: np.asarray(row[1], np.float32) for row in rows}

        return self._database.read(read)


def _of_label(label: str | None, where: Filter) -> tuple[str, list[Any]]:
    """The predicate for the nodes of a label, or of any, that also pass ``where``."""
    ours: tuple[Filter, ...] = (Where("media_type", Op.EQ, NODE_TYPE), where)
    if label is not None:
        ours = (Where("label", Op.EQ, label), *ours)
    return compile_filter(AllOf(ours))


def _hide(
    connection: duckdb.DuckDBPyConnection, predicate: str, values: Iterable[Any], version: int
) -> None:
    connection.execute(
        "UPDATE store.documents AS d SET removed_in = ? "
        f"WHERE d.removed_in IS NULL AND {predicate}",
        [version, *values],
    )


def _documents(nodes: Sequence[MaskedNode], label: str) -> pa.Table:
    hashes = [hashlib.sha256(node.text.encode()).hexdigest() for node in nodes]
    columns = {
        "uri": [node_uri(label, node.node_id) for node in nodes],
        "name": [node.name for node in nodes],
        "label": [label] * len(nodes),
        "content_hash": hashes,
        "text": [node.text for node in nodes],
        "metadata": [
            _json({**node.metadata, NODE_ID: node.node_id, REF_DOC_ID: node.ref_doc_id})
            for node in nodes
        ],
        "masked": [_json(dict(node.masked)) if node.masked else "{}" for node in nodes],
        "extras": [node.extras for node in nodes],
    }
    return pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})


def _texts_of(node: MaskedNode) -> tuple[str, Iterable[str]]:
    return node.name, (node.text, _json(dict(node.metadata)), node.extras)


def _json(values: dict[str, Any]) -> str:
    # Three times as fast as the standard library's, which shows with a hundred thousand nodes.
    return pydantic_core.to_json(values, inf_nan_mode="constants").decode()


@contextlib.contextmanager
def _registered(connection: duckdb.DuckDBPyConnection, documents: pa.Table) -> Iterator[None]:
    connection.register(_INCOMING, in_batches(documents))
    try:
        yield
    finally:
        connection.unregister(_INCOMING)


def _insert_vectors(
    connection: duckdb.DuckDBPyConnection, vectors: Vectors, model: int
) -> tuple[pa.Array, pa.Array]:
    """Returns the new ids of documents and of chunks."""
    count, dim = vectors.shape
    ids = next_ids(connection, "store.document_ids", count)
    chunk_ids = next_ids(connection, "store.chunk_ids", count)
    flat = pa.array(np.ascontiguousarray(vectors).ravel(), pa.float32())
    column = pa.FixedSizeListArray.from_arrays(flat, dim)
    rows = pa.table({"chunk_id": chunk_ids, "document_id": ids, "vector": column})
    append(connection, vectors_table(model), rows)
    return ids, chunk_ids


def _insert(
    connection: duckdb.DuckDBPyConnection,
    documents: pa.Table,
    ids: tuple[pa.Array, pa.Array],
    *,
    model: int,
    version: int,
) -> None:
    document_ids, chunk_ids = ids
    with _registered(connection, documents.append_column("id", document_ids)):
        _hide(connection, f"d.uri IN (SELECT uri FROM {_INCOMING})", (), version)
        connection.execute(
            "INSERT INTO store.documents (id, uri, name, media_type, content_hash, fingerprint, "
            "label, text, metadata, pages, masked, embedding_id, chunk_count, ingested_at, "
            "added_in, removed_in) SELECT id, uri, name, ?, content_hash, '', label, "
            f"text, metadata, '[]', masked, ?, 1, ?, ?, NULL FROM {_INCOMING}",
            [NODE_TYPE, model, now(), version],
        )
        connection.execute(f"INSERT INTO store.nodes SELECT id, extras FROM {_INCOMING}")
    count = documents.num_rows
    chunks = {
        "id": chunk_ids,
        "document_id": document_ids,
        "ordinal": pa.array(np.zeros(count, np.int32)),
        "start_char": pa.array(np.zeros(count, np.int32)),
        "end_char": pc.utf8_length(documents["text"]),
        "page": pa.nulls(count, pa.int32()),
        "heading": pa.array([""] * count, pa.string()),
        "text": documents["text"],
    }
    append(connection, "store.chunks", pa.table(chunks))


def masked_node(name: str, text: str, metadata: str, masked: str, extras: str) -> MaskedNode:
    """A node from the columns that hold it."""
    values = json.loads(metadata)
    node_id, ref_doc_id = values.pop(NODE_ID), values.pop(REF_DOC_ID)
    return MaskedNode(node_id, ref_doc_id, name, text, values, extras, json.loads(masked))
