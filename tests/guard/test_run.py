from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tests.guard.conftest import BUDGET, MemoryLedger, actor
from workbench.errors import AccessDenied, AuditError, BudgetExceeded, CorruptFile, UsageError
from workbench.guard.audit import Outcome
from workbench.guard.budget import Budget, Day
from workbench.guard.policy import Action
from workbench.guard.run import DayBounds, Guard, Run
from workbench.values import Scope, Usage


def test_a_denial_is_audited_and_the_work_never_starts(guard: Guard, ledger: MemoryLedger) -> None:
    started = []
    with (
        pytest.raises(AccessDenied, match="ana may not sql"),
        guard.open(actor("viewer"), Action.SQL),
    ):
        started.append(True)
    assert started == []
    [entry] = ledger.entries
    assert (entry.outcome, entry.detail) == (Outcome.DENIED, "the role 'viewer' may not sql")


def test_a_failure_is_audited_without_its_message(guard: Guard, ledger: MemoryLedger) -> None:
    with pytest.raises(CorruptFile), guard.open(actor("viewer"), Action.READ):
        raise CorruptFile("secret words", next_step="Open it.")
    with pytest.raises(ZeroDivisionError), guard.open(actor("viewer"), Action.READ):
        raise ZeroDivisionError("secret words")
    assert [entry.outcome for entry in ledger.entries] == [Outcome.FAILED] * 2
    details = [entry.detail for entry in ledger.entries]
    assert details == ["CorruptFile", "unexpected ZeroDivisionError"]


def test_an_interrupt_is_audited(guard: Guard, ledger: MemoryLedger) -> None:
    with pytest.raises(KeyboardInterrupt), guard.open(actor("viewer"), Action.ASK):
        raise KeyboardInterrupt
    assert ledger.entries[0].outcome is Outcome.FAILED


@pytest.mark.parametrize("role", ["viewer", "nobody"])
def test_without_an_audit_row_the_verb_fails(guard: Guard, ledger: MemoryLedger, role: str) -> None:
    ledger.full = True
    with pytest.raises(AuditError), guard.open(actor(role), Action.ASK):
        pass


def test_a_kept_run_opens_no_door_later(guard: Guard) -> None:
    with guard.open(actor("analyst", "internal"), Action.INGEST, resource="internal") as run:
        run.require_open()
        run.require_write("internal")
    with pytest.raises(AccessDenied, match="the run has ended"):
        run.require_open()
    with pytest.raises(AccessDenied, match="the run has ended"):
        run.require_write("internal")


def test_a_failed_run_is_closed_too(guard: Guard) -> None:
    with pytest.raises(ZeroDivisionError), guard.open(actor("viewer"), Action.ASK) as run:
        raise ZeroDivisionError
    with pytest.raises(AccessDenied):
        run.require_open()


def test_writing_needs_a_writing_verb_and_the_label(guard: Guard) -> None:
    with (
        guard.open(actor("admin", everything=True), Action.ASK) as run,
        pytest.raises(AccessDenied, match="a run for 'ask' may not write"),
    ):
        run.require_write("internal")
    with (
        guard.open(actor("admin", "internal"), Action.INGEST, resource="internal") as run,
        pytest.raises(AccessDenied, match="label 'secret'"),
    ):
        run.require_write("secret")


def test_a_run_sees_what_its_actor_sees(guard: Guard) -> None:
    ana = actor("viewer", "public")
    with guard.open(ana, Action.SEARCH) as run:
        assert run.scope == ana.scope
        assert not run.scope.allows("internal")


def test_a_run_may_have_a_smaller_budget(guard: Guard) -> None:
    small = Budget(max_tokens=5, max_seconds=60)
    with (
        guard.open(actor("viewer"), Action.ASK, budget=small) as run,
        pytest.raises(BudgetExceeded),
    ):
        run.meter.reserve(6)


def test_every_run_has_its_own_id(guard: Guard, ledger: MemoryLedger) -> None:
    for _ in range(3):
        with guard.open(actor("viewer"), Action.ASK):
            pass
    assert len({entry.run_id for entry in ledger.entries}) == 3


def test_at_an_old_version_nothing_is_written(guard: Guard, ledger: MemoryLedger) -> None:
    with guard.open(actor("admin"), Action.READ, resource="documents", version=3) as run:
        assert run.version == 3
    assert ledger.entries[0].resource == "documents at version 3"
    for action in Action:
        if not action.looks_back:
            with pytest.raises(UsageError, match="old version"):
                guard.open(actor("admin"), action, version=3).__enter__()
    past = Run(run.actor, Action.INGEST, Scope(unrestricted=True), Budget(1, 1), version=3)
    with pytest.raises(AccessDenied, match="may not write"):
        past.require_write("internal")


class Spent:
    """Everybody used the same today."""

    def __init__(self, used: Usage) -> None:
        self.usage = used
        self.asked: list[tuple[str, datetime]] = []

    def used(self, actor: str, since: datetime) -> Usage:
        self.asked.append((actor, since))
        return self.usage


def test_a_day_bounds_an_actors_runs(ledger: MemoryLedger) -> None:
    spent = Spent(Usage(prompt_tokens=70, seconds=10))
    guard = Guard(ledger, BUDGET, days=DayBounds(spent, Day(max_tokens=100), {"bob": Day()}))
    with guard.open(actor("viewer"), Action.ASK) as run:
        run.meter.reserve(20)
        run.meter.settle(20, Usage(prompt_tokens=20))
        # A second run of this moment counts what the first has used.
        with guard.open(actor("viewer"), Action.ASK) as second:
            with pytest.raises(BudgetExceeded, match="left of the day: 11 of 10"):
                second.meter.reserve(11)
            second.meter.reserve(10)
    [first_asked, _] = spent.asked
    assert first_asked[0] == "ana"
    assert (first_asked[1].hour, first_asked[1].minute, first_asked[1].tzinfo) == (0, 0, UTC)
    with guard.open(replace(actor("viewer"), name="bob"), Action.ASK) as run:
        run.meter.reserve(100)


def test_once_the_days_time_is_used_up_only_the_audit_is_open(ledger: MemoryLedger) -> None:
    days = DayBounds(Spent(Usage(seconds=60)), Day(max_seconds=60))
    guard = Guard(ledger, BUDGET, days=days)
    with (
        pytest.raises(BudgetExceeded, match="time of the day is used up"),
        guard.open(actor("admin"), Action.READ),
    ):
        raise AssertionError
    assert (ledger.entries[0].outcome, ledger.entries[0].action) == (Outcome.DENIED, "read")
    with guard.open(actor("admin"), Action.AUDIT):
        pass


class Granted:
    def of(self, actor: str) -> frozenset[str]:
        return frozenset({f"file:///{actor}.md"})


def test_grants_are_part_of_a_runs_scope(ledger: MemoryLedger) -> None:
    guard = Guard(ledger, BUDGET, grants=Granted())
    with guard.open(actor("viewer", "public"), Action.READ) as run:
        assert run.scope.sees("secret", "file:///ana.md")
        assert not run.scope.sees("secret", "file:///bob.md")
        assert not run.scope.allows("secret")
    with guard.open(actor("viewer", everything=True), Action.READ) as run:
        assert run.scope == Scope(unrestricted=True)
