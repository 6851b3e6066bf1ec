"""A summary that is being written beside the page; its checked sentences are there as they come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from working import Job

from workbench import Sentence, Session, Summary, SummaryProgress


class Summarising(Job[Summary]):
    """One summary on its way.

    Attributes:
        sentences: what was written and checked so far and has its source; the summary will choose
            among them.
        joining: whether they are the text itself by now, and not the points it is made of.
        left_out: how many had no source.
        passages: how many passages are read.
    """

    def __init__(
        self, session: Session, documents: Sequence[int], wishes: Mapping[str, Any]
    ) -> None:
        super().__init__("The summary", self._summarise)
        self.sentences: tuple[Sentence, ...] = ()
        self.joining = False
        self.left_out = 0
        self.passages = 0
        self._session = session
        self._documents = list(documents)
        self._wishes = dict(wishes)

    def _summarise(self, job: Job[Summary]) -> Summary:
        for part in self._session.summarise_stream(self._documents or None, **self._wishes):
            job.tell(job.share, job.words, job.left_s)
            if isinstance(part, Summary):
                return part
            if isinstance(part, SummaryProgress):
                self._go_on(part)
            elif part.holds:
                self.sentences = (*self.sentences, part)
            else:
                self.left_out += 1
        raise AssertionError("a stream of a summary ends with the summary")

    def _go_on(self, progress: SummaryProgress) -> None:
        self.passages = progress.passages
        if progress.joining:
            self.joining, self.sentences = True, ()
        self.tell(progress.done / max(1, progress.total), self.words, progress.remaining_s)
