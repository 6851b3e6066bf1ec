"""Roles, actions and the decision between them. What is not granted is denied."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from workbench.values import Actor


class Action(StrEnum):
    """What a verb does.

    ``writes`` tells whether it may change documents. ``names_label`` tells whether its resource is
    the label it writes under; the others ask for each label they meet. ``looks_back`` tells whether
    it can be done at an old version of the corpus.
    """

    SEARCH = "search"
    ASK = "ask"
    FEEDBACK = "feedback"
    EXTRACT = "extract"
    REVIEW = "review"
    READ = "read"
    SQL = "sql"
    INGEST = "ingest"
    REMOVE = "remove"
    AUDIT = "audit"
    EVALUATE = "evaluate"
    ACCESS = "access"
    REVEAL = "reveal"
    ORIGINAL = "original"
    FORGET = "forget"
    VAULT = "vault"
    METRICS = "metrics"
    SNAPSHOT = "snapshot"
    ROLLBACK = "rollback"
    MASKING = "masking"
    MIGRATE = "migrate"
    REEMBED = "reembed"

    @property
    def writes(self) -> bool:
        return self in {
            Action.INGEST,
            Action.REMOVE,
            Action.ROLLBACK,
            Action.FORGET,
            Action.REEMBED,
        }

    @property
    def names_label(self) -> bool:
        return self in {Action.INGEST, Action.REMOVE}

    @property
    def looks_back(self) -> bool:
        return self in {
            Action.SEARCH,
            Action.ASK,
            Action.READ,
            Action.ORIGINAL,
            Action.SQL,
            Action.EVALUATE,
        }


_VIEWER = frozenset({Action.SEARCH, Action.ASK, Action.FEEDBACK, Action.READ})
_ANALYST = _VIEWER | {
    Action.EXTRACT,
    Action.REVIEW,
    Action.SQL,
    Action.INGEST,
    Action.REMOVE,
    Action.EVALUATE,
    Action.SNAPSHOT,
    Action.ROLLBACK,
    Action.MASKING,
}
_ADMIN = frozenset(Action)
GRANTABLE = frozenset({Action.REVEAL, Action.ORIGINAL})
"""What an actor of any role may be granted beside its role."""

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
    extra = action in GRANTABLE and action.value in actor.may
    if action not in granted and not extra:
        return Decision(action, resource, False, f"the role {actor.role!r} may not {action.value}")
    if action.names_label and not actor.scope.allows(resource):
        return Decision(
            action, resource, False, f"the label {resource!r} is outside the actor's scope"
        )
    if action is Action.FORGET and not actor.scope.unrestricted:
        return Decision(action, resource, False, "the actor does not see everything")
    return Decision(action, resource, True, f"the role {actor.role!r} may {action.value}")
