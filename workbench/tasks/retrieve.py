"""A question to hits: masked like the documents, embedded by the same model, searched in scope."""

from __future__ import annotations

from typing import get_args

from workbench.errors import UsageError
from workbench.guard.run import Run
from workbench.models.governed import Models
from workbench.store.corpus import Corpus
from workbench.store.records import Mode, SearchQuery
from workbench.values import Hit

MAX_K = 1_000
MODES: tuple[Mode, ...] = get_args(Mode)


def retrieve(
    run: Run,
    corpus: Corpus,
    models: Models,
    masked_question: str,
    *,
    k: int,
    mode: str = "hybrid",
) -> tuple[Hit, ...]:
    """The ``k`` best hits for an already masked question, best first.

    Raises:
        UsageError: if ``k`` is not between 1 and 1,000.
        EmbeddingMismatch: if the corpus was embedded by another model.
    """
    if not 1 <= k <= MAX_K:
        raise UsageError("k is out of range", value=k, next_step=f"Ask for 1 to {MAX_K:,} hits.")
    if mode not in MODES:
        raise UsageError(
            "there is no such search mode", value=mode, next_step=f"Use one of {', '.join(MODES)}."
        )
    if corpus.version(run) == 0:
        return ()
    if mode == "keyword":
        return corpus.search(run, SearchQuery(masked_question, k=k, mode=mode))
    model = models.config.embedding
    vector = models.embed(run, [masked_question])[0]
    query = SearchQuery(
        masked_question, vector=vector, k=k, mode=mode, embedding=models.digest(model)
    )
    return corpus.search(run, query)


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
