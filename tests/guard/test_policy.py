from __future__ import annotations

import pytest

from workbench.guard.policy import ROLES, Action, decide
from workbench.values import Actor, Scope

EVERYTHING = Scope(unrestricted=True)
GRANTED = {
    "viewer": {"search", "ask", "feedback", "read"},
    "analyst": {"search", "ask", "feedback", "read", "sql", "ingest", "remove", "evaluate"}
    | {"snapshot", "rollback", "masking", "extract", "review"},
    "admin": {"search", "ask", "read", "sql", "ingest", "remove", "evaluate", "audit", "access"}
    | {"reveal", "original", "feedback", "forget", "vault", "metrics", "reembed", "migrate"}
    | {"snapshot", "rollback", "masking", "extract", "review"},
}


@pytest.mark.parametrize("role", sorted(GRANTED))
@pytest.mark.parametrize("action", list(Action))
def test_a_role_may_what_it_was_granted_and_nothing_else(role: str, action: Action) -> None:
    decision = decide(Actor("ana", role, EVERYTHING), action, "internal")
    assert decision.allowed == (action.value in GRANTED[role])
    assert (decision.action, decision.resource) == (action, "internal")
    assert role in decision.reason


def test_every_role_is_tested() -> None:
    assert set(ROLES) == set(GRANTED)


@pytest.mark.parametrize("role", ["", "Admin", "admin ", "root"])
def test_an_unknown_role_may_nothing(role: str) -> None:
    decisions = [decide(Actor("ana", role, EVERYTHING), action, "") for action in Action]
    assert not any(decision.allowed for decision in decisions)
    assert all("not known" in decision.reason for decision in decisions)


@pytest.mark.parametrize("action", [Action.INGEST, Action.REMOVE])
def test_a_write_needs_its_label_in_scope(action: Action) -> None:
    ana = Actor("ana", "admin", Scope(frozenset({"public"})))
    assert decide(ana, action, "public").allowed
    refused = decide(ana, action, "secret")
    assert not refused.allowed
    assert "'secret'" in refused.reason


def test_an_empty_scope_may_write_nothing() -> None:
    assert not decide(Actor("ana", "admin", Scope()), Action.INGEST, "internal").allowed


def test_what_writes_cannot_be_done_at_an_old_version() -> None:
    writing = {action for action in Action if action.writes}
    assert writing == {
        Action.INGEST,
        Action.REMOVE,
        Action.ROLLBACK,
        Action.FORGET,
        Action.REEMBED,
    }
    assert not any(action.looks_back for action in writing)


@pytest.mark.parametrize("action", list(Action))
def test_only_what_may_be_granted_is_granted_beside_the_role(action: Action) -> None:
    everything = frozenset(Action)
    ana = Actor("ana", "viewer", EVERYTHING, may=frozenset(a.value for a in everything))
    expected = action.value in GRANTED["viewer"] | {"reveal", "original"}
    assert decide(ana, action, "internal").allowed == expected
    nobody = Actor("ana", "nobody", EVERYTHING, may=frozenset({"reveal"}))
    assert not decide(nobody, action, "internal").allowed


def test_who_does_not_see_everything_forgets_nobody() -> None:
    ana = Actor("ana", "admin", Scope(frozenset({"internal", "data subject"})))
    assert not decide(ana, Action.FORGET, "data subject").allowed
