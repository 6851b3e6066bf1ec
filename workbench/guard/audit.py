"""What is written down about every run, allowed or not."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from workbench.values import Usage


class Outcome(StrEnum):
    """How a run ended."""

    DONE = "done"
    DENIED = "denied"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One run. ``detail`` is a reason or an error's class, never document text."""

    run_id: str
    actor: str
    role: str
    action: str
    resource: str
    outcome: Outcome
    detail: str
    usage: Usage
    model_calls: int
    cache_hits: int
    started_at: str


class Ledger(Protocol):
    """Where audit entries go; the store implements it."""

    def record(self, entry: AuditEntry) -> None:
        """Append one entry durably.

        Raises:
            AuditError: if it could not be written.
        """
        ...
