"""The verb that copies vectors to a server."""

from __future__ import annotations

from workbench.guard.policy import Action
from workbench.results import MigrationReport
from workbench.verbs.verbs import Verbs


class MigrateVerbs(Verbs):
    """Move beyond one machine."""

    def migrate(self, url: str) -> MigrationReport:
        """Copy all vectors to the server at ``url``, or what is new there, and verify the copy.

        Searches go on beside the workspace until ``[store] url`` in workbench.toml names the
        server. Only numbers leave: ids of chunks and documents, and vectors.

        Raises:
            AccessDenied: if the actor's role is not admin, or some label is out of its scope.
            ConfigError: if the url is of no known kind, or its extra is not installed.
            StoreError: if the server cannot be used, or what it holds differs.
        """
        with self._run(Action.MIGRATE, "vectors") as run:
            return self._workbench.corpus.moving.copy(run, url)
