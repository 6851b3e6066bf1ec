"""Which parts of a document a model is shown, so that a long one is read where it matters.

A short document is one window. Of a long one each window joins passages: its beginning, where
documents say what they are, and those that rank best for the fields asked for.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

GAP = "\n[...]\n"
HEAD_CHARS = 1_200
_RANK_CONSTANT = 10
_WORD = re.compile(r"\w{3,}")


@dataclass(frozen=True, slots=True)
class Passage:
    """Characters ``start`` to ``end``; ``similarities`` holds a cosine for each query."""

    start: int
    end: int
    similarities: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Window:
    """What is shown: disjoint spans of the document in order."""

    spans: tuple[tuple[int, int], ...]

    def shown(self, text: str) -> str:
        """The text of the spans, with a mark where something was left out."""
        return GAP.join(text[start:end].strip("\n") for start, end in self.spans)

    @property
    def chars(self) -> int:
        return sum(end - start for start, end in self.spans)


def chosen(
    text: str, passages: Sequence[Passage], queries: Sequence[str], *, max_chars: int, most: int
) -> list[Window]:
    """Up to ``most`` windows of at most ``max_chars``, the most promising first.

    ``passages`` cover the document in order, ``similarities`` aligned with ``queries``. All of a
    text that fits is one window.
    """
    if len(text) <= max_chars or not passages:
        return [Window(((0, min(len(text), max_chars)),))]
    left = _by_rank(text, passages, queries)
    most_head = min(HEAD_CHARS, max_chars // 2)
    head = [i for i, p in enumerate(passages) if p.end <= most_head] or [0]
    windows: list[Window] = []
    for _ in range(most):
        picked = head if not windows else []
        room = max_chars - sum(_size(passages[i], max_chars) for i in picked)
        for index in left:
            size = _size(passages[index], max_chars)
            if index not in picked and (size <= room or not picked):
                picked = [*picked, index]
                room -= size
        if not picked:
            break
        left = [index for index in left if index not in picked]
        windows.append(Window(merged([_bounded(passages[i], max_chars) for i in picked])))
    return windows


def consecutive(
    text: str, passages: Sequence[Passage], queries: Sequence[str], *, max_chars: int, most: int
) -> list[Window]:
    """Windows for rows that stand anywhere: runs of passages in reading order, at most ``most``,
    those kept that rank best if there are more. Neighbours share a passage, so that a row on the
    border is whole in one of them."""
    if len(text) <= max_chars or not passages:
        return [Window(((0, min(len(text), max_chars)),))]
    ranks = {index: rank for rank, index in enumerate(_by_rank(text, passages, queries))}
    runs: list[list[int]] = [[]]
    for index in range(len(passages)):
        first = passages[runs[-1][0]].start if runs[-1] else passages[index].start
        if runs[-1] and passages[index].end - first > max_chars:
            overlap = runs[-1][-1:] if len(runs[-1]) > 1 else []
            runs.append(overlap)
        runs[-1].append(index)
    best = sorted(range(len(runs)), key=lambda n: min(ranks[i] for i in runs[n]))[:most]
    return [
        Window(merged([_bounded(passages[i], max_chars) for i in runs[n]])) for n in sorted(best)
    ]


def _size(passage: Passage, max_chars: int) -> int:
    return min(passage.end - passage.start, max_chars) + len(GAP)


def _bounded(passage: Passage, max_chars: int) -> tuple[int, int]:
    return passage.start, min(passage.end, passage.start + max_chars)


def merged(spans: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """The spans in order, joined where they touch or overlap."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1] + 2:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return tuple(joined)


def read_share(windows: Sequence[Window], text: str) -> float:
    """The part of the text that the windows show, 0 to 1."""
    spans = merged([span for window in windows for span in window.spans])
    return min(1.0, sum(end - start for start, end in spans) / max(len(text), 1))


def _by_rank(text: str, passages: Sequence[Passage], queries: Sequence[str]) -> list[int]:
    """Indices of passages, in turn the best of each query: no field crowds the others out.

    A query's ranking fuses cosine and rare shared words by reciprocal ranks (Cormack 2009).
    """
    words = [Counter(_words(text[p.start : p.end])) for p in passages]
    documents: Counter[str] = Counter(word for counted in words for word in counted)
    orders = []
    for number, query in enumerate(queries):
        wanted = set(_words(query))
        rare = [
            sum(
                math.log(1 + len(passages) / documents[w]) * counted[w] / (counted[w] + 1)
                for w in wanted
                if w in counted
            )
            for counted in words
        ]
        close = [p.similarities[number] if p.similarities else 0.0 for p in passages]
        fused = [a + b for a, b in zip(_reciprocal(rare), _reciprocal(close), strict=True)]
        orders.append(sorted(range(len(passages)), key=lambda i: (-fused[i], i)))
    turns = [index for turn in zip(*orders, strict=True) for index in turn]
    return list(dict.fromkeys(turns)) if turns else list(range(len(passages)))


def _reciprocal(scores: Sequence[float]) -> list[float]:
    order = sorted(range(len(scores)), key=lambda i: -scores[i])
    result = [0.0] * len(scores)
    for rank, index in enumerate(order):
        if scores[index] > 0:
            result[index] = 1 / (_RANK_CONSTANT + rank)
    return result


def _words(text: str) -> list[str]:
    return [word.casefold().rstrip("s") for word in _WORD.findall(text)]
