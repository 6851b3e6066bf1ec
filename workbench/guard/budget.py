"""How many tokens and seconds one run may use, and one actor on one day."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from workbench.errors import BudgetExceeded
from workbench.values import Usage

_TOMORROW = "Wait until tomorrow (UTC), or ask an administrator to raise the bounds of the day."


@dataclass(frozen=True, slots=True)
class Budget:
    """Upper bounds of one run: model tokens (prompt and output together) and seconds."""

    max_tokens: int
    max_seconds: float
    tokens_of_day: bool = False
    seconds_of_day: bool = False
    """Whether it is the day's bound that is the nearer one; for messages."""


@dataclass(frozen=True, slots=True)
class Day:
    """Upper bounds of one actor's runs on one day (UTC); None is without bound."""

    max_tokens: int | None = None
    max_seconds: float | None = None

    @property
    def is_bounded(self) -> bool:
        return self.max_tokens is not None or self.max_seconds is not None

    def left(self, budget: Budget, used: Usage) -> Budget:
        """What of ``budget`` a run may use once ``used`` was used today."""
        tokens, seconds = budget.max_tokens, budget.max_seconds
        if self.max_tokens is not None:
            tokens = min(tokens, max(0, self.max_tokens - used.tokens))
        if self.max_seconds is not None:
            seconds = min(seconds, max(0.0, self.max_seconds - used.seconds))
        return Budget(tokens, seconds, tokens < budget.max_tokens, seconds < budget.max_seconds)


class Spending(Protocol):
    """What actors used so far; the store implements it over the audit's rows."""

    def used(self, actor: str, since: datetime) -> Usage:
        """Tokens and seconds of the runs of ``actor`` that began at ``since`` or later."""
        ...


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
        self.require_time()
        with self._lock:
            wanted = self._usage.tokens + self._reserved_tokens + tokens
            if wanted <= self._budget.max_tokens:
                self._reserved_tokens += tokens
                return
        of_day = self._budget.tokens_of_day
        raise BudgetExceeded(
            f"the run would go over {'what is left of the day' if of_day else 'its token budget'}",
            value=f"{wanted:,} of {self._budget.max_tokens:,} tokens",
            next_step=_TOMORROW
            if of_day
            else "Ask for less, or raise budget.max_tokens in workbench.toml.",
        )

    def require_time(self) -> None:
        """Raises BudgetExceeded if no time is left, as ``reserve`` does."""
        if self.remaining_s <= 0:
            raise self._time_is_up()

    def _time_is_up(self) -> BudgetExceeded:
        of_day = self._budget.seconds_of_day
        return BudgetExceeded(
            "the actor's time of the day is used up" if of_day else "the run used up its time",
            value=f"{self._budget.max_seconds:g} s were left"
            if of_day
            else f"{self._budget.max_seconds:g} s",
            next_step=_TOMORROW
            if of_day
            else "Ask for less, or raise budget.max_seconds in workbench.toml.",
        )

    def settle(self, reserved_tokens: int, used: Usage) -> None:
        """Replace a reservation by what the call really used."""
        with self._lock:
            self._reserved_tokens -= reserved_tokens
            self._usage = self._usage + used
