"""Summarise documents; every sentence opens its source."""

from __future__ import annotations

from typing import Any

import reading
import streamlit as st
import widgets
import workspace
from reading import Cited
from summarising import Summarising

from workbench import Summary

_TICK_S = 0.5
_EVERYTHING = "All documents"
_STYLES = {
    "A short paragraph": "brief",
    "Main points": "bullets",
    "For a decision": "executive",
    "In order of time": "timeline",
    "Part by part": "per-section",
}
_COVERAGE = {
    "What stands for it": 0.0,
    "A tenth of each": 0.1,
    "Half of each": 0.5,
    "All of it": 1.0,
}
_LENGTHS = {"Short": 0.5, "Normal": 1.0, "Long": 2.0}
_USUAL = {"brief": 4, "bullets": 7, "executive": 8, "timeline": 10, "per-section": 2}


def main() -> None:
    """The page."""
    widgets.show_title("Summarise")
    documents = workspace.documents()
    if not documents:
        widgets.show_empty()
        return
    job: Summarising | None = st.session_state.get("summary")
    running = job is not None and job.running
    _show_form(documents, disabled=running)
    if job is None:
        st.html(
            '<p class="wb-muted">Choose what to read. Each sentence of the summary is checked '
            "against the documents; what they do not say is left out and shown to you.</p>"
        )
    elif job.running:
        _show_progress(job)
    elif job.result is not None:
        _show_summary(job.result)
    else:
        widgets.show_ended(job)


def _show_form(documents: Any, *, disabled: bool) -> None:
    names = {info.id: info.name for info in documents}
    with st.form("wanted", border=True):
        chosen = st.multiselect(
            "Documents",
            list(names),
            format_func=lambda number: reading.readable(names[number]),
            placeholder=_EVERYTHING,
            key="summary_documents",
        )
        left, right, third = st.columns(3)
        style = left.selectbox("Kind of summary", list(_STYLES), key="summary_style")
        length = right.segmented_control(
            "Length", list(_LENGTHS), default="Normal", key="summary_length", required=True
        )
        coverage = third.selectbox(
            "How much to read",
            list(_COVERAGE),
            key="summary_coverage",
            help="All passages are ranked either way. The model reads the best of them; "
            "the more it reads, the longer it takes.",
        )
        focus = st.text_input(
            "Look for (optional)", placeholder="A topic or a question", key="summary_focus"
        )
        if st.form_submit_button("Summarise", type="primary", disabled=disabled, key="summarise"):
            kind = _STYLES[style]
            wishes = {
                "style": kind,
                "length": max(1, round(_USUAL[kind] * _LENGTHS[length or "Normal"])),
                "focus": focus,
                "coverage": _COVERAGE[coverage],
            }
            job = Summarising(workspace.session(), chosen, wishes)
            st.session_state["summary"] = job.start()
            st.rerun()


@st.fragment(run_every=_TICK_S)
def _show_progress(job: Summarising) -> None:
    if not job.running:
        st.rerun()
    passages = reading.counted(job.passages, "passage")
    widgets.show_progress(job, f"Reading {passages} and writing" if job.passages else "Ranking")
    st.button("Stop", icon=":material/stop_circle:", key="stop", on_click=job.stop)
    if job.sentences:
        told = "The text so far" if job.joining else "Found so far; the summary chooses among it"
        left_out = f" · {job.left_out:,} left out without a source" if job.left_out else ""
        st.html(f'<p class="wb-muted wb-small">{told}, each checked{left_out}</p>')
        st.html(f'<div class="wb-text">{reading.sentences_html(job.sentences)}</div>')


def _show_summary(summary: Summary) -> None:
    title = reading.readable(summary.title)
    st.header(reading.label(reading.clipped(title, 80)), anchor=False)
    st.html(f'<p class="wb-muted wb-small">{reading.safe(_read_words(summary))}</p>')
    if not (summary.sentences or summary.removed):
        told = "hold nothing that could be summarised"
        if summary.focus and summary.chunks:
            told = f"say nothing about this: {reading.readable(summary.focus)}"
        st.text(f"The documents {told}.")
        return
    if summary.sentences:
        st.html(f'<div class="wb-text">{reading.summary_html(summary)}</div>')
        _show_downloads(summary)
        _show_sources(summary)
    else:
        st.text("No document says what was written about them, so nothing of it is shown as true.")
    _show_removed(summary)


def _show_sources(summary: Summary) -> None:
    st.subheader("Where each sentence comes from", anchor=False)
    for number, sentence in enumerate(summary.sentences, start=1):
        for place, citation in enumerate(sentence.citations):
            name = reading.label(reading.where(citation.document, citation.page))
            opened = st.button(
                rf"**\[{number}\]** {name}",
                key=f"summary-{number}-{place}",
                icon=":material/description:",
                help="Read these words in their document",
            )
            widgets.show_quote(citation.quote)
            if opened:
                span = (citation.start, citation.end)
                source = Cited(
                    citation.document_id, (span,), sentence.text, said_by="The summary says"
                )
                widgets.open_source(source)


def _show_removed(summary: Summary) -> None:
    if not summary.removed:
        return
    told = f"Left out: {reading.counted(len(summary.removed), 'sentence')} no document says"
    with st.expander(told, expanded=not summary.sentences):
        for sentence in summary.removed:
            widgets.show_quote(sentence.draft or sentence.text)


def _read_words(summary: Summary) -> str:
    of = reading.counted(len(summary.documents), "document")
    passages = reading.counted(summary.chunks, "passage")
    parts = [f"Read all of {of} ({passages})"]
    if summary.chunks_read < summary.chunks:
        share = f"{summary.coverage:.0%}" if summary.coverage >= 0.1 else f"{summary.coverage:.1%}"
        parts = [f"Ranked all {passages} of {of}, read {summary.chunks_read:,} ({share})"]
    if summary.chunks_lost:
        lost = reading.counted(summary.chunks_lost, "passage")
        parts.append(f"{lost} lost to a reply of the model that could not be used")
    verdicts = [sentence.verdict.value for sentence in summary.sentences]
    if repaired := verdicts.count("repaired"):
        parts.append(f"{reading.counted(repaired, 'sentence')} written anew after checking")
    if replaced := verdicts.count("replaced"):
        parts.append(f"{reading.counted(replaced, 'sentence')} in the document's own words")
    parts.append(f"written by {summary.model} in {reading.duration(summary.usage.seconds)}")
    return " · ".join(parts)


def _show_downloads(summary: Summary) -> None:
    with st.container(horizontal=True, gap="small"):
        widgets.show_downloads(
            (
                ("Word", "summary.docx", summary.docx, "application/octet-stream"),
                ("Web page", "summary.html", summary.html, "text/html"),
                ("Text", "summary.md", summary.markdown, "text/markdown"),
            )
        )


main()
