"""The documents, and their text as it was stored."""

from __future__ import annotations

from typing import Any

import reading
import streamlit as st
import widgets
import workspace
from reading import Cited
from working import Job

from workbench import DEFAULT_LABEL, IngestReport

PER_PAGE = 20
_TICK_S = 0.5


def main() -> None:
    """The page."""
    widgets.show_title("Library")
    documents = workspace.documents()
    adding: Job[IngestReport] | None = st.session_state.get("adding")
    _show_adding(adding, first=not documents)
    if not documents:
        st.html(
            '<p class="wb-muted">No documents yet. Once some are here, you can ask about them, '
            "summarise them and read them.</p>"
        )
        return
    wanted = st.text_input(
        "Find a document", placeholder="A part of its name", key="find", icon=":material/search:"
    ).casefold()
    found = [info for info in documents if wanted in reading.readable(info.name).casefold()]
    if not found:
        st.text("No document has this in its name.")
        return
    listed = st.container(gap="small")
    pages = -(-len(found) // PER_PAGE)
    page = st.pagination(pages, key="page") if pages > 1 else 1
    with listed:
        for info in found[(page - 1) * PER_PAGE : page * PER_PAGE]:
            _show_document(info)


def _show_adding(job: Job[IngestReport] | None, *, first: bool) -> None:
    if not workspace.may_add():
        if first:
            widgets.show_empty()
        return
    wanted = first or job is not None or st.session_state.get("adding_open", False)
    with st.expander("Add documents", expanded=wanted, icon=":material/upload_file:"):
        with st.form("add", border=False, clear_on_submit=True):
            files = st.file_uploader(
                "Files", accept_multiple_files=True, key="files", label_visibility="collapsed"
            )
            label = st.selectbox(
                "Who may read them",
                workspace.labels(),
                key="label",
                accept_new_options=True,
                help="People see documents whose label they were given.",
            )
            busy = job is not None and job.running
            if st.form_submit_button("Add", type="primary", disabled=busy, key="add_files"):
                if files:
                    st.session_state["adding_open"] = False
                    st.session_state["adding"] = workspace.add(files, label or DEFAULT_LABEL)
                    st.rerun()
                st.text("Choose one or more files first.")
        st.html(
            '<p class="wb-muted wb-small">PDF, Word, Excel, PowerPoint, CSV, email, web pages, '
            "Markdown and text. Personal details are masked before anything is stored.</p>"
        )
        if job is not None:
            _show_added(job)


def _show_added(job: Job[IngestReport]) -> None:
    if job.running:
        _show_progress(job)
    elif job.result is None:
        widgets.show_ended(job)
    else:
        st.html(reading.report_html(job.result))
        st.button("Done", key="added", on_click=_forget_report)


@st.fragment(run_every=_TICK_S)
def _show_progress(job: Job[IngestReport]) -> None:
    if not job.running:
        workspace.look_again()
        st.rerun()
    widgets.show_progress(job, "Reading")
    st.button("Stop", icon=":material/stop_circle:", key="stop", on_click=job.stop)


def _forget_report() -> None:
    st.session_state.pop("adding", None)


def _show_document(info: Any) -> None:
    with st.container(border=True, key=f"document-{info.id}", gap=None):
        if st.button(
            reading.label(info.name),
            key=f"read-{info.id}",
            type="tertiary",
            icon=":material/description:",
            help="Read this document",
        ):
            widgets.open_source(Cited(info.id))
        facts = [
            reading.kind(info.media_type),
            reading.counted(info.pages, "page")
            if info.pages
            else reading.counted(info.characters, "character"),
            f"{reading.counted(sum(info.masked.values()), 'personal detail')} masked",
            f"added {info.ingested_at[:10]}",
            f"label {info.label}",
        ]
        st.html(f'<div class="wb-muted wb-small">{reading.safe(" · ".join(facts))}</div>')


main()
