"""How many tokens and seconds one run may use."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from workbench.errors import BudgetExceeded
from workbench.values import Usage


@dataclass(frozen=True, slots=True)
class Budget:
    """Upper bounds of one run: model tokens (prompt and output together) and seconds."""

    max_tokens: int
    max_seconds: float


class Meter:
    """Counts what a run uses and refuses what would go over its budget."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._started_s = time.monotonic()
        self._reserved_tokens = 0
        self._usage = Usage()
        self._lock = threading.Lock()

    @property
    def usage(self) -> Usage:
        """What was settled so far; ``seconds`` is the time since the run began."""
        return Usage(self._usage.prompt_tokens, self._usage.output_tokens, self.elapsed_s)

    @property
    def elapsed_s(self) -> float:
        return time.monotonic() - self._started_s

    @property
    def remaining_s(self) -> float:
        return self._budget.max_seconds - self.elapsed_s

    def reserve(self, tokens: int) -> None:
        """Set ``tokens`` aside before a model call.

        Raises:
            BudgetExceeded: if they, or the time already spent, are over the budget.
        """
        if self.remaining_s <= 0:
            raise BudgetExceeded(
                "the run used up its time",
                value=f"{self._budget.max_seconds:g} s",
                next_step="Ask for less, or raise budget.max_seconds in workbench.toml.",
            )
        with self._lock:
            wanted = self._usage.tokens + self._reserved_tokens + tokens
            if wanted <= self._budget.max_tokens:
                self._reserved_tokens += tokens
                return
        raise BudgetExceeded(
            "the run would go over its token budget",
            value=f"{wanted:,} of {self._budget.max_tokens:,} tokens",
            next_step="Ask for less, or raise budget.max_tokens in workbench.toml.",
        )

    def settle(self, reserved_tokens: int, used: Usage) -> None:
        """Replace a reservation by what the call really used."""
        with self._lock:
            self._reserved_tokens -= reserved_tokens
            self._usage = self._usage + used
