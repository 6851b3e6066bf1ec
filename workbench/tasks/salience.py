"""Which chunks stand for a text: central ones, near the focus, that do not say the same twice.

Centrality is the mean similarity to the rest (degree centrality, as LexRank's first form: Erkan and
Radev, JAIR 22, 2004); the choice is by maximal marginal relevance (Carbonell and Goldstein, SIGIR
1998), with a share for every section so that no part of a long document goes unread.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

REPETITION_WEIGHT = 0.4
"""How much likeness to what is already chosen counts against a chunk."""

FOCUS_WEIGHT = 0.8
"""How much nearness to the focus counts against centrality, where there is a focus."""

_SAMPLE = 512


def salience(
    vectors: NDArray[np.float32], focus: NDArray[np.float32] | None = None
) -> NDArray[np.float32]:
    """A score per row of ``vectors`` (n, dim), which are L2-normalised; ``focus`` is (dim,)."""
    centre = vectors[:: max(1, len(vectors) // _SAMPLE)].mean(axis=0)
    central = vectors @ centre
    if focus is None:
        return np.asarray(central, dtype=np.float32)
    near = vectors @ focus
    return np.asarray(FOCUS_WEIGHT * near + (1 - FOCUS_WEIGHT) * central, dtype=np.float32)


def choose(
    vectors: NDArray[np.float32],
    scores: NDArray[np.float32],
    sections: Sequence[str],
    *,
    count: int,
    every_section: bool = True,
) -> list[int]:
    """At most ``count`` row numbers, ascending.

    With ``every_section`` the best chunk of each section goes first (of the best sections, where
    there are more than ``count``); the rest are the most salient that repeat least.
    """
    if count >= len(vectors):
        return list(range(len(vectors)))
    order = ranked(vectors, scores, sections, count=count, every_section=every_section)
    return sorted(row for row, _ in order)


def ranked(
    vectors: NDArray[np.float32],
    scores: NDArray[np.float32],
    sections: Sequence[str],
    *,
    count: int,
    every_section: bool = True,
) -> list[tuple[int, float]]:
    """At most ``count`` row numbers as ``choose`` takes them, each with its gain: its score less
    what it repeats of those before it."""
    chosen: list[tuple[int, float]] = []
    if every_section:
        best: dict[str, int] = {}
        for row, section in enumerate(sections):
            if section not in best or scores[row] > scores[best[section]]:
                best[section] = row
        first = sorted(best.values(), key=lambda row: -scores[row])[:count]
        chosen = [(row, float(scores[row])) for row in first]
    repeated = np.full(len(vectors), -1.0, dtype=np.float32)
    left = np.ones(len(vectors), dtype=bool)
    for row, _ in chosen:
        repeated = np.maximum(repeated, vectors @ vectors[row])
        left[row] = False
    while len(chosen) < min(count, len(vectors)):
        gain = np.where(left, scores - REPETITION_WEIGHT * repeated, -np.inf)
        row = int(np.argmax(gain))
        chosen.append((row, float(gain[row])))
        left[row] = False
        repeated = np.maximum(repeated, vectors @ vectors[row])
    return chosen
