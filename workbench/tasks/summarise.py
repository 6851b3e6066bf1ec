"""Documents to a checked summary: choose passages, write from them, check, join, check again.

The joining step sees the source words of every point, not only the points: context-aware
hierarchical merging (Ou and Lapata, Findings of ACL 2025), so that merging adds no claim that was
not in a passage. What is written is checked against the passages it was written from, and what
they do not carry gives way to their own words or is removed, and is shown as removed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from workbench.config import Config
from workbench.errors import InvalidReply, UsageError
from workbench.guard.run import Run
from workbench.models.governed import Models
from workbench.prompts.registry import load_prompt
from workbench.results.summary import Sentence, Summary
from workbench.store.corpus import Corpus
from workbench.store.passages import Read
from workbench.tasks.attribute import cite_sentences
from workbench.tasks.salience import choose, salience
from workbench.tasks.summary_checking import Checker, Judge, Point
from workbench.tasks.summary_writing import Writer
from workbench.values import Hit

PASSAGES_PER_SENTENCE = 3
"""How many passages are read for each sentence of the summary; more adds cost, not points."""

MAX_PASSAGES = 48
# No byte-level tokenizer makes more tokens than bytes, so that this fits any context in any script.
_GROUP_BYTES = 3_600
_PROMPTS = ("summary", "summary_merge", "summary_repair", "groundedness")
_SAME = 0.88
_SLACK = 1.5


@dataclass(frozen=True, slots=True)
class Style:
    """How a summary is laid out. ``sentences`` is its length unless another is asked for."""

    sentences: int
    joined: bool = False
    per_section: bool = False
    by_date: bool = False


STYLES = {
    "brief": Style(4, joined=True),
    "bullets": Style(7),
    "executive": Style(8, joined=True),
    "timeline": Style(10, by_date=True),
    "per-section": Style(2, per_section=True),
}
"""``per-section`` counts its sentences per section."""


@dataclass(frozen=True, slots=True)
class SummariseRooms:
    """The collaborators of a summary. ``judge`` scores what is written against its passages."""

    config: Config
    models: Models
    corpus: Corpus
    judge: Judge


@dataclass(frozen=True, slots=True)
class Brief:
    """What is wanted: a style of ``STYLES``, sentences (None: the style's), a masked focus."""

    title: str
    style: str = "brief"
    length: int | None = None
    focus: str = ""
    model: str | None = None


@dataclass(frozen=True, slots=True)
class SummaryProgress:
    """``done`` of ``total`` model calls have been made."""

    done: int
    total: int


def summarise(
    run: Run,
    rooms: SummariseRooms,
    document_ids: Sequence[int],
    brief: Brief,
    *,
    progress: Callable[[SummaryProgress], None],
) -> Summary:
    """A summary of the documents in which every sentence has its source.

    Raises:
        UsageError: if the style or length cannot be used.
        ModelError, StoreError, BudgetExceeded.
    """
    style = _style(brief)
    read = rooms.corpus.passages.read(run, document_ids)
    wanted = brief.length or style.sentences
    chosen = _choose(run, rooms, read, brief, wanted)
    model = brief.model or rooms.config.models.chat
    checker = Checker(run, rooms.models, model, rooms.judge)
    writer = Writer(run, rooms.models, checker, brief.focus)
    groups = list(_groups(chosen, by_section=style.per_section))
    joins = style.joined and len(groups) > 1
    steps = len(groups) + joins
    points: list[Point] = []
    lost: list[Hit] = []
    for done, group in enumerate(groups):
        progress(SummaryProgress(done, steps))
        count = wanted if style.per_section else _share(wanted, group, chosen)
        try:
            points.extend(writer.write(group, count))
        except InvalidReply:
            lost.extend(group)
            if len(lost) == len(chosen):
                raise
    limit = len(points) if style.per_section else round(wanted * (_SLACK if joins else 1))
    kept, removed = _kept(run, rooms.models, points, limit)
    if joins and kept:
        progress(SummaryProgress(len(groups), steps))
        kept, more = _joined(writer, kept, wanted)
        removed = [*removed, *more]
    progress(SummaryProgress(steps, steps))
    return Summary(
        title=brief.title,
        style=brief.style,
        focus=brief.focus,
        sentences=tuple(_sentences(kept, style)),
        removed=tuple(point.sentence for point in removed),
        chunks=len(read.hits),
        chunks_read=len(chosen) - len(lost),
        chunks_lost=len(lost),
        model=rooms.models.resolve(writer.model),
        run_id=run.id,
        usage=run.meter.usage,
        prompt_versions=tuple(load_prompt(name).version for name in _PROMPTS),
        corpus_version=rooms.corpus.version(run),
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        documents=tuple(dict.fromkeys(hit.document for hit in read.hits)),
    )


def _joined(
    writer: Writer, points: Sequence[Point], wanted: int
) -> tuple[list[Point], list[Point]]:
    try:
        return writer.join(points, wanted)
    except InvalidReply:
        best = sorted(points, key=lambda point: -point.hit.score)[:wanted]
        return [point for point in points if point in best], []


def _style(brief: Brief) -> Style:
    style = STYLES.get(brief.style)
    if style is None:
        raise UsageError(
            "there is no such style",
            value=brief.style,
            next_step=f"Use one of {', '.join(STYLES)}.",
        )
    if brief.length is not None and not 1 <= brief.length <= 40:
        raise UsageError(
            "the length is out of range", value=brief.length, next_step="Ask for 1 to 40 sentences."
        )
    return style


def _choose(run: Run, rooms: SummariseRooms, read: Read, brief: Brief, wanted: int) -> list[Hit]:
    """The passages to read, in reading order, with their salience as score."""
    if not read.hits:
        return []
    vectors = read.vectors
    if not vectors.shape[1]:
        vectors = rooms.models.embed(run, [hit.chunk.text for hit in read.hits])
    focus = rooms.models.embed(run, [brief.focus])[0] if brief.focus else None
    scores = salience(vectors, focus)
    sections = [section_of(hit) for hit in read.hits]
    per_section = STYLES[brief.style].per_section
    count = wanted * PASSAGES_PER_SENTENCE * (len(set(sections)) if per_section else 1)
    rows = choose(
        vectors,
        scores,
        sections,
        count=min(count, MAX_PASSAGES),
        every_section=not brief.focus,
    )
    return [replace(read.hits[row], score=float(scores[row])) for row in rows]


def section_of(hit: Hit) -> str:
    """The document and the first heading below its title, under which the hit stands."""
    path = hit.chunk.heading.split(" > ")
    return f"{hit.document}: {path[min(1, len(path) - 1)]}" if path[0] else hit.document


def _groups(chosen: Sequence[Hit], *, by_section: bool) -> Iterator[list[Hit]]:
    """Neighbours that fit one prompt together."""
    group: list[Hit] = []
    size = 0
    for hit in chosen:
        length = len(hit.chunk.text.encode())
        full = size + length > _GROUP_BYTES
        other = by_section and group and section_of(hit) != section_of(group[-1])
        if group and (full or other):
            yield group
            group, size = [], 0
        group.append(hit)
        size += length
    if group:
        yield group


def _share(wanted: int, group: Sequence[Hit], chosen: Sequence[Hit]) -> int:
    """How many points a group is asked for: its part of a list that leaves some to choose from, if
    there are several passages, and no more than half as many as it has sentences."""
    slack = _SLACK if len(chosen) > 1 else 1
    part = round(wanted * slack * len(group) / len(chosen))
    sentences = sum(len(cite_sentences(hit)) for hit in group)
    return max(1, min(part, (sentences + 1) // 2))


def _kept(
    run: Run, models: Models, points: Sequence[Point], limit: int
) -> tuple[list[Point], list[Point]]:
    """The best points without repetitions, in reading order; and those that no source carries."""
    removed = [point for point in points if not point.sentence.citations]
    found = [point for point in points if point.sentence.citations]
    if not found:
        return [], removed
    vectors = models.embed(run, [point.sentence.text for point in found])
    best = sorted(range(len(found)), key=lambda row: -found[row].hit.score)
    rows: list[int] = []
    for row in best:
        if len(rows) < limit and not _repeats(vectors, row, rows):
            rows.append(row)
    return [found[row] for row in sorted(rows)], removed


def _repeats(vectors: NDArray[np.float32], row: int, rows: Sequence[int]) -> bool:
    return bool(rows) and float((vectors[rows] @ vectors[row]).max()) >= _SAME


def _sentences(points: Sequence[Point], style: Style) -> Iterator[Sentence]:
    ordered = sorted(points, key=lambda point: point.date) if style.by_date else points
    for point in ordered:
        section = section_of(point.hit) if style.per_section else ""
        yield replace(point.sentence, section=section)
