"""Whether the sources are about the question at all, before anything is written.

A grounded model rarely says that it does not know. What tells answerable from unanswerable
questions best is how near the best passage is; where none is near but one holds the question's
words, as rows of tables do, the model gives a verdict on it. The thresholds belong to
all-MiniLM-L6-v2; docs/decisions/0004-abstention.md has the figures.
"""

from __future__ import annotations

from collections.abc import Sequence

from workbench.guard.run import Run
from workbench.models.governed import Models
from workbench.models.messages import ChatRequest
from workbench.prompts.registry import load_prompt
from workbench.tasks.attribute import coverage
from workbench.values import Hit

NEAR = 0.55
"""From this similarity of question and best passage on the corpus is about the question."""

SAME_WORDS = 0.6
"""Rows of tables and receipts are far from any question in vector space; a passage that holds this
share of the question's content words is worth a verdict all the same."""


FOCUS_NEAR = 0.25
"""From this similarity on a passage may be about what a summary looks for, which is often a topic
of a few words and so farther away than a question. Ten subjects such as penguins came to .22 at
most, to 40 pages of a handbook and to ten meetings; 95 in 100 queries about a meeting to .33 at
least in their own."""


def is_about(focus: str, similarities: Sequence[float], hits: Sequence[Hit]) -> bool:
    """Whether any of ``hits`` is about the focus: near it (``similarities``, cosines, go with the
    hits), or with most of its words."""
    near = max(similarities, default=0.0) >= FOCUS_NEAR
    return near or any(_shared(focus, hit) >= SAME_WORDS for hit in hits)


def is_answerable(
    run: Run, models: Models, question: str, hits: Sequence[Hit], *, model: str
) -> bool:
    """Whether ``hits`` may hold the answer; asks the model only where words speak against vectors.

    Raises:
        ModelError, BudgetExceeded: from the verdict's model call.
    """
    if any(similarity(hit) >= NEAR for hit in hits):
        return True
    best = max(hits, key=lambda hit: _shared(question, hit), default=None)
    if best is None or _shared(question, best) < SAME_WORDS:
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
