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
    chosen: list[int] = []
    if every_section:
        best: dict[str, int] = {}
        for row, section in enumerate(sections):
            if section not in best or scores[row] > scores[best[section]]:
                best[section] = row
        chosen = sorted(best.values(), key=lambda row: -scores[row])[:count]
    repeated = np.full(len(vectors), -1.0, dtype=np.float32)
    for row in chosen:
        repeated = np.maximum(repeated, vectors @ vectors[row])
    while len(chosen) < count:
        gain = scores - REPETITION_WEIGHT * repeated
        gain[chosen] = -np.inf
        row = int(np.argmax(gain))
        chosen.append(row)
        repeated = np.maximum(repeated, vectors @ vectors[row])
    return sorted(chosen)
