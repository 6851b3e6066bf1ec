"""Which way of extracting does best on reviewed documents, and how sure that is."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from workbench import render
from workbench.results.frames import frame, pretty

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way of extracting: how many of the most similar examples the prompt shows, whether the
    examples teach the choice among spans, how much a window shows, and which prompt asks."""

    name: str
    shots: int
    taught: bool
    window_chars: int
    prompt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial(Way):
    """A way tried on documents held back.

    ``accuracy`` is the share of their fields that came out as reviewed; ``gain`` is what it adds to
    the first trial's, ``low`` to ``high`` its 95% interval by bootstrap over documents.
    """

    accuracy: float
    gain: float
    low: float
    high: float
    prompt_tokens: float
    seconds: float

    @property
    def is_better(self) -> bool:
        """Whether the whole interval lies above zero."""
        return self.low > 0


@dataclass(frozen=True, slots=True)
class TuneReport:
    """The trials, the first is the plain way; tokens and seconds are per document.

    ``examples`` documents taught, ``held_back`` others judged. ``best`` is the most accurate trial
    whose gain is sure, else the first.
    """

    trials: tuple[Trial, ...]
    examples: int
    held_back: int
    run_id: str

    @property
    def best(self) -> Trial:
        """The trial to use."""
        sure = [trial for trial in self.trials if trial.is_better]
        return max(sure, key=lambda trial: trial.accuracy, default=self.trials[0])

    def df(self) -> pd.DataFrame:
        """One row per trial."""
        return frame([asdict(trial) for trial in self.trials], list(_COLUMNS))

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON holds it."""
        return {**asdict(self), "best": self.best.name}

    _repr_pretty_ = pretty

    def _repr_html_(self) -> str:
        rows = [[getattr(trial, name) for name in _COLUMNS] for trial in self.trials]
        return render.table_html(list(_COLUMNS), rows, str(self))

    def __str__(self) -> str:
        best = self.best
        told = f"accuracy {best.accuracy:.2f} on {self.held_back} documents held back"
        if best is self.trials[0]:
            return f"nothing is surely better than {best.name}: {told}"
        gain = f"{best.gain:.2f} ({best.low:.2f} to {best.high:.2f})"
        return f"best: {best.name}, {told}, gain {gain}"


_COLUMNS = (
    "name",
    "shots",
    "taught",
    "window_chars",
    "prompt",
    "accuracy",
    "gain",
    "low",
    "high",
    "prompt_tokens",
    "seconds",
)
