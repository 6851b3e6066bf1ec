from __future__ import annotations

import pytest

from workbench.config import ActorConfig, Config, SignInConfig
from workbench.errors import AccessDenied, SignInEnded
from workbench.guard.sign_in import actor_of, person

NOW_S = 1_800_000_000.0
ANN = ActorConfig(role="analyst", labels=("hr",))
FINANCE = ActorConfig(role="viewer", labels=("finance",))
ROOTS = ActorConfig(role="admin", labels=("*",))
CONFIG = Config(
    actors={"Ann@Example.org": ANN}, signin=SignInConfig(groups={"finance": FINANCE, "root": ROOTS})
)
CLAIMS = {"email": "ann@example.org", "email_verified": True, "iat": NOW_S - 60}


def test_a_person_is_the_actor_of_its_address() -> None:
    assert actor_of(CLAIMS, CONFIG, now_s=NOW_S) == ANN
    shouted = {**CLAIMS, "email": " ANN@example.ORG "}
    assert actor_of(shouted, CONFIG, now_s=NOW_S) == ANN
    assert person(shouted, CONFIG) == "ann@example.org"


@pytest.mark.parametrize("groups", ["finance", ["root", "finance"], ("other", "finance")])
def test_anybody_else_is_what_the_first_known_group_is(groups: object) -> None:
    claims = {**CLAIMS, "email": "bob@example.org", "groups": groups}
    assert actor_of(claims, CONFIG, now_s=NOW_S) == FINANCE


@pytest.mark.parametrize(
    "changed",
    [
        {"email": "bob@example.org"},
        {"email": "bob@example.org", "groups": ["other", "Finance"]},
        {"email": "bob@example.org", "groups": None},
        {"email": ""},
        {"email": None},
        {"email": ["ann@example.org"]},
        {"email_verified": False},
        {"email_verified": "true"},
        {"email_verified": None},
    ],
)
def test_whoever_is_not_named_is_denied(changed: dict[str, object]) -> None:
    with pytest.raises(AccessDenied):
        actor_of({**CLAIMS, **changed}, CONFIG, now_s=NOW_S)
    with pytest.raises(AccessDenied):
        actor_of({**CLAIMS, **changed}, Config(), now_s=NOW_S)


def test_without_actors_nobody_is_an_admin() -> None:
    with pytest.raises(AccessDenied, match="nobody has given you access"):
        actor_of(CLAIMS, Config(), now_s=NOW_S)


@pytest.mark.parametrize("issued_s", [NOW_S - 12 * 3_600, NOW_S + 3_600, None, "soon", True])
def test_a_sign_in_counts_for_some_hours(issued_s: object) -> None:
    with pytest.raises(SignInEnded):
        actor_of({**CLAIMS, "iat": issued_s}, CONFIG, now_s=NOW_S)


def test_another_claim_and_unverified_addresses_can_be_configured() -> None:
    names = Config(actors={"ann": ANN}, signin=SignInConfig(claim="preferred_username"))
    claims = {"preferred_username": "ann", "iat": NOW_S}
    assert actor_of(claims, names, now_s=NOW_S) == ANN
    lax = Config(actors=CONFIG.actors, signin=SignInConfig(verified_only=False))
    assert actor_of({**CLAIMS, "email_verified": None}, lax, now_s=NOW_S) == ANN
