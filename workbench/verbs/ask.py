"""Verbs that find and answer."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, cast

from workbench.errors import UsageError
from workbench.guard.policy import Action
from workbench.results import Answer, PastAnswer
from workbench.verbs.search import SearchVerbs

if TYPE_CHECKING:
    from workbench.tasks.ask import AskRooms

MAX_ANSWERS = 1_000
MAX_REASON_CHARS = 1_000


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

    def answers(self, k: int = 20) -> list[PastAnswer]:
        """The actor's last ``k`` answers, newest first; a question that was asked again once.

        Raises:
            UsageError, AccessDenied, StoreError.
        """
        if not 1 <= k <= MAX_ANSWERS:
            raise UsageError(
                "the number of answers cannot be used",
                value=k,
                next_step=f"Give 1 to {MAX_ANSWERS:,}.",
            )
        with self._run(Action.READ, "answers") as run:
            return self._workbench.corpus.answers.own(run, k)

    def feedback(self, answer_id: int, good: bool, reason: str = "") -> None:
        """Say whether an answer helped, and why; saying it again replaces it.

        The reason is masked like a question. Only whoever was given an answer can judge it.

        Raises:
            UsageError: if the actor has no such answer, or the reason is too long.
            AccessDenied, MaskingError, StoreError.
        """
        if len(reason) > MAX_REASON_CHARS:
            raise UsageError(
                "the reason is too long",
                value=f"{len(reason):,} characters",
                next_step=f"Say it in {MAX_REASON_CHARS:,} characters.",
            )
        workbench = self._workbench
        with self._run(Action.FEEDBACK, f"answer {answer_id}") as run:
            masked = workbench.masker.mask_text(reason.strip())
            workbench.corpus.answers.rate(run, int(answer_id), good=bool(good), reason=masked)

    def _ask_rooms(self) -> AskRooms:
        from workbench.tasks.ask import AskRooms

        workbench = self._workbench
        return AskRooms(workbench.config, workbench.masker, workbench.models, workbench.corpus)
