"""Verbs that prove what was done."""

from __future__ import annotations

from workbench.errors import UsageError
from workbench.guard.policy import Action, decide
from workbench.results import Activity, AuditCheck, Metrics, Table
from workbench.verbs.verbs import Verbs

MAX_DAYS = 36_500


class AuditVerbs(Verbs):
    """Verify, export and count the audit."""

    def verify_audit(self) -> AuditCheck:
        """Whether any audit row was changed, moved, added or removed behind Workbench's back.

        Note the head somewhere else: that also shows a chain that was computed anew. This run's
        own row comes after what is checked.

        Raises:
            AccessDenied: if the actor's role is not admin.
            StoreError, AuditError: if the audit cannot be read or written any more.
        """
        with self._run(Action.AUDIT, "audit") as run:
            return self._workbench.corpus.verify_audit(run)

    def export_audit(self) -> Table:
        """Every audit row in order with its hash, to be checked or kept elsewhere.

        Raises:
            AccessDenied: if the actor's role is not admin.
            StoreError, AuditError: if the audit cannot be read or written any more.
        """
        with self._run(Action.AUDIT, "audit") as run:
            return Table(self._workbench.corpus.export_audit(run), run.id)

    @property
    def may_audit(self) -> bool:
        """Whether the actor may see what others did, and check the audit."""
        return decide(self.actor, Action.AUDIT, "").allowed

    def activity(self, *, days: int = 30, everybody: bool = False) -> Activity:
        """What the actor did in the last ``days`` days and thought of its answers, or everybody.

        Raises:
            AccessDenied: for everybody, if the actor's role is not admin.
            UsageError, StoreError, AuditError.
        """
        if not 1 <= days <= MAX_DAYS:
            raise UsageError(
                "the number of days cannot be used",
                value=days,
                next_step=f"Give 1 to {MAX_DAYS:,} days.",
            )
        action = Action.METRICS if everybody else Action.READ
        with self._run(action, "activity") as run:
            return self._workbench.corpus.counters.activity(run, days=days, everybody=everybody)

    def metrics(self, *, days: float | None = None) -> Metrics:
        """Runs, denials, failures, tokens, cache hits and times by action, of the last ``days``
        days or of all.

        Raises:
            AccessDenied: if the actor's role is not admin.
            UsageError, StoreError, AuditError.
        """
        if days is not None and not 0 <= days <= MAX_DAYS:
            raise UsageError(
                "the number of days cannot be used",
                value=days,
                next_step=f"Give 0 to {MAX_DAYS:,} days, or leave it out.",
            )
        with self._run(Action.METRICS, "metrics") as run:
            return self._workbench.corpus.counters.metrics(run, days=days)
