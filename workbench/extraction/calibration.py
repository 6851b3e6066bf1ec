"""How sure an extracted value is: the probability that a reviewer would leave it as it is.

Made from evidence (how its words were located, how often windows and runs agreed, what validation
and the reviewed examples say), never from the model's own opinion of itself. Reviewed fields fit a
logistic regression over that evidence, which is Platt's scaling (Platt 1999) with more than one
score; with enough reviews an isotonic regression (Zadrozny and Elkan 2002) follows it. Before there
are enough, a field has no confidence, and ``doubt`` alone orders the review.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.extraction.schema import bare
from workbench.values import Field, FieldStatus

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MIN_LABELS = 20
"""Fewer reviewed fields than this say too little."""

MIN_ISOTONIC = 200
"""From this many on the steps of an isotonic regression follow the data, not the noise."""

BINS = 10
_FOLDS = 5
_PENALTY = 1.0
_SIGNALS = ("location", "exact", "ambiguous", "trimmed", "repaired", "only", "taught", "moved")


@dataclass(frozen=True, slots=True)
class Label:
    """A reviewed field: whether the machine's value was left as it was. ``group`` is its document:
    fields of one document are never on both sides of a cross-validation."""

    field: Field
    correct: bool
    group: int


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """A fitted model of confidence. ``measured`` are its figures on documents it had not seen."""

    names: tuple[str, ...]
    model: Any
    steps: Any | None
    measured: Reliability

    def confidence(self, fields: Sequence[Field]) -> list[float]:
        """A probability for each field, 0 to 1."""
        if not fields:
            return []
        return [float(p) for p in _predicted(self.model, self.steps, _rows(fields, self.names))]


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Fields whose confidence lies from ``low`` to ``high``: its mean, and the share correct."""

    low: float
    high: float
    count: int
    confidence: float
    accuracy: float


@dataclass(frozen=True, slots=True)
class Reliability:
    """How well confidences hold. ``error`` is the expected calibration error (Naeini et al. 2015):
    the mean distance of confidence and accuracy over equal bins, weighted by their counts."""

    labels: int
    accuracy: float
    error: float
    bins: tuple[ReliabilityBin, ...]


def doubt(field: Field) -> float:
    """How much speaks against a field without any reviews, 0 to 1; only its order means something.

    What is missing or invalid comes before what was inferred, that before what was located badly,
    at one of many places, or against what examples teach. Dates and amounts were parsed, so that
    more speaks for them than for text, above all of several lines, whose borders nothing checks.
    """
    if field.confidence is not None:
        return 1 - field.confidence
    base = {
        FieldStatus.INVALID: 0.9,
        FieldStatus.MISSING: 0.6,
        FieldStatus.INFERRED: 0.5,
        FieldStatus.LOCATED: 0.1,
    }[field.status]
    signals = field.signals
    extra = 1 - signals.get("location", 1.0)
    extra += 0.2 * (1 - 1 / max(1.0, signals.get("mentions", 1.0)))
    extra += 0.2 * signals.get("ambiguous", 0.0) + 0.2 * signals.get("repaired", 0.0)
    extra += 0.6 * (1 - signals.get("taught", 1.0))
    if isinstance(field.value, str):
        extra += 0.3 if "\n" in field.quote else 0.2
    return min(1.0, base + extra * (1 - base))


def calibrate(labels: Sequence[Label]) -> Calibration | None:
    """A calibration from reviewed fields; None while they are too few or all alike."""
    import numpy as np

    truth = np.array([label.correct for label in labels], dtype=bool)
    if len(labels) < MIN_LABELS or truth.all() or not truth.any():
        return None
    fields = [label.field for label in labels]
    names = tuple(sorted({bare(field.name) for field in fields}))
    rows = _rows(fields, names)
    groups = np.array([label.group for label in labels])
    held_out = _held_out(rows, truth, groups)
    model, steps = _fit(rows, truth)
    return Calibration(names, model, steps, reliability(held_out, truth))


def reliability(confidence: NDArray[np.float64], correct: NDArray[np.bool_]) -> Reliability:
    """Compare confidences (n,) with whether each was correct (n,)."""
    import numpy as np

    bins = []
    error = 0.0
    place = np.minimum((confidence * BINS).astype(int), BINS - 1)
    for number in range(BINS):
        inside = place == number
        count = int(inside.sum())
        if count:
            mean, right = float(confidence[inside].mean()), float(correct[inside].mean())
            error += abs(mean - right) * count / len(correct)
            bins.append(ReliabilityBin(number / BINS, (number + 1) / BINS, count, mean, right))
    return Reliability(len(correct), float(correct.mean()), error, tuple(bins))


def _rows(fields: Sequence[Field], names: Sequence[str]) -> NDArray[np.float64]:
    """Evidence as numbers (n, d): signals, status, and which field it is."""
    import numpy as np

    rows = []
    for field in fields:
        signals = field.signals
        row = [signals.get(name, 0.0) for name in _SIGNALS]
        row.append(1 / max(1.0, signals.get("mentions", 1.0)))
        row.append(min(3.0, signals.get("agreeing", 0.0)))
        row.append(min(3.0, signals.get("disagreeing", 0.0)))
        row.append(float("taught" in signals))
        row += [float(field.status is status) for status in FieldStatus]
        row += [float(bare(field.name) == name) for name in names]
        rows.append(row)
    return np.asarray(rows, dtype=np.float64)


def _fit(rows: NDArray[np.float64], truth: NDArray[np.bool_]) -> tuple[Any, Any | None]:
    from sklearn.isotonic import IsotonicRegression
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=_PENALTY, max_iter=1_000).fit(rows, truth)
    if len(truth) < MIN_ISOTONIC:
        return model, None
    steps = IsotonicRegression(y_min=0.01, y_max=0.99, out_of_bounds="clip")
    return model, steps.fit(model.predict_proba(rows)[:, 1], truth)


def _predicted(model: Any, steps: Any | None, rows: NDArray[np.float64]) -> NDArray[np.float64]:
    import numpy as np

    probabilities = model.predict_proba(rows)[:, 1]
    if steps is not None:
        # The mean of both keeps an order within a step and takes the edge off a small sample.
        probabilities = (probabilities + steps.predict(probabilities)) / 2
    return np.asarray(probabilities, dtype=np.float64)


def _held_out(
    rows: NDArray[np.float64], truth: NDArray[np.bool_], groups: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Each field's confidence from a model that saw no field of its document."""
    import numpy as np
    from sklearn.model_selection import GroupKFold

    folds = min(_FOLDS, len(np.unique(groups)))
    result = np.full(len(truth), truth.mean(), dtype=np.float64)
    if folds < 2:
        return result
    for train, test in GroupKFold(folds).split(rows, truth, groups):
        if truth[train].all() or not truth[train].any():
            result[test] = truth[train].mean()
            continue
        model, steps = _fit(rows[train], truth[train])
        result[test] = _predicted(model, steps, rows[test])
    return result
