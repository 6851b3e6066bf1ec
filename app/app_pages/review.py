"""Check extracted values beside their source, the least certain first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import extracting
import fields
import reading
import reviewing
import streamlit as st
import widgets
import workspace
from reading import Cited
from reviewing import Walk

from workbench.errors import UsageError, WorkbenchError

# A constant: nothing of a document or a model is ever part of a script.
_FOCUS = """<script>
(() => {
  let tries = 0;
  const look = () => {
    const box = document.querySelector(".st-key-writing input");
    if (box) { box.focus(); box.select(); } else if (++tries < 40) setTimeout(look, 50);
  };
  look();
})();
</script>"""


def main() -> None:
    """The page."""
    widgets.show_title("Review")
    if not workspace.may_review():
        widgets.show_denied("check values")
        return
    tables = {info.id: info for info in workspace.tables()}
    if not tables:
        _show_nothing()
        return
    number = _choose(tables)
    queue = workspace.to_check(number)
    walk: Walk = st.session_state.setdefault("walk", Walk())
    checked = queue.total - len(walk.waiting(queue))
    st.progress(checked / max(1, queue.total), text=f"{checked:,} of {queue.total:,} checked")
    if error := st.session_state.pop("review_error", None):
        widgets.show_error(error)
    item = walk.next(queue, number)
    if item is None:
        _show_done(walk, number)
        return
    card, source = st.columns([2, 3], gap="large")
    with card, st.container(key="checking"):
        _show_item(walk, item, reviewing.kind_of(item, _kinds(number)))
    with source, st.container(key="beside"):
        widgets.show_source(Cited(item.document_id, extracting.spans_of([item.field])))


def _show_nothing() -> None:
    with st.container(border=True, key="empty"):
        st.header("Nothing to check yet", anchor=False)
        st.html(
            '<p class="wb-lead">Extract a table first. Its values then come here, the least '
            "certain ones first, each beside the words it came from.</p>"
        )
        if st.button("Extract a table", icon=":material/table_chart:", type="primary", key="go"):
            st.switch_page("app_pages/extract.py")


def _show_done(walk: Walk, number: int) -> None:
    with st.container(border=True, key="done"):
        st.header("Everything is checked", anchor=False)
        st.text("What you corrected stands in the table and in every file made of it.")
        with st.container(horizontal=True, gap="small"):
            if st.button("Open the table", icon=":material/table_chart:", type="primary", key="go"):
                st.switch_page("app_pages/extract.py", query_params={"table": str(number)})
            _show_back(walk, number)


def _choose(tables: dict[int, Any]) -> int:
    named = st.query_params.get("table", "")
    if named.isdecimal() and int(named) in tables and st.session_state.get("named") != named:
        st.session_state["review_table"] = int(named)
    number: int = st.selectbox(
        "Table",
        list(tables),
        format_func=lambda number: _named(tables[number]),
        key="review_table",
        persist_state="session",
    )
    st.session_state["named"] = st.query_params["table"] = str(number)
    return number


def _kinds(number: int) -> Mapping[str, str]:
    known: dict[int, Mapping[str, str]] = st.session_state.setdefault("kinds", {})
    if number not in known:
        known[number] = workspace.table(number).kinds
    return known[number]


def _named(info: Any) -> str:
    documents = reading.counted(info.documents, "document")
    return f"{info.schema} · {documents}, {info.updated_at[:10]}"


def _show_item(walk: Walk, item: Any, kind: str) -> None:
    found = item.field
    value = reading.clipped(extracting.value_words(found), 300)
    with st.container(gap=None):
        st.html(f'<p class="wb-muted wb-small">{reading.safe(item.document)}</p>')
        st.header(reading.label(fields.shown(found.name)), anchor=False)
        st.html(
            f'<p class="wb-value">{reading.safe(value) or "No value"}</p>'
            f'<p class="wb-muted">{reading.safe(_certainty(found))}</p>'
        )
    there = found.value is not None
    with st.container(horizontal=True, gap="small"):
        st.button(
            "Right" if there else "Right, it is not there",
            key="accept",
            icon=":material/check:",
            type="primary",
            shortcut="A",
            on_click=_judge,
            args=(walk, item, "accept"),
        )
        write = st.button(
            "Correct",
            key="write",
            icon=":material/edit:",
            shortcut="W",
            help="Write the right value below, then press Enter",
        )
        st.button(
            "Take it out",
            key="reject",
            icon=":material/delete:",
            shortcut="X",
            disabled=not there,
            help="The value is wrong, and the document states no other",
            on_click=_judge,
            args=(walk, item, "reject"),
        )
        st.button(
            "Later",
            key="later",
            icon=":material/schedule:",
            shortcut="L",
            on_click=walk.put_off,
            args=(item,),
        )
        _show_back(walk, item.extraction_id)
    _show_correction(walk, item, kind)
    if write:
        st.html(_FOCUS, unsafe_allow_javascript=True)


def _show_correction(walk: Walk, item: Any, kind: str) -> None:
    key = "right-" + "-".join(str(part) for part in reviewing.place(item))
    with st.container(key="writing"), st.form("correction", border=False):
        st.text_input(
            "The right value",
            value="" if item.field.value is None else str(item.field.value),
            placeholder=f"It takes {extracting.expected_words(kind)}",
            key=key,
        )
        st.form_submit_button(
            "Save this value",
            key="correct",
            on_click=_correct,
            args=(walk, item, key, kind),
        )


def _show_back(walk: Walk, number: int) -> None:
    if walk.can_go_back(number):
        st.button("Back", key="back", icon=":material/undo:", shortcut="B", on_click=walk.back)


def _certainty(found: Any) -> str:
    words = extracting.status_words(found)
    return words if found.confidence is None else f"{words} About {found.confidence:.0%} certain."


def _correct(walk: Walk, item: Any, key: str, kind: str) -> None:
    value = st.session_state[key]
    try:
        walk.judge(workspace.session(), item, "correct", value)
    except UsageError:
        st.session_state["review_error"] = reviewing.refused(value, kind)
    except WorkbenchError as error:
        st.session_state["review_error"] = error
    workspace.look_at_tables_again()


def _judge(walk: Walk, item: Any, judgement: str) -> None:
    try:
        walk.judge(workspace.session(), item, judgement)
    except WorkbenchError as error:
        st.session_state["review_error"] = error
    workspace.look_at_tables_again()


main()
