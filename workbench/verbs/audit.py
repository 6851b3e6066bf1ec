"""Verbs that prove what was done."""

from __future__ import annotations

from workbench.guard.policy import Action
from workbench.results import AuditCheck, Table
from workbench.verbs.verbs import Verbs


class AuditVerbs(Verbs):
    """Verify and export the audit."""

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
