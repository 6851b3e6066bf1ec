from __future__ import annotations

import pytest

from workbench.guard.cache import cache_key
from workbench.values import Scope

PARTS = {"prompt": "1", "model": "sha256:a", "corpus": 3, "question": "wie groß?"}
SCOPE = Scope(frozenset({"a", "b"}))


def test_the_same_state_has_the_same_key() -> None:
    again = cache_key(Scope(frozenset({"b", "a"})), dict(reversed(PARTS.items())))
    assert cache_key(SCOPE, PARTS) == again
    assert len(again) == 64


@pytest.mark.parametrize("part", sorted(PARTS))
def test_every_part_changes_the_key(part: str) -> None:
    assert cache_key(SCOPE, PARTS) != cache_key(SCOPE, {**PARTS, part: "other"})


@pytest.mark.parametrize(
    "scope",
    [
        Scope(),
        Scope(frozenset({"a"})),
        Scope(frozenset({"a,b"})),
        Scope(unrestricted=True),
        Scope(SCOPE.labels, documents=frozenset({"file:///a.md"})),
        Scope(frozenset({"a"}), documents=frozenset({"b"})),
    ],
)
def test_scopes_never_share_an_entry(scope: Scope) -> None:
    assert cache_key(scope, PARTS) != cache_key(SCOPE, PARTS)


def test_a_label_named_like_a_wildcard_is_a_label() -> None:
    everything = cache_key(Scope(unrestricted=True), PARTS)
    assert cache_key(Scope(frozenset({"*"})), PARTS) != everything
    assert cache_key(Scope(frozenset({"everything"})), PARTS) != everything


def test_no_part_can_stand_in_for_the_scope() -> None:
    forged = {**PARTS, "scope": ["a", "b"]}
    assert cache_key(Scope(), forged) != cache_key(SCOPE, forged)
