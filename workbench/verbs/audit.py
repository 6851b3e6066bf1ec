"""Verbs that prove what was done."""

from __future__ import annotations

from workbench.errors import UsageError
from workbench.guard.policy import Action
from workbench.results import AuditCheck, Metrics, Table
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
