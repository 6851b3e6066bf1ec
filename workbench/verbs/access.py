"""Verbs that say who may see what."""

from __future__ import annotations

from workbench.errors import UsageError
from workbench.guard.policy import Action
from workbench.results import Table
from workbench.verbs.verbs import Verbs


class AccessVerbs(Verbs):
    """Grant single documents, and list and take back what was granted.

    What an actor sees by label is set in ``workbench.toml``.
    """

    def grant(self, actor: str, document_id: int) -> str:
        """Let ``actor`` read one document, whatever its label, in all versions to come as well.

        Returns the document's uri. It holds from the actor's next verb on.

        Raises:
            AccessDenied: if this session's role is not admin, or the document is out of its scope.
            UsageError: if no such actor is configured.
            StoreError, AuditError.
        """
        with self._run(Action.ACCESS, _resource(actor, document_id)) as run:
            self._require_known(actor)
            return self._workbench.corpus.grants.grant(run, actor, int(document_id))

    def revoke(self, actor: str, document_id: int) -> str:
        """Take back what ``grant`` gave, for any version of the document. Returns its uri.

        Raises:
            AccessDenied: if this session's role is not admin, or the document is out of its scope.
            UsageError: if the document was not granted to ``actor``.
            StoreError, AuditError.
        """
        with self._run(Action.ACCESS, _resource(actor, document_id)) as run:
            return self._workbench.corpus.grants.revoke(run, actor, int(document_id))

    def grants(self) -> Table:
        """Every grant, by actor: document_id, document, uri, label, granted_by, granted_at.

        Raises:
            AccessDenied: if this session's role is not admin.
            StoreError, AuditError.
        """
        with self._run(Action.ACCESS, "grants") as run:
            return Table(self._workbench.corpus.grants.all(run), run.id)

    def _require_known(self, actor: str) -> None:
        known = self._workbench.config.actors
        if actor not in known:
            raise UsageError(
                "this actor is not configured",
                value=actor,
                next_step=f"Add [actors.{actor}] to workbench.toml first; without any actors "
                "everybody here sees everything.",
            )


def _resource(actor: str, document_id: int) -> str:
    return f"document {document_id} for {actor}"
