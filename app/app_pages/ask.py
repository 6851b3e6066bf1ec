"""Ask, read the answer, open its sources."""

from __future__ import annotations

import reading
import streamlit as st
import widgets
import workspace
from asking import Asking

_TICK_S = 0.4


def main() -> None:
    """The page."""
    if not workspace.documents():
        widgets.show_title("Ask")
        widgets.show_empty()
        return
    asked: list[Asking] = st.session_state.setdefault("asked", [])
    if question := st.session_state.pop("next_question", None):
        asked.append(Asking(workspace.session(), question).start())
    running = bool(asked) and asked[-1].running
    _show_head(asked)
    for number, one in enumerate(asked):
        widgets.show_question(one.question)
        with widgets.reply():
            if one.running:
                _show_progress(one)
            else:
                widgets.show_outcome(one, key=f"answer-{number}")
    if asked and not running:
        widgets.scroll_to_latest()
    if not asked:
        _suggest()
    if typed := widgets.composer(disabled=running):
        _ask(typed)
        st.rerun()


def _show_head(asked: list[Asking]) -> None:
    actions = widgets.show_title("Ask")
    if asked:
        actions.button(
            "New conversation", icon=":material/add_comment:", key="new", on_click=_start_over
        )
        return
    st.html(
        '<p class="wb-lead wb-muted">Answers come from your '
        f"{reading.counted(len(workspace.documents()), 'document')} alone, with the words they "
        "rest on.</p>"
    )


@st.fragment(run_every=_TICK_S)
def _show_progress(one: Asking) -> None:
    if not one.running:
        st.rerun()
    widgets.show_draft(one)
    st.button("Stop", icon=":material/stop_circle:", key="stop", on_click=one.stop)


def _suggest() -> None:
    suggestions = workspace.suggestions()
    if suggestions:
        st.pills(
            "Try one of these",
            suggestions,
            format_func=reading.label,
            key="suggestion",
            on_change=_ask_suggestion,
        )


def _ask_suggestion() -> None:
    if st.session_state["suggestion"]:
        _ask(st.session_state["suggestion"])


def _ask(question: str) -> None:
    st.session_state["next_question"] = question


def _start_over() -> None:
    for one in st.session_state["asked"]:
        one.stop()
    st.session_state["asked"] = []


main()
