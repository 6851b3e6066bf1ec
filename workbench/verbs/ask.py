"""Verbs that find and answer."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, cast

from workbench.guard.policy import Action
from workbench.results import Answer
from workbench.verbs.search import SearchVerbs

if TYPE_CHECKING:
    from workbench.tasks.ask import AskRooms


class AskVerbs(SearchVerbs):
    """Search and ask."""

    def ask(self, question: str, *, model: str | None = None) -> Answer:
        """Answer from the sources with exact citations, or abstain honestly.

        Raises:
            AccessDenied, UsageError, ModelError, StoreError, BudgetExceeded.
        """
        *_, last = self.ask_stream(question, model=model)
        return cast("Answer", last)

    def ask_stream(
        self, question: str, *, model: str | None = None
    ) -> Generator[str | Answer, None, None]:
        """Pieces of the draft's text as the model writes it, then the checked Answer.

        The draft is not verified yet: show it as such and replace it by the Answer, which may
        abstain and is given once the run is audited. Closing the iterator stops the model.
        Errors as ``ask``, while iterating.
        """
        from workbench.tasks.ask import ask

        with self._run(Action.ASK) as run:
            answer = yield from ask(run, self._ask_rooms(), question, model=model)
        yield answer

    def _ask_rooms(self) -> AskRooms:
        from workbench.tasks.ask import AskRooms

        workbench = self._workbench
        return AskRooms(workbench.config, workbench.masker, workbench.models, workbench.corpus)
