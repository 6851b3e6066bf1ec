"""A ledger in memory and actors of each kind."""

from __future__ import annotations

import pytest

from workbench.errors import AuditError
from workbench.guard.audit import AuditEntry
from workbench.guard.budget import Budget
from workbench.guard.run import Guard
from workbench.values import Actor, Scope

BUDGET = Budget(max_tokens=100, max_seconds=60)


class MemoryLedger:
    """Keeps the entries; full, it refuses like a disk would."""

    def __init__(self) -> None:
        self.entries: list[AuditEntry] = []
        self.full = False

    def record(self, entry: AuditEntry) -> None:
        if self.full:
            raise AuditError("the audit row could not be written", next_step="Free some disk.")
        self.entries.append(entry)


def actor(role: str = "analyst", *labels: str, everything: bool = False) -> Actor:
    return Actor("ana", role, Scope(frozenset(labels), unrestricted=everything))


@pytest.fixture
def ledger() -> MemoryLedger:
    return MemoryLedger()


@pytest.fixture
def guard(ledger: MemoryLedger) -> Guard:
    return Guard(ledger, BUDGET)
