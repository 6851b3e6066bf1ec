"""A question that is being answered beside the page, so that a click elsewhere loses nothing."""

from __future__ import annotations

from working import Job

from workbench import Answer, Session


class Asking(Job[Answer]):
    """One question and what became of it: an answer, an error, or stopped before either.

    Attributes:
        draft: what the model has written so far; not checked.
        first_words_s: seconds until the model's first words; None before.
    """

    def __init__(self, session: Session, question: str) -> None:
        super().__init__("The question", self._answer)
        self.question = question
        self.draft = ""
        self.first_words_s: float | None = None
        self._session = session

    @property
    def answer(self) -> Answer | None:
        """The checked answer, once there is one."""
        return self.result

    @property
    def waited_s(self) -> float:
        """Seconds since the question was asked."""
        return self.took_s

    def _answer(self, job: Job[Answer]) -> Answer:
        for part in self._session.ask_stream(self.question):
            job.tell(0.0)
            if isinstance(part, Answer):
                return part
            if self.first_words_s is None:
                self.first_words_s = self.took_s
            self.draft += part
        raise AssertionError("a stream of an answer ends with the answer")
