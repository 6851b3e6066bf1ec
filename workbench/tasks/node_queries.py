"""What a vector store is asked for, searched in the corpus."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from workbench.errors import UsageError
from workbench.guard.run import Run
from workbench.store.filters import AllOf, AnyOf, Filter, Not, Op, Where, metadata_key
from workbench.store.nodes import NODE_ID, REF_DOC_ID, NodeQuery
from workbench.store.records import SearchQuery, Vectors
from workbench.store.search import DEPTH, RANK_CONSTANT
from workbench.tasks.nodes import NodeEmbedding, NodeRooms
from workbench.values import Hit

_MMR_DEPTH = 100


def query_nodes(
    run: Run, rooms: NodeRooms, wanted: NodeQuery, *, label: str | None
) -> list[tuple[Hit, str | None]]:
    """The hits for a vector store's query, each with what is kept of the node that it came as.

    Raises:
        UsageError: if the mode needs words or a vector and there are none.
        EmbeddingMismatch: if documents were embedded by another model.
        AccessDenied, ModelError, StoreError.
    """
    where = masked_filter(rooms, wanted.where or AllOf(()), label)
    if label is not None:
        where = AllOf((Where("label", Op.EQ, label), where))
    text = rooms.masker.mask_text(wanted.text, label=label) if wanted.text else ""
    if wanted.mode in ("keyword", "hybrid") and not text:
        raise UsageError(
            f"a {wanted.mode} search needs words",
            next_step="Give query_str, or use the default mode.",
        )
    if rooms.corpus.is_empty(run):
        return []
    found = _hits(run, rooms, replace(wanted, text=text, where=where))
    kept = rooms.corpus.nodes.extras(run, [hit.chunk.document_id for hit in found])
    return [(hit, kept.get(hit.chunk.document_id)) for hit in found]


def masked_filter(rooms: NodeRooms, where: Filter, label: str | None) -> Filter:
    """The filter with the texts it compares metadata to masked as the metadata are."""
    if isinstance(where, AllOf | AnyOf):
        return type(where)(tuple(masked_filter(rooms, part, label) for part in where.parts))
    if isinstance(where, Not):
        return Not(masked_filter(rooms, where.part, label))
    key = metadata_key(where.field)
    if key is None or key in (NODE_ID, REF_DOC_ID):
        return where

    def masked(value: Any) -> Any:
        return rooms.masker.mask_text(value, label=label) if isinstance(value, str) else value

    if isinstance(where.value, list | tuple):
        return replace(where, value=[masked(value) for value in where.value])
    return replace(where, value=masked(where.value))


def _hits(run: Run, rooms: NodeRooms, wanted: NodeQuery) -> Sequence[Hit]:
    search = SearchQuery(wanted.text, k=wanted.k, mode="keyword", where=wanted.where)
    weight = 0.5 if wanted.alpha is None else wanted.alpha
    if wanted.mode == "keyword" or (wanted.mode == "hybrid" and weight == 0):
        return rooms.corpus.search(run, search)
    vector = _question_vector(run, rooms.embedding, wanted)
    digest = rooms.embedding.info(run, len(vector)).digest
    search = replace(search, mode="vector", vector=vector, embedding=digest)
    if wanted.mode == "mmr":
        return _diverse(run, rooms, search, wanted.mmr_threshold)
    if wanted.mode == "vector" or weight == 1:
        return rooms.corpus.search(run, search)
    if weight == 0.5:
        return rooms.corpus.search(run, replace(search, mode="hybrid"))
    return _weighted(run, rooms, search, weight)


def _question_vector(run: Run, embedding: NodeEmbedding, wanted: NodeQuery) -> Vectors:
    # A vector that comes along may stand for the question before masking: with the workspace's own
    # model it is made anew from the masked words.
    if wanted.vector is not None and (embedding.made_arriving_vectors or not wanted.text):
        return np.asarray(wanted.vector, np.float32)
    if not wanted.text:
        raise UsageError(
            f"a {wanted.mode} search needs a vector or words",
            next_step="Give query_embedding or query_str.",
        )
    return embedding.embed_question(run, wanted.text)


def _weighted(run: Run, rooms: NodeRooms, search: SearchQuery, alpha: float) -> list[Hit]:
    """Rank fusion with weight ``alpha`` on the vectors, and the rest on the keywords."""
    if not 0 <= alpha <= 1:
        raise UsageError("alpha is out of range", value=alpha, next_step="Give 0 to 1.")
    scores: dict[int, float] = {}
    hits: dict[int, Hit] = {}
    deep = replace(search, k=max(search.k, DEPTH))
    for query, weight in ((deep, alpha), (replace(deep, mode="keyword"), 1 - alpha)):
        for rank, hit in enumerate(rooms.corpus.search(run, query), start=1):
            scores[hit.chunk.id] = scores.get(hit.chunk.id, 0) + weight / (RANK_CONSTANT + rank)
            hits.setdefault(hit.chunk.id, hit)
    best = sorted(scores.items(), key=lambda item: (-item[1], item[0]))[: search.k]
    return [replace(hits[number], score=score) for number, score in best]


def _diverse(run: Run, rooms: NodeRooms, search: SearchQuery, threshold: float | None) -> list[Hit]:
    """Maximal marginal relevance (Carbonell and Goldstein, 1998) over the nearest hits."""
    from llama_index.core.indices.query.embedding_utils import get_top_k_mmr_embeddings

    depth = max(_MMR_DEPTH, 4 * search.k)
    hits = {hit.chunk.id: hit for hit in rooms.corpus.search(run, replace(search, k=depth))}
    vectors = rooms.corpus.nodes.vectors(run, list(hits), search.embedding)
    ids = [number for number in hits if number in vectors]
    if not ids or search.vector is None:
        return []
    unit = search.vector / np.linalg.norm(search.vector)
    scores, order = get_top_k_mmr_embeddings(
        unit.tolist(),
        [vectors[number].tolist() for number in ids],
        similarity_top_k=search.k,
        embedding_ids=ids,
        mmr_threshold=threshold,
    )
    return [
        replace(hits[number], score=float(score))
        for number, score in zip(order, scores, strict=True)
    ]
