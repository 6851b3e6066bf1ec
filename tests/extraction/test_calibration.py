from __future__ import annotations

from decimal import Decimal

import numpy as np

from workbench.extraction.calibration import (
    MIN_ISOTONIC,
    MIN_LABELS,
    Label,
    calibrate,
    doubt,
    reliability,
)
from workbench.values import Field, FieldStatus


def made(number: int, seed: int = 0) -> list[Label]:
    """Fields that are right with the probability that the examples' signal names."""
    random = np.random.default_rng(seed)
    labels = []
    for row in range(number):
        sure = float(random.uniform(0.05, 0.99))
        field = Field(
            "total", value="1", status=FieldStatus.LOCATED, signals={"taught": sure, "location": 1}
        )
        labels.append(Label(field, bool(random.uniform() < sure), row // 2))
    return labels


def test_few_or_uniform_labels_teach_nothing() -> None:
    assert calibrate(made(MIN_LABELS - 1)) is None
    field = Field("a", value="1", status=FieldStatus.LOCATED)
    assert calibrate([Label(field, True, n) for n in range(100)]) is None


def test_confidence_holds_on_fields_it_has_not_seen() -> None:
    for count in (150, MIN_ISOTONIC + 300):
        calibration = calibrate(made(count))
        assert calibration is not None
        fresh = made(2_000, seed=1)
        sure = np.array(calibration.confidence([label.field for label in fresh]))
        truth = np.array([label.correct for label in fresh])
        assert reliability(sure, truth).error < 0.08
        assert sure[truth].mean() > sure[~truth].mean() + 0.2


def test_the_figures_are_of_documents_held_back() -> None:
    # Signals that say nothing: in-sample figures would look better than chance.
    random = np.random.default_rng(0)
    labels = [
        Label(
            Field("a", status=FieldStatus.LOCATED, signals={"location": float(random.uniform())}),
            bool(random.uniform() < 0.5),
            number,
        )
        for number in range(200)
    ]
    calibration = calibrate(labels)
    assert calibration is not None
    assert calibration.measured.labels == 200
    assert sum(row.count for row in calibration.measured.bins) == 200


def test_reliability_by_hand() -> None:
    found = reliability(np.array([0.05, 0.95, 0.95, 1.0]), np.array([False, True, False, True]))
    # Bins: .05 with accuracy 0, (.95 + .95 + 1) / 3 with accuracy 2/3.
    assert abs(found.error - (0.25 * 0.05 + 0.75 * (2.9 / 3 - 2 / 3))) < 1e-9
    assert found.accuracy == 0.5


def test_doubt_orders_what_has_no_confidence() -> None:
    located = Field("a", value="1", status=FieldStatus.LOCATED, signals={"location": 1.0})
    vague = Field("a", value="1", status=FieldStatus.LOCATED, signals={"location": 0.86})
    many = Field(
        "a", value="1", status=FieldStatus.LOCATED, signals={"location": 1.0, "mentions": 5}
    )
    missing, invalid = Field("a"), Field("a", status=FieldStatus.INVALID)
    order = sorted([invalid, missing, vague, many, located], key=doubt)
    assert order == [located, vague, many, missing, invalid]
    assert doubt(Field("a", confidence=0.9)) == 1 - 0.9


def test_texts_are_looked_at_before_what_was_parsed() -> None:
    signals = {"location": 1.0, "mentions": 1.0}
    made = [
        Field("total", value=Decimal(5), quote="5.00", status=FieldStatus.LOCATED, signals=signals),
        Field("shop", value="ACME", quote="ACME", status=FieldStatus.LOCATED, signals=signals),
        Field("address", value="A B", quote="A\nB", status=FieldStatus.LOCATED, signals=signals),
        Field("phone", status=FieldStatus.MISSING),
    ]
    assert sorted(made, key=doubt) == made
