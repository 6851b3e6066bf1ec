"""What a sign-in says about a person -> which actor that is. Whoever is not named is denied."""

from __future__ import annotations

from collections.abc import Mapping

from workbench.config import ActorConfig, Config
from workbench.errors import AccessDenied, SignInEnded

_HOUR_S = 3_600
_CLOCKS_DIFFER_S = 300


def actor_of(claims: Mapping[str, object], config: Config, *, now_s: float) -> ActorConfig:
    """Role and labels of the person whom ``claims`` of an ID token name.

    That is the actor of this name, else the first configured group that the person belongs to. An
    address counts only if its provider has verified it.

    Raises:
        SignInEnded: if the token is older than ``signin.max_hours``.
        AccessDenied: if nobody gave this person access.
    """
    issued_s = claims.get("iat")
    if not isinstance(issued_s, int | float) or not (
        -_CLOCKS_DIFFER_S <= now_s - issued_s < config.signin.max_hours * _HOUR_S
    ):
        raise SignInEnded("your sign-in has ended", next_step="Sign in again.")
    name = person(claims, config)
    known = {actor.casefold(): found for actor, found in config.actors.items()}
    if name.casefold() in known:
        return known[name.casefold()]
    theirs = claims.get(config.signin.groups_claim)
    belongs = set(map(str, theirs)) if isinstance(theirs, list | tuple) else {str(theirs)}
    for group, found in config.signin.groups.items():
        if group in belongs:
            return found
    raise AccessDenied(
        "you are signed in, but nobody has given you access",
        value=name,
        next_step="Ask an administrator to add you, or one of your groups, to workbench.toml.",
    )


def person(claims: Mapping[str, object], config: Config) -> str:
    """The name that the claims give, as audited; an address in small letters.

    Raises:
        AccessDenied: if they give none, or one that is not verified.
    """
    claim = config.signin.claim
    name = claims.get(claim)
    if not isinstance(name, str) or not name.strip():
        raise AccessDenied(
            "the sign-in does not say who you are",
            value=f"claim {claim!r}",
            next_step="Ask an administrator to set signin.claim to one that the provider sends.",
        )
    if claim != "email":
        return name.strip()
    if config.signin.verified_only and claims.get("email_verified") is not True:
        raise AccessDenied(
            "your e-mail address is not verified",
            value=name,
            next_step="Verify it with whom you sign in, then sign in again.",
        )
    return name.strip().lower()
