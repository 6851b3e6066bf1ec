"""Who looks at the app: whoever signed in, or the one user of this machine."""

from __future__ import annotations

import os
from collections.abc import Mapping

import reading
import streamlit as st
import workspace

from workbench.errors import AccessDenied, SignInEnded

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def is_configured() -> bool:
    """Whether people sign in here; without that there is one user, on this machine."""
    return bool(st.secrets.load_if_toml_exists()) and "auth" in st.secrets


def enter() -> bool:
    """Whether somebody may look at the pages; else what to do is on the page.

    Raises:
        AccessDenied: if nobody gave this person access, or anybody could come in unasked.
        ConfigError.
    """
    if not is_configured():
        if st.get_option("server.address") not in _LOOPBACK:
            raise AccessDenied(
                "without sign-in the app is open to this machine only",
                next_step="Start it with `workbench app`, or configure sign-in.",
            )
        workspace.enter_as(os.environ.get("WORKBENCH_ACTOR", "local"))
        return True
    if not st.user.is_logged_in:
        _show_door("Sign in to see the documents that you may read.", "Sign in")
        return False
    claims: Mapping[str, object] = st.user.to_dict()
    try:
        workspace.enter_signed_in(claims)
    except SignInEnded:
        _show_door(
            "Your sign-in has ended after the time that is set for it. What was stored is kept.",
            "Sign in again",
        )
        return False
    except AccessDenied:
        _show_sign_out()
        raise
    return True


def show_who() -> None:
    """Who is signed in, and the way out."""
    if not is_configured():
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="who"):
        name = reading.safe(workspace.session().actor.name)
        st.html(f'<span class="wb-muted wb-small">Signed in as {name}</span>', width="content")
        _show_sign_out()


def _show_sign_out() -> None:
    st.button("Sign out", key="sign_out", type="tertiary", on_click=st.logout)


def _show_door(words: str, action: str) -> None:
    with st.container(border=True, key="door"):
        st.title("Workbench", anchor=False)
        st.text(words)
        st.button(action, type="primary", icon=":material/login:", key="login", on_click=st.login)
