from __future__ import annotations

import dataclasses

import pytest

from tests.guard.conftest import MemoryLedger, actor
from workbench.guard.audit import AuditEntry, Outcome
from workbench.guard.policy import Action
from workbench.guard.run import Guard
from workbench.values import Usage


def test_a_row_tells_who_did_what_and_what_it_took(guard: Guard, ledger: MemoryLedger) -> None:
    with guard.open(actor("viewer"), Action.ASK, resource="corpus") as run:
        run.meter.reserve(50)
        run.meter.settle(50, Usage(prompt_tokens=30, output_tokens=10))
        run.counts.model_calls += 1
        run.counts.cache_hits += 2
    [entry] = ledger.entries
    assert (entry.actor, entry.role, entry.action) == ("ana", "viewer", "ask")
    assert (entry.resource, entry.outcome) == ("corpus", Outcome.DONE)
    assert (entry.usage.prompt_tokens, entry.usage.output_tokens) == (30, 10)
    assert (entry.model_calls, entry.cache_hits) == (1, 2)
    assert entry.run_id == run.id
    assert entry.started_at.endswith("+00:00")


def test_rows_cannot_be_changed(guard: Guard, ledger: MemoryLedger) -> None:
    with guard.open(actor("viewer"), Action.ASK):
        pass
    entry: AuditEntry = ledger.entries[0]
    with pytest.raises(dataclasses.FrozenInstanceError):
        entry.actor = "bob"  # type: ignore[misc]
