"""What was done with a workspace, in numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from workbench import render
from workbench.results.frames import frame, pretty

if TYPE_CHECKING:
    import pandas as pd

_COLUMNS = [
    "action",
    "runs",
    "denied",
    "failed",
    "prompt_tokens",
    "output_tokens",
    "model_calls",
    "cache_hits",
    "seconds_p50",
    "seconds_p95",
]


@dataclass(frozen=True, slots=True)
class ActionMetrics:
    """The runs of one action. Seconds are the median and the 95th percentile of those done."""

    action: str
    runs: int
    denied: int
    failed: int
    prompt_tokens: int
    output_tokens: int
    model_calls: int
    cache_hits: int
    seconds_p50: float | None
    seconds_p95: float | None


@dataclass(frozen=True, slots=True)
class Metrics:
    """Counters by action, from the audit's rows of the last ``days`` days (None: of all)."""

    actions: tuple[ActionMetrics, ...]
    days: float | None
    run_id: str

    @property
    def cache_hit_share(self) -> float | None:
        """Replies from the cache among all replies; None before the first."""
        return cache_hit_share(self.actions)

    def to_dict(self) -> dict[str, Any]:
        """The command line's JSON: days and actions."""
        return {"days": self.days, "actions": [asdict(action) for action in self.actions]}

    def df(self) -> pd.DataFrame:
        """A row per action."""
        return frame([asdict(action) for action in self.actions], _COLUMNS)

    _repr_pretty_ = pretty

    def _repr_html_(self) -> str:
        rows = [list(asdict(action).values()) for action in self.actions]
        return render.table_html(_COLUMNS, rows, self._caption())

    def __str__(self) -> str:
        return f"{self._caption()}\n{self.df().to_string(index=False)}"

    def _caption(self) -> str:
        when = "ever" if self.days is None else f"in the last {self.days:g} days"
        return f"{sum(action.runs for action in self.actions):,} runs {when}"


def cache_hit_share(actions: Sequence[ActionMetrics]) -> float | None:
    """Replies from the cache among all replies of the actions; None before the first."""
    hits = sum(action.cache_hits for action in actions)
    replies = hits + sum(action.model_calls for action in actions)
    return hits / replies if replies else None
