"""The Run: a permitted, budgeted and audited operation that every model and corpus call needs.

Order of a run: decide (policy) -> reserve budget -> cache -> work -> settle -> audit. Denials and
failures are audited too; if the audit cannot be written, the verb fails.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Protocol

from workbench.errors import AccessDenied, UsageError, WorkbenchError
from workbench.guard.audit import AuditEntry, Ledger, Outcome
from workbench.guard.budget import Budget, Day, Meter, Spending
from workbench.guard.policy import Action, decide
from workbench.values import Actor, Scope


@dataclass(slots=True)
class RunCounts:
    """Model calls that were made, and replies that came from the cache instead."""

    model_calls: int = 0
    cache_hits: int = 0


class Run:
    """What a verb holds while it works. Only ``Guard.open`` makes one, and closes it.

    ``version`` is the corpus version that it looks at, None for the present one.
    """

    def __init__(
        self,
        actor: Actor,
        action: Action,
        scope: Scope,
        budget: Budget,
        *,
        version: int | None = None,
    ) -> None:
        self.id = uuid.uuid4().hex
        self.actor = actor
        self.action = action
        self.scope = scope
        self.version = version
        self.meter = Meter(budget)
        self.counts = RunCounts()
        self._open = True

    def require_open(self) -> None:
        """Raises AccessDenied once the verb has ended: a kept Run opens no door later."""
        if not self._open:
            raise AccessDenied(
                "the run has ended", value=self.id, next_step="Call the session's verb again."
            )

    def require_write(self, label: str) -> None:
        """Raises AccessDenied unless this run may change documents under ``label``."""
        self.require_open()
        past = self.version is not None
        if past or not self.action.writes or not self.scope.allows(label):
            raise AccessDenied(
                f"a run for {self.action.value!r} may not write",
                value=f"label {label!r}",
                next_step="Use a verb that writes, as an actor whose labels include this one.",
            )

    def close(self) -> None:
        self._open = False


class GrantedDocuments(Protocol):
    """Which single documents an actor may read; the store implements it."""

    def of(self, actor: str) -> frozenset[str]:
        """The uris granted to ``actor`` at this moment."""
        ...


_UNBOUNDED = frozenset({Action.AUDIT, Action.ACCESS})


@dataclass(frozen=True, slots=True)
class DayBounds:
    """The bounds of a day: ``actors`` by name, ``others`` for everybody else."""

    spending: Spending
    others: Day
    actors: Mapping[str, Day] = field(default_factory=dict)

    def of(self, actor: str) -> Day:
        return self.actors.get(actor, self.others)


class Guard:
    """The one door: decides, meters and audits. It owns no state but its ledger.

    ``grants`` are looked up anew for every run, so that one that was taken back counts no more.
    What an actor used today is counted from the audit's rows, and from the runs of this process
    that are not over; what other processes are using at this moment counts when they end.
    """

    def __init__(
        self,
        ledger: Ledger,
        budget: Budget,
        *,
        grants: GrantedDocuments | None = None,
        days: DayBounds | None = None,
    ) -> None:
        self._ledger = ledger
        self._budget = budget
        self._grants = grants
        self._days = days
        self._running: set[Run] = set()
        self._lock = threading.Lock()

    @contextmanager
    def open(
        self,
        actor: Actor,
        action: Action,
        *,
        resource: str = "",
        budget: Budget | None = None,
        version: int | None = None,
    ) -> Iterator[Run]:
        """Open a run for ``actor``; the audit row is written when the block ends.

        With ``version`` it sees the corpus as of then, and may change nothing.

        Raises:
            UsageError: if ``action`` cannot be done at an old version.
            AccessDenied: if the policy refuses; the denial is audited first.
            BudgetExceeded: if the actor's time of this day is used up; audited as a denial too.
            AuditError: if the audit row cannot be written.
        """
        if version is not None:
            _require_looking_back(action, version)
            resource = f"{resource} at version {version}".lstrip()
        started_at = datetime.now(UTC).isoformat(timespec="milliseconds")
        decision = decide(actor, action, resource)
        scope = self._scope(actor) if decision.allowed else actor.scope
        allowed = budget or self._budget
        if decision.allowed:
            allowed = self._left_today(actor, action, allowed)
        run = Run(actor, action, scope, allowed, version=version)
        if not decision.allowed:
            run.close()
            self._write(run, resource, started_at, Outcome.DENIED, decision.reason)
            raise AccessDenied(
                f"{actor.name} may not {action.value}",
                value=decision.reason,
                next_step="Ask an administrator for the role or label in workbench.toml.",
            )
        if allowed.max_seconds <= 0:
            run.close()
            self._write(run, resource, started_at, Outcome.DENIED, "the day's time is used up")
            run.meter.require_time()
        with self._lock:
            self._running.add(run)
        try:
            yield run
        except BaseException as error:
            self._end(run)
            self._write(run, resource, started_at, Outcome.FAILED, _name(error))
            raise
        self._end(run)
        self._write(run, resource, started_at, Outcome.DONE, decision.reason)

    def _end(self, run: Run) -> None:
        run.close()
        with self._lock:
            self._running.discard(run)

    def _left_today(self, actor: Actor, action: Action, budget: Budget) -> Budget:
        day = self._days.of(actor.name) if self._days is not None else Day()
        # Whoever set the bounds must be able to see what they do, and to change access.
        if self._days is None or not day.is_bounded or action in _UNBOUNDED:
            return budget
        midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        used = self._days.spending.used(actor.name, midnight)
        with self._lock:
            for run in self._running:
                if run.actor.name == actor.name:
                    used = used + run.meter.usage
        return day.left(budget, used)

    def _scope(self, actor: Actor) -> Scope:
        if self._grants is None or actor.scope.unrestricted:
            return actor.scope
        return replace(actor.scope, documents=self._grants.of(actor.name))

    def _write(
        self, run: Run, resource: str, started_at: str, outcome: Outcome, detail: str
    ) -> None:
        self._ledger.record(
            AuditEntry(
                run_id=run.id,
                actor=run.actor.name,
                role=run.actor.role,
                action=run.action.value,
                resource=resource,
                outcome=outcome,
                detail=detail,
                usage=run.meter.usage,
                model_calls=run.counts.model_calls,
                cache_hits=run.counts.cache_hits,
                started_at=started_at,
            )
        )


def _require_looking_back(action: Action, version: int) -> None:
    if not action.looks_back:
        raise UsageError(
            f"a session at an old version cannot {action.value}",
            value=f"version {version}",
            next_step="Use the session that it was made from.",
        )


def _name(error: BaseException) -> str:
    if isinstance(error, GeneratorExit | KeyboardInterrupt):
        return "stopped by the caller"
    # The class only: a message could quote document text, which has no place in the audit.
    kind = type(error).__name__
    return kind if isinstance(error, WorkbenchError) else f"unexpected {kind}"
