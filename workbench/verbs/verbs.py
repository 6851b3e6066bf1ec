"""What every group of verbs stands on: the workbench, the actor, and the run that a verb opens."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from workbench.guard.budget import Budget
from workbench.guard.policy import Action
from workbench.guard.run import Run
from workbench.values import Actor

if TYPE_CHECKING:
    from workbench.workbench import Workbench


class Verbs:
    """Verbs of one actor. Each opens a run: decided, budgeted and audited.

    ``version`` is the corpus version that they look at, None for the present one; see ``at``.
    """

    def __init__(self, workbench: Workbench, actor: Actor, *, version: int | None = None) -> None:
        self._workbench = workbench
        self.actor = actor
        self.version = version

    def _run(self, action: Action, resource: str = "") -> AbstractContextManager[Run]:
        limits = self._workbench.config.budget
        long = action in {Action.INGEST, Action.REEMBED}
        seconds = limits.ingest_max_seconds if long else limits.max_seconds
        budget = Budget(limits.max_tokens, seconds)
        return self._workbench.guard.open(
            self.actor, action, resource=resource, budget=budget, version=self.version
        )
