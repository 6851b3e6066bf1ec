"""A question that is being answered beside the page, so that a click elsewhere loses nothing."""

from __future__ import annotations

import logging
import threading
import time

from workbench import Answer, Session
from workbench.errors import WorkbenchError

logger = logging.getLogger(__name__)


class Asking:
    """One question and what became of it: an answer, an error, or stopped before either.

    Attributes:
        draft: what the model has written so far; not checked.
        answer: the checked answer, once there is one.
        error: why there is none.
    """

    def __init__(self, session: Session, question: str) -> None:
        self.question = question
        self.draft = ""
        self.answer: Answer | None = None
        self.error: WorkbenchError | None = None
        self._session = session
        self._stopped = threading.Event()
        self._started_s = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="asking", daemon=True)

    def start(self) -> Asking:
        """Begin answering; returns at once."""
        self._thread.start()
        return self

    @property
    def running(self) -> bool:
        """Whether an answer is still to be expected."""
        return self._thread.is_alive() and not self._stopped.is_set()

    @property
    def waited_s(self) -> float:
        """Seconds since the question was asked."""
        return time.monotonic() - self._started_s

    def stop(self) -> None:
        """Want no answer any more. The model stops at its next word."""
        self._stopped.set()

    def wait(self, timeout_s: float) -> None:
        """Until it is answered, has failed or was stopped, at most ``timeout_s``."""
        self._thread.join(timeout_s)

    def _run(self) -> None:
        try:
            self._answer()
        except WorkbenchError as error:
            self.error = error
        except Exception as error:  # noqa: BLE001 -- nobody above a thread would show it
            # The class only: a foreign message may hold words of a document.
            logger.error("a question failed in an unforeseen way: %s", type(error).__name__)
            self.error = WorkbenchError(
                "the question failed in a way that Workbench did not foresee",
                value=type(error).__name__,
                next_step="Ask again, or tell whoever runs Workbench.",
            )

    def _answer(self) -> None:
        for part in self._session.ask_stream(self.question):
            if self._stopped.is_set():
                return
            if isinstance(part, Answer):
                self.answer = part
            else:
                self.draft += part
