"""Documents to a checked summary: choose passages, write from them, check, join, check again.

The joining step sees the source words of every point, not only the points: context-aware
hierarchical merging (Ou and Lapata, Findings of ACL 2025), so that merging adds no claim that was
not in a passage. What is written is checked against the passages it was written from, and what
they do not carry gives way to their own words or is removed, and is shown as removed.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence, Set
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache

from workbench.config import Config
from workbench.errors import InvalidReply, UsageError
from workbench.guard.run import Run
from workbench.models.governed import Models
from workbench.prompts.registry import load_prompt
from workbench.results.summary import Sentence, Summary, SummaryProgress, Verdict
from workbench.store.corpus import Corpus
from workbench.store.passages import Read
from workbench.tasks.attribute import content_words, facts
from workbench.tasks.relevance import is_about
from workbench.tasks.summary_checking import Checker, Judge, Point, own_words
from workbench.tasks.summary_reading import Appetite, Branch, branches, section_of
from workbench.tasks.summary_writing import Writer

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
    """What is wanted: a style of ``STYLES``, sentences (None: the style's), a masked focus, and
    the share of the passages of every document, 0 to 1, that are read at least."""

    title: str
    style: str = "brief"
    length: int | None = None
    focus: str = ""
    model: str | None = None
    coverage: float = 0.0


Told = SummaryProgress | Sentence


def summarise(
    run: Run, rooms: SummariseRooms, document_ids: Sequence[int], brief: Brief
) -> Generator[Told, None, Summary]:
    """Yield how far it is, and every sentence once it is checked; return the summary, which
    chooses among them.

    Raises:
        UsageError: if the style, length or coverage cannot be used.
        ModelError, StoreError, BudgetExceeded.
    """
    style = _style(brief)
    read = rooms.corpus.passages.read(run, document_ids)
    wanted = brief.length or style.sentences
    plan = _plan(run, rooms, read, brief)
    chosen = sum(len(branch.passages) for branch in plan)
    model = brief.model or rooms.config.models.chat
    checker = Checker(run, rooms.models, model, rooms.judge)
    writer = Writer(run, rooms.models, checker, brief.focus)
    # Points about a focus are its answer; joined to a text they say less of it.
    joins = style.joined and len(plan) > 1 and not brief.focus
    clock = _Clock(len(plan) + joins, chosen, time.monotonic())
    points, lost = yield from _written(writer, plan, style, clock)
    limit = len(points) if style.per_section else round(wanted * (_SLACK if joins else 1))
    shown = {hit.chunk.id for branch in plan for hit in branch.passages}
    partly = {hit.chunk.document_id for hit in read.hits if hit.chunk.id not in shown}
    texts = _Texts(rooms.corpus, run, partly)
    kept, removed = _kept(checker, texts, points, limit, brief.focus)
    if style.per_section:
        kept = _of_each_section(kept, wanted)
    if not (kept or brief.focus):
        kept, removed = _in_own_words(removed, limit)
        yield from (_told(point, style) for point in kept)
    if joins and kept:
        yield clock.at(len(plan), joining=True)
        kept, more = yield from _joined(writer, kept, wanted)
        removed = [*removed, *more]
    yield clock.at(clock.total)
    said = {point.sentence.text for point in kept}
    gone = {p.sentence.text: p.sentence for p in removed if p.sentence.text not in said}
    return replace(
        _unwritten(run, rooms, read, brief),
        sentences=tuple(_told(point, style) for point in _ordered(kept, style)),
        removed=tuple(gone.values()),
        chunks_read=chosen - lost,
        chunks_lost=lost,
    )


def lost_summary(
    run: Run, rooms: SummariseRooms, document_ids: Sequence[int], brief: Brief
) -> Summary:
    """What ``summarise`` would have returned, had it not raised InvalidReply."""
    read = rooms.corpus.passages.read(run, document_ids)
    lost = sum(len(branch.passages) for branch in _plan(run, rooms, read, brief))
    return replace(_unwritten(run, rooms, read, brief), chunks_lost=lost)


def _unwritten(run: Run, rooms: SummariseRooms, read: Read, brief: Brief) -> Summary:
    model = brief.model or rooms.config.models.chat
    return Summary(
        title=brief.title,
        style=brief.style,
        focus=brief.focus,
        sentences=(),
        removed=(),
        chunks=len(read.hits),
        chunks_read=0,
        model=rooms.models.resolve(model),
        run_id=run.id,
        usage=run.meter.usage,
        prompt_versions=tuple(load_prompt(name).version for name in _PROMPTS),
        corpus_version=rooms.corpus.version(run),
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        documents=tuple(dict.fromkeys(hit.document for hit in read.hits)),
    )


def finished(steps: Generator[Told, None, Summary]) -> Summary:
    """The summary at the end of ``summarise``; what is told before it is not needed."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            summary: Summary = end.value
            return summary


@dataclass(frozen=True, slots=True)
class _Clock:
    """Tells how far a summary is that began at ``started_s``."""

    total: int
    passages: int
    started_s: float

    def at(self, done: int, *, joining: bool = False) -> SummaryProgress:
        seconds = time.monotonic() - self.started_s
        remaining_s = seconds / done * (self.total - done) if done else None
        return SummaryProgress(done, self.total, self.passages, seconds, remaining_s, joining)


def _written(
    writer: Writer, plan: Sequence[Branch], style: Style, clock: _Clock
) -> Generator[Told, None, tuple[list[Point], int]]:
    """The points of all branches, and how many passages were lost to a reply without any."""
    points: list[Point] = []
    lost = 0
    for done, branch in enumerate(plan):
        yield clock.at(done)
        before = len(points)
        try:
            for point in writer.write(branch.passages, branch.points):
                points.append(point)
                yield _told(point, style)
        except InvalidReply:
            lost += len(branch.passages) if len(points) == before else 0
            if lost == clock.passages:
                raise
    return points, lost


def _joined(
    writer: Writer, points: Sequence[Point], wanted: int
) -> Generator[Told, None, tuple[list[Point], list[Point]]]:
    """The points as one text, and what no source carries of it; if the model's reply cannot be
    used, the best points as they are."""
    text: list[Point] = []
    try:
        for point in writer.join(points, wanted):
            text.append(point)
            yield point.sentence
    except InvalidReply:
        best = sorted(points, key=lambda point: -point.hit.score)[:wanted]
        return [point for point in points if point in best], []
    return (
        [point for point in text if point.sentence.citations],
        [point for point in text if not point.sentence.citations],
    )


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
    if not 0 <= brief.coverage <= 1:
        raise UsageError(
            "the coverage is no share",
            value=brief.coverage,
            next_step="Ask for 0.5 to have half of the passages read, for 1 to have all of them.",
        )
    return style


def _plan(run: Run, rooms: SummariseRooms, read: Read, brief: Brief) -> list[Branch]:
    if not read.hits:
        return []
    style = STYLES[brief.style]
    wanted = brief.length or style.sentences
    vectors = read.vectors
    if not vectors.shape[1]:
        vectors = rooms.models.embed(run, [hit.chunk.text for hit in read.hits])
    focus = rooms.models.embed(run, [brief.focus])[0] if brief.focus else None
    if focus is not None and not is_about(brief.focus, (vectors @ focus).tolist(), read.hits):
        return []
    slack = _SLACK if len(read.hits) > 1 else 1
    appetite = Appetite(wanted, wanted * slack, style.per_section, brief.coverage)
    return branches(read, vectors, focus, appetite)


class _Texts:
    """Whole documents; ``partly`` are those of which the model saw a part only."""

    def __init__(self, corpus: Corpus, run: Run, partly: Set[int]) -> None:
        self.partly = partly
        self.of = cache(lambda number: corpus.document(run, number).text)


def _kept(
    checker: Checker, texts: _Texts, points: Sequence[Point], limit: int, focus: str
) -> tuple[list[Point], list[Point]]:
    """The best points without repetitions, in reading order; and those that no source carries.

    With a focus the nearest to it are the best. A point that its whole document speaks against is
    left out, unless there is no other.
    """
    removed = [point for point in points if not point.sentence.citations]
    found = [point for point in points if point.sentence.citations]
    if not found:
        return [], removed
    said = [point.sentence.text for point in found]
    vectors = checker.models.embed(checker.run, [*said, *([focus] if focus else [])])
    scores = [point.hit.score for point in found]
    if focus:
        scores = (vectors[:-1] @ vectors[-1]).tolist()
    rows: list[int] = []
    doubted: list[int] = []
    for row in sorted(range(len(found)), key=lambda row: -scores[row]):
        if len(rows) == limit:
            break
        alike = [kept for kept in rows if float(vectors[kept] @ vectors[row]) >= _SAME]
        if any(_same_facts(said[row], said[kept]) for kept in alike):
            continue
        held = rows if not _doubted(checker, texts, found[row]) else doubted
        held.append(row)
    if not rows:
        rows, doubted = doubted[:1], doubted[1:]
    return [found[row] for row in sorted(rows)], [*removed, *(_left_out(found[n]) for n in doubted)]


def _doubted(checker: Checker, texts: _Texts, point: Point) -> bool:
    """Asked only of documents of which the model saw a part, and not of the source's own words. A
    reply that cannot be used is no doubt."""
    numbers = dict.fromkeys(citation.document_id for citation in point.sentence.citations)
    if point.sentence.verdict is Verdict.REPLACED or texts.partly.isdisjoint(numbers):
        return False
    try:
        return checker.doubted(point, [texts.of(number) for number in numbers])
    except InvalidReply:
        return False


def _left_out(point: Point) -> Point:
    gone = replace(point.sentence, citations=(), verdict=Verdict.REMOVED, draft="")
    return replace(point, sentence=gone)


def _in_own_words(removed: Sequence[Point], limit: int) -> tuple[list[Point], list[Point]]:
    """Where nothing that was written held: what the sources say of the same, and what of the
    written gives way to none of it."""
    own = [nearest for point in removed if (nearest := own_words(point)) is not None]
    chosen = list({point.sentence.text: point for point in own}.values())[:limit]
    replaced = {point.sentence.draft for point in chosen}
    return chosen, [point for point in removed if point.sentence.text not in replaced]


def _of_each_section(points: Sequence[Point], count: int) -> list[Point]:
    """The best ``count`` points of each section, in order; a long one was read in several parts."""
    chosen: dict[str, list[Point]] = {}
    for point in sorted(points, key=lambda point: -point.hit.score):
        of_section = chosen.setdefault(section_of(point.hit), [])
        if len(of_section) < count:
            of_section.append(point)
    return [point for point in points if point in chosen[section_of(point.hit)]]


def _same_facts(one: str, other: str) -> bool:
    """Whether one has all the numbers and names of the other; sentences about two years do not."""
    ours, theirs = facts(one), facts(other)
    return (ours <= theirs or theirs <= ours) and not _begin_with_other_names(one, other)


def _begin_with_other_names(one: str, other: str) -> bool:
    # A capital tells a name only within a sentence; here it does if the other lacks the word.
    first, second = (content_words(text.split(maxsplit=1)[0]) for text in (one, other))
    return bool(first - content_words(other) and second - content_words(one))


def _ordered(points: Sequence[Point], style: Style) -> Sequence[Point]:
    return sorted(points, key=lambda point: point.date) if style.by_date else points


def _told(point: Point, style: Style) -> Sentence:
    section = section_of(point.hit) if style.per_section else ""
    return replace(point.sentence, section=section)
