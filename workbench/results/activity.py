"""What was done lately, and what people thought of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from workbench import render
from workbench.results.frames import frame, pretty
from workbench.results.metrics import ActionMetrics, cache_hit_share

if TYPE_CHECKING:
    import pandas as pd

_COLUMNS = ["started_at", "actor", "action", "resource", "outcome", "tokens", "seconds"]


@dataclass(frozen=True, slots=True)
class Day:
    """The runs and tokens of one day of UTC, yyyy-mm-dd."""

    day: str
    runs: int
    tokens: int


@dataclass(frozen=True, slots=True)
class Step:
    """One run; ``started_at`` is UTC, ``outcome`` done, denied or failed."""

    started_at: str
    actor: str
    action: str
    resource: str
    outcome: str
    tokens: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Judgement:
    """What an actor thought of an answer; question and reason are masked."""

    question: str
    actor: str
    good: bool
    reason: str
    created_at: str


@dataclass(frozen=True, slots=True)
class Activity:
    """The last ``days_back`` days of one actor, or of everybody.

    ``latest`` are the last runs but mere reading, ``judgements`` those of answers that the actor
    may see; both newest first.
    """

    actions: tuple[ActionMetrics, ...]
    days: tuple[Day, ...]
    latest: tuple[Step, ...]
    judgements: tuple[Judgement, ...]
    everybody: bool
    days_back: int
    run_id: str

    @property
    def runs(self) -> int:
        return sum(action.runs for action in self.actions)

    @property
    def tokens(self) -> int:
        return sum(action.prompt_tokens + action.output_tokens for action in self.actions)

    @property
    def cache_hit_share(self) -> float | None:
        """Replies from the cache among all replies; None before the first."""
        return cache_hit_share(self.actions)

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values."""
        return asdict(self)

    def df(self) -> pd.DataFrame:
        """A row per run of ``latest``."""
        return frame([asdict(step) for step in self.latest], _COLUMNS)

    _repr_pretty_ = pretty

    def _repr_html_(self) -> str:
        rows = [list(asdict(step).values()) for step in self.latest]
        return render.table_html(_COLUMNS, rows, self._caption())

    def __str__(self) -> str:
        return f"{self._caption()}\n{self.df().to_string(index=False)}"

    def _caption(self) -> str:
        return f"{self.runs:,} runs and {self.tokens:,} tokens in the last {self.days_back} days"
