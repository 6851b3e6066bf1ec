"""Whether the sources are about the question at all, before anything is written.

A grounded model rarely says that it does not know. What tells answerable from unanswerable
questions is how near the best passage is, and, between near and far, the model's verdict on it.
The thresholds are cosines of all-MiniLM-L6-v2; docs/decisions/0004-abstention.md has the figures.
"""

from __future__ import annotations

from collections.abc import Sequence

from workbench.guard.run import Run
from workbench.models.governed import Models
from workbench.models.messages import ChatRequest
from workbench.prompts.registry import load_prompt
from workbench.tasks.attribute import coverage
from workbench.values import Hit

FAR = 0.45
"""Below this similarity no passage is about the question, unless its words say otherwise."""

NEAR = 0.62
"""From this similarity on the best passage is about the question, whatever the model says."""

SAME_WORDS = 0.6
"""Rows of tables and receipts are far from any question in vector space; a passage that holds this
share of the question's content words is worth a verdict all the same."""


def is_answerable(
    run: Run, models: Models, question: str, hits: Sequence[Hit], *, model: str
) -> bool:
    """Whether ``hits`` may hold the answer; asks the model only between far and near.

    Raises:
        ModelError, BudgetExceeded: from the verdict's model call.
    """
    best = max(hits, key=similarity, default=None)
    if best is None:
        return False
    if similarity(best) >= NEAR:
        return True
    if similarity(best) < FAR:
        best = max(hits, key=lambda hit: _shared(question, hit))
        if _shared(question, best) < SAME_WORDS:
            return False
    prompt = load_prompt("relevance")
    passage = f"{best.document}\n{best.chunk.heading}\n{best.chunk.text}"
    request = ChatRequest(
        model=model,
        system=prompt.system,
        user=prompt.fill({"sources": passage, "question": question}),
        schema=None,
        max_tokens=prompt.max_tokens,
        prompt_version=prompt.version,
    )
    return models.chat(run, request).text.strip().casefold().startswith("yes")


def _shared(question: str, hit: Hit) -> float:
    return coverage(question, f"{hit.document} {hit.chunk.heading} {hit.chunk.text}")


def similarity(hit: Hit) -> float:
    """The hit's cosine to the question; 0 where only keywords found it."""
    return hit.similarity or 0.0
