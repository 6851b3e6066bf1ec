"""The verb that changes the embedding model."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from workbench.guard.policy import Action
from workbench.verbs.verbs import Verbs

if TYPE_CHECKING:
    from workbench.results.reembedded import Reembedded


class ReembedVerbs(Verbs):
    """Change the embedding model."""

    def reembed(self, *, progress: Callable[[int], None] | None = None) -> Reembedded:
        """Embed every chunk again with the embedding model of the settings, then switch at once.

        Set ``models.embedding`` first. Searches of others go on meanwhile with the former model.
        Interrupted, it continues where it was. ``progress`` is told how many chunks are done.

        Raises:
            AccessDenied: unless the actor is an administrator who sees everything.
            ModelError, StoreError, BudgetExceeded.
        """
        from workbench.tasks.reembed import reembed

        workbench = self._workbench
        with self._run(Action.REEMBED, "corpus") as run:
            return reembed(run, workbench.models, workbench.corpus, progress=progress or _ignore)


def _ignore(_: int) -> None:
    """Show no progress."""
