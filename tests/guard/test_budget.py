from __future__ import annotations

import pytest

from workbench.errors import BudgetExceeded
from workbench.guard import budget
from workbench.guard.budget import Budget, Day, Meter
from workbench.values import Usage


def test_reservations_count_before_they_are_settled() -> None:
    meter = Meter(Budget(max_tokens=100, max_seconds=60))
    meter.reserve(60)
    with pytest.raises(BudgetExceeded, match="101 of 100 tokens"):
        meter.reserve(41)
    meter.reserve(40)


def test_a_settled_reservation_counts_what_was_used() -> None:
    meter = Meter(Budget(max_tokens=100, max_seconds=60))
    meter.reserve(90)
    meter.settle(90, Usage(prompt_tokens=10, output_tokens=5))
    assert meter.usage.tokens == 15
    meter.reserve(85)
    with pytest.raises(BudgetExceeded):
        meter.reserve(1)


def test_a_refused_reservation_takes_nothing() -> None:
    meter = Meter(Budget(max_tokens=100, max_seconds=60))
    with pytest.raises(BudgetExceeded):
        meter.reserve(101)
    meter.reserve(100)


def test_time_runs_out(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [1000.0]
    monkeypatch.setattr(budget.time, "monotonic", lambda: clock[0])
    meter = Meter(Budget(max_tokens=100, max_seconds=60))
    clock[0] += 59
    meter.reserve(1)
    assert (meter.remaining_s, meter.usage.seconds) == (1, 59)
    clock[0] += 1
    with pytest.raises(BudgetExceeded, match="60 s"):
        meter.reserve(1)


def test_a_day_leaves_what_was_not_used_yet() -> None:
    run = Budget(max_tokens=100, max_seconds=60)
    used = Usage(prompt_tokens=20, output_tokens=10, seconds=50)
    assert Day().left(run, used) == run
    assert Day(max_tokens=1_000, max_seconds=1_000).left(run, used) == run
    left = Day(max_tokens=110, max_seconds=70).left(run, used)
    assert (left.max_tokens, left.max_seconds) == (80, 20)
    assert (left.tokens_of_day, left.seconds_of_day) == (True, True)
    gone = Day(max_tokens=0, max_seconds=0).left(run, used)
    assert (gone.max_tokens, gone.max_seconds) == (0, 0)


def test_the_nearer_bound_is_named() -> None:
    used = Usage(prompt_tokens=80, seconds=50)
    meter = Meter(Day(max_tokens=100, max_seconds=50).left(Budget(100, 60), used))
    with pytest.raises(BudgetExceeded, match="time of the day is used up"):
        meter.require_time()
    meter = Meter(Day(max_tokens=100).left(Budget(100, 60), used))
    with pytest.raises(BudgetExceeded, match="left of the day: 30 of 20 tokens"):
        meter.reserve(30)
