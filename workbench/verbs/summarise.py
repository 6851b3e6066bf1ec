"""The verb that summarises."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from numbers import Integral
from typing import TYPE_CHECKING, TypeAlias, cast

from workbench.errors import UsageError
from workbench.guard.policy import Action
from workbench.results.corpus_map import CorpusMap
from workbench.results.summary import Sentence, Summary, SummaryProgress
from workbench.results.themes import Themes
from workbench.values import DocumentInfo, Hit
from workbench.verbs.verbs import Verbs

if TYPE_CHECKING:
    from workbench.tasks.summarise import SummariseRooms

Item: TypeAlias = "int | DocumentInfo | Hit"
Target: TypeAlias = "Item | Sequence[Item] | None"
"""A document, its id or a hit in it, several of them, the hits of a search, or None: all that is
there."""


class SummariseVerbs(Verbs):
    """Summaries in which every sentence has its source."""

    def summarise(
        self,
        target: Target = None,
        *,
        style: str = "brief",
        length: int | None = None,
        focus: str = "",
        model: str | None = None,
        coverage: float = 0.0,
    ) -> Summary:
        """Summarise a document, a selection, the documents of a search, or all of them.

        ``style`` is "brief", "bullets", "executive", "timeline" or "per-section"; ``length`` counts
        sentences (for "per-section" in each section); ``focus`` is a question or topic to look for.
        All passages are ranked and a few of the best are read; ``coverage`` asks for at least that
        share (0 to 1) of every document, which takes the longer. If it goes over the budget, the
        same call again goes on from there. What was read, and what was removed for lack of a
        source, is in the result.

        Raises:
            AccessDenied, UsageError, ModelError, StoreError, BudgetExceeded.
        """
        *_, last = self.summarise_stream(
            target, style=style, length=length, focus=focus, model=model, coverage=coverage
        )
        return cast("Summary", last)

    def summarise_stream(
        self,
        target: Target = None,
        *,
        style: str = "brief",
        length: int | None = None,
        focus: str = "",
        model: str | None = None,
        coverage: float = 0.0,
    ) -> Generator[SummaryProgress | Sentence | Summary, None, None]:
        """As ``summarise``: how far it is and each sentence once it is checked, then the Summary.

        The first SummaryProgress tells what it will take, before the model is asked anything. A
        Sentence comes with its citations and verdict; show it only if it ``holds``. The Summary
        chooses among the sentences, and where it joins them to one text (``joining``), those come
        after the points they are made of. Closing the iterator stops the model. Errors as
        ``summarise``, while iterating.
        """
        from workbench.tasks.summarise import Brief, summarise

        workbench = self._workbench
        with self._run(Action.ASK, "summarise") as run:
            limit = workbench.config.limits.max_question_chars
            if len(focus) > limit:
                raise UsageError(
                    "the focus is too long",
                    value=f"{len(focus):,} characters, at most {limit:,}",
                    next_step="Name the topic in a sentence.",
                )
            rooms = self._summarise_rooms(model)
            infos = {info.id: info for info in workbench.corpus.documents(run)}
            ids = _ids(target, infos)
            names = [infos[number].name for number in ids]
            title = names[0] if len(names) == 1 else f"{len(names):,} documents"
            masked = workbench.masker.mask_text(focus.strip()) if focus.strip() else ""
            brief = Brief(title, style, length, masked, model, coverage)
            made = yield from summarise(run, rooms, ids, brief)
        yield made

    def corpus_map(self, target: Target = None, *, count: int | None = None) -> CorpusMap:
        """The documents on a flat map, alike near alike, grouped into themes; asks no model.

        ``count`` fixes the number of themes, 1 to 12. ``.plot()`` draws it, ``.df()`` has one row
        per document with its theme and a cited sentence.

        Raises:
            AccessDenied, UsageError, StoreError, EmbeddingMismatch.
        """
        from workbench.tasks.themes import map_corpus

        corpus = self._workbench.corpus
        with self._run(Action.SEARCH, "corpus map") as run:
            ids = _ids(target, [info.id for info in corpus.documents(run)])
            return map_corpus(run, corpus, ids, count=count)

    def themes(
        self,
        target: Target = None,
        *,
        count: int | None = None,
        length: int = 3,
        model: str | None = None,
        progress: Callable[[SummaryProgress], None] | None = None,
    ) -> Themes:
        """The themes of several documents, each with a cited summary of ``length`` sentences.

        ``count`` fixes the number of themes, 1 to 12; without it the vectors decide. The result
        holds the map too, and ``.df()`` compares the documents.

        Raises:
            AccessDenied, UsageError, ModelError, StoreError, EmbeddingMismatch, BudgetExceeded.
        """
        from workbench.tasks.summarise import Brief
        from workbench.tasks.themes import find_themes, map_corpus

        workbench = self._workbench
        with self._run(Action.ASK, "themes") as run:
            rooms = self._summarise_rooms(model)
            ids = _ids(target, [info.id for info in workbench.corpus.documents(run)])
            found = map_corpus(run, workbench.corpus, ids, count=count)
            brief = Brief(f"{len(found):,} documents", "bullets", length, "", model)
            return find_themes(run, rooms, found, brief, progress=progress or _ignore)

    def _summarise_rooms(self, model: str | None) -> SummariseRooms:
        from workbench.evaluation.groundedness import judge
        from workbench.tasks.summarise import SummariseRooms

        workbench = self._workbench
        models = workbench.models
        scorer = judge(models, model or workbench.config.models.chat)
        return SummariseRooms(workbench.config, models, workbench.corpus, scorer)


def _ids(target: Target, known: Iterable[int]) -> list[int]:
    """The ids of the target's documents, which must be among the ``known``."""
    there = list(known)
    if target is None:
        return there
    given: object = target
    items = given if isinstance(given, Iterable) and not isinstance(given, str) else [given]
    ids = list(dict.fromkeys(map(_id, items)))
    unknown = sorted(set(ids) - set(there))
    if unknown:
        raise UsageError(
            "there is no such document, or you may not read it",
            value=", ".join(map(str, unknown[:10])),
            next_step="Take the ids from session.documents() or `workbench documents`.",
        )
    return ids


def _id(item: object) -> int:
    if isinstance(item, Hit):
        return item.chunk.document_id
    if isinstance(item, DocumentInfo):
        return item.id
    if isinstance(item, Integral):
        return int(item)
    raise UsageError(
        "this is nothing that can be summarised",
        value=type(item).__name__,
        next_step="Give a document, its id, a list of them, or the hits of a search.",
    )


def _ignore(_: SummaryProgress) -> None:
    """Show no progress."""
