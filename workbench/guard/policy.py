"""Roles, actions and the decision between them. What is not granted is denied."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from workbench.values import Actor


class Action(StrEnum):
    """What a verb does. ``writes`` tells whether it may change documents or settings."""

    SEARCH = "search"
    ASK = "ask"
    READ = "read"
    SQL = "sql"
    INGEST = "ingest"
    REMOVE = "remove"
    AUDIT = "audit"
    EVALUATE = "evaluate"
    ACCESS = "access"

    @property
    def writes(self) -> bool:
        return self in {Action.INGEST, Action.REMOVE}


_VIEWER = frozenset({Action.SEARCH, Action.ASK, Action.READ})
_ANALYST = _VIEWER | {Action.SQL, Action.INGEST, Action.REMOVE, Action.EVALUATE}
_ADMIN = frozenset(Action)

ROLES: Mapping[str, frozenset[Action]] = {
    "viewer": _VIEWER,
    "analyst": _ANALYST,
    "admin": _ADMIN,
}


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether ``action`` on ``resource`` is allowed, and why. Recorded with every run."""

    action: Action
    resource: str
    allowed: bool
    reason: str


def decide(actor: Actor, action: Action, resource: str) -> Decision:
    """Decide by role. A write to a label also needs the label in the actor's scope."""
    granted = ROLES.get(actor.role)
    if granted is None:
        return Decision(action, resource, False, f"the role {actor.role!r} is not known")
    if action not in granted:
        return Decision(action, resource, False, f"the role {actor.role!r} may not {action.value}")
    if action.writes and not actor.scope.allows(resource):
        return Decision(
            action, resource, False, f"the label {resource!r} is outside the actor's scope"
        )
    return Decision(action, resource, True, f"the role {actor.role!r} may {action.value}")
