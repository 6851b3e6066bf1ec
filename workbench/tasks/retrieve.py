"""A question to hits: masked like the documents, embedded by the same model, searched in scope."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import get_args

import numpy as np

from workbench.errors import UsageError
from workbench.guard.run import Run
from workbench.models.governed import Models
from workbench.store.corpus import Corpus
from workbench.store.filters import AllOf, Filter, Not, Op, Where
from workbench.store.language import Parsed, parse, require_known
from workbench.store.matching import Similar
from workbench.store.records import Mode, SearchQuery, Vectors
from workbench.values import Hit

MAX_K = 1_000
MAX_QUERIES = 10_000
MODES: tuple[Mode, ...] = get_args(Mode)

_MAX_SIMILAR_CHARS = 20_000
"""Of a document's text; its beginning tells what it is about."""


@dataclass(frozen=True, slots=True)
class Lookup:
    """How many hits are wanted, by which searches, and of which documents."""

    k: int = 10
    mode: str = "hybrid"
    where: Filter | None = None


def retrieve(
    run: Run,
    corpus: Corpus,
    models: Models,
    masked_question: str,
    *,
    k: int,
    mode: str = "hybrid",
) -> tuple[Hit, ...]:
    """The ``k`` best hits for an already masked plain question, best first.

    Raises:
        UsageError: if ``k`` is not between 1 and 1,000.
        EmbeddingMismatch: if the corpus was embedded by another model.
    """
    lookup = Lookup(k, mode)
    require_lookup(lookup)
    return _found(run, corpus, models, [Parsed(masked_question)], lookup)[0]


def search(
    run: Run, corpus: Corpus, models: Models, masked: Sequence[str], lookup: Lookup
) -> list[tuple[Hit, ...]]:
    """The best hits for each of the masked queries, which are read as ``store.language`` says.

    All are embedded in one batch.

    Raises:
        UsageError: if ``lookup`` cannot be used.
        QueryError: if a filter names an unknown field or a field has a value it cannot have.
        EmbeddingMismatch: if the corpus was embedded by another model.
    """
    require_lookup(lookup)
    if lookup.where is not None:
        require_known(lookup.where, corpus.metadata_keys(run))
    parsed = [parse(text, lambda: corpus.metadata_keys(run)) for text in masked]
    return _found(run, corpus, models, parsed, lookup)


def more_like(
    run: Run, corpus: Corpus, models: Models, like: int | Hit, lookup: Lookup
) -> tuple[Hit, ...]:
    """The chunks of other documents that are most like a document or a hit.

    By keywords, what counts are the words that tell it apart (tantivy's more-like-this, after
    Lucene's); by vectors, the hit's text or the beginning of the document.

    Raises:
        UsageError: if there is no such document.
        AccessDenied: if it is not in scope.
        EmbeddingMismatch: if the corpus was embedded by another model.
    """
    require_lookup(lookup)
    document_id = like.chunk.document_id if isinstance(like, Hit) else like
    # Read again even for a hit: it may come from another session or an earlier scope.
    document = corpus.document(run, document_id)
    if isinstance(like, Hit):
        text = document.text[like.chunk.start : like.chunk.end]
    else:
        text = document.text[:_MAX_SIMILAR_CHARS]
    others = (Not(Where("id", Op.EQ, document_id)), Not(Where("uri", Op.EQ, document.uri)))
    where = AllOf((*others, *([lookup.where] if lookup.where else [])))
    if lookup.where is not None:
        require_known(lookup.where, corpus.metadata_keys(run))
    parsed = Parsed(text, match=Similar(text))
    return _found(run, corpus, models, [parsed], replace(lookup, where=where))[0]


def _found(
    run: Run, corpus: Corpus, models: Models, parsed: Sequence[Parsed], lookup: Lookup
) -> list[tuple[Hit, ...]]:
    if not parsed or corpus.is_empty(run):
        return [() for _ in parsed]
    queries = [_query(one, lookup) for one in parsed]
    embedded = [at for at, query in enumerate(queries) if query.mode != "keyword"]
    if embedded:
        digest = models.digest(models.config.embedding)
        vectors: Vectors = np.asarray(models.embed(run, [queries[at].text for at in embedded]))
        for at, vector in zip(embedded, vectors, strict=True):
            queries[at] = replace(queries[at], vector=vector, embedding=digest)
    groups: dict[tuple[str, str], list[int]] = {}
    for at, query in enumerate(queries):
        groups.setdefault((query.mode, repr(query.where)), []).append(at)
    hits: dict[int, tuple[Hit, ...]] = {}
    for places in groups.values():
        found = corpus.search_many(run, [queries[at] for at in places])
        hits.update(zip(places, found, strict=True))
    return [hits[at] for at in range(len(queries))]


def _query(parsed: Parsed, lookup: Lookup) -> SearchQuery:
    parts = [part for part in (lookup.where, parsed.where) if part is not None]
    where = AllOf(tuple(parts)) if len(parts) > 1 else (parts[0] if parts else None)
    # Without a word there is nothing to embed: what the conditions leave is listed.
    mode = lookup.mode if parsed.words.strip() else "keyword"
    return SearchQuery(
        parsed.words,
        k=lookup.k,
        mode=next(known for known in MODES if known == mode),
        where=where,
        match=parsed.match,
    )


def require_lookup(lookup: Lookup) -> None:
    """Raises UsageError if k or the mode are out of range."""
    k, mode = lookup.k, lookup.mode
    if not 1 <= k <= MAX_K:
        raise UsageError("k is out of range", value=k, next_step=f"Ask for 1 to {MAX_K:,} hits.")
    if mode not in MODES:
        raise UsageError(
            "there is no such search mode", value=mode, next_step=f"Use one of {', '.join(MODES)}."
        )


def require_question(question: str, max_chars: int) -> str:
    """The question without surrounding space.

    Raises:
        UsageError: if it is empty or longer than ``max_chars``.
    """
    stripped = question.replace("\x00", " ").strip()
    if not stripped:
        raise UsageError("the question is empty", next_step="Write a question.")
    if len(stripped) > max_chars:
        raise UsageError(
            "the question is too long",
            value=f"{len(stripped):,} characters, at most {max_chars:,}",
            next_step="Ask a shorter question, or ingest the long text as a document.",
        )
    return stripped
