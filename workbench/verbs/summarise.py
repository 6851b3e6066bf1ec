"""The verb that summarises."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

from workbench.errors import UsageError
from workbench.guard.policy import Action
from workbench.results.hits import Hits
from workbench.results.summary import Summary
from workbench.values import DocumentInfo
from workbench.verbs.verbs import Verbs

if TYPE_CHECKING:
    from workbench.tasks.summarise import SummaryProgress

Target: TypeAlias = "int | DocumentInfo | Hits | Sequence[int | DocumentInfo] | None"
"""A document or its id, several of them, the documents of a search, or None: all that is there."""


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
        progress: Callable[[SummaryProgress], None] | None = None,
    ) -> Summary:
        """Summarise a document, a selection, the documents of a search, or all of them.

        ``style`` is "brief", "bullets", "executive", "timeline" or "per-section"; ``length`` counts
        sentences (for "per-section" in each section); ``focus`` is a question or topic to look for.
        What was read of the source, and what was removed for lack of a source, is in the result.

        Raises:
            AccessDenied, UsageError, ModelError, StoreError, BudgetExceeded.
        """
        from workbench.tasks.summarise import Brief, SummariseRooms, summarise

        workbench = self._workbench
        with self._run(Action.ASK, "summarise") as run:
            limit = workbench.config.limits.max_question_chars
            if len(focus) > limit:
                raise UsageError(
                    "the focus is too long",
                    value=f"{len(focus):,} characters, at most {limit:,}",
                    next_step="Name the topic in a sentence.",
                )
            rooms = SummariseRooms(workbench.config, workbench.models, workbench.corpus)
            infos = {info.id: info for info in workbench.corpus.documents(run)}
            ids = list(infos) if target is None else _ids(target)
            names = [infos[number].name for number in ids if number in infos]
            title = names[0] if len(names) == 1 else f"{len(names):,} documents"
            masked = workbench.masker.mask_text(focus.strip()) if focus.strip() else ""
            brief = Brief(title, style, length, masked, model)
            return summarise(run, rooms, ids, brief, progress=progress or _ignore)


def _ids(target: int | DocumentInfo | Hits | Sequence[int | DocumentInfo]) -> list[int]:
    if isinstance(target, Hits):
        return list(dict.fromkeys(hit.chunk.document_id for hit in target))
    items = [target] if isinstance(target, int | DocumentInfo) else list(target)
    return [item.id if isinstance(item, DocumentInfo) else int(item) for item in items]


def _ignore(_: SummaryProgress) -> None:
    """Show no progress."""
