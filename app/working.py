"""Long work beside the page: it survives a page change, tells how far it is, and can be stopped."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Generic, Self, TypeVar

from workbench.errors import WorkbenchError

T = TypeVar("T")

logger = logging.getLogger(__name__)


class Stopped(KeyboardInterrupt):
    """Raised inside the work where somebody wants it no more; the audit says so, too."""


class Job(Generic[T]):
    """One piece of work and what became of it.

    ``work`` gets this job and calls ``tell`` now and then: that is where a stop takes effect.

    Attributes:
        name: what is being done, in words.
        result: what came of it, once it is done.
        error: why nothing came of it.
        left_s: seconds it may still take, where the work itself can tell.
    """

    def __init__(self, name: str, work: Callable[[Job[T]], T]) -> None:
        self.name = name
        self.result: T | None = None
        self.error: WorkbenchError | None = None
        self.share = 0.0
        self.words = ""
        self.left_s: float | None = None
        self._work = work
        self._stopped = threading.Event()
        self._started_s = time.monotonic()
        self._ended_s: float | None = None
        self._thread = threading.Thread(target=self._run, name="working", daemon=True)

    def start(self) -> Self:
        """Begin; returns at once."""
        self._thread.start()
        return self

    @property
    def running(self) -> bool:
        """Whether a result is still to be expected."""
        return self._thread.is_alive() and not self._stopped.is_set()

    @property
    def stopped(self) -> bool:
        """Whether it was stopped before it was done."""
        return self._stopped.is_set() and self.result is None

    @property
    def took_s(self) -> float:
        """Seconds since it began, or that it took."""
        return (self._ended_s or time.monotonic()) - self._started_s

    def tell(self, share: float, words: str = "", left_s: float | None = None) -> None:
        """How far the work is, 0 to 1, at what, and the seconds it may still take.

        Raises:
            Stopped: if it is wanted no more.
        """
        if self._stopped.is_set():
            raise Stopped
        self.share, self.words, self.left_s = share, words, left_s

    def stop(self) -> None:
        """Want it no more. What was stored until then stays."""
        self._stopped.set()

    def wait(self, timeout_s: float) -> None:
        """Until it is done, has failed or has noticed the stop, at most ``timeout_s``."""
        self._thread.join(timeout_s)

    def _run(self) -> None:
        try:
            self.result = self._work(self)
        except Stopped:
            self.words = ""
        except WorkbenchError as error:
            self.error = error
        except Exception as error:  # noqa: BLE001 -- nobody above a thread would show it
            # The class only: a foreign message may hold words of a document.
            logger.error("work failed in an unforeseen way: %s", type(error).__name__)
            self.error = WorkbenchError(
                f"{self.name} failed in a way that Workbench did not foresee",
                value=type(error).__name__,
                next_step="Try again, or tell whoever runs Workbench.",
            )
        finally:
            self._ended_s = time.monotonic()
