"""What several pages show. Texts of documents and models only pass through ``reading``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import reading
import streamlit as st
import workspace
from asking import Asking
from reading import Cited
from streamlit.delta_generator import DeltaGenerator
from working import Job

from workbench import Answer, Hit, MaskedDocument, Support
from workbench.errors import AccessDenied, AuditError, SourceError, UsageError, WorkbenchError

QUOTE_CHARS = 240
QUESTION_CHARS = 1_000
REASON_CHARS = 1_000
NEAREST = 3

_STYLE = Path(__file__).with_name("style.css")
_BADGES = {
    Support.SUPPORTED: ("Supported by the sources", ":material/check_circle:", "green"),
    Support.PARTIAL: ("Partly supported", ":material/error:", "orange"),
    Support.ABSTAINED: ("Not in the sources", ":material/search_off:", "gray"),
}
# Constants: nothing of a document or a model is ever part of a script.
_SCROLL_TO_MARK = """<script>
(() => {
  let tries = 0;
  const look = () => {
    const box = document.querySelector(".wb-source");
    const mark = box && box.querySelector("mark");
    if (mark) {
      const above = mark.getBoundingClientRect().top - box.getBoundingClientRect().top;
      box.scrollTop += above - box.clientHeight / 3;
      box.scrollLeft = mark.offsetLeft - 16;
    } else if (++tries < 40) setTimeout(look, 50);
  };
  look();
})();
</script>"""
_SCROLL_TO_QUESTION = """<script>
(() => {
  const shown = document.querySelectorAll("[data-testid='stChatMessage']");
  if (shown.length > 1) shown[shown.length - 2].scrollIntoView({block: "start"});
})();
</script>"""


def style() -> None:
    """The app's style sheet; once per run of a page."""
    st.html(_STYLE)


def show_title(words: str) -> DeltaGenerator:
    """A page's title; returns the place beside it for actions."""
    with st.container(horizontal=True, vertical_alignment="center", key="head"):
        st.title(words, width="stretch", anchor=False)
        return st.container(width="content")


def composer(*, disabled: bool = False) -> str | None:
    """The box for a question. It stays in view at the lower edge of a long page."""
    with st.container(key="composer"):
        typed: str | None = st.chat_input(
            "Ask about the documents", disabled=disabled, key="question"
        )
    return typed


def show_error(error: WorkbenchError) -> None:
    """What happened and what to do, in words."""
    # That nothing counts without its audit row is true, but what stands in its way helps more.
    cause = error.__cause__ if isinstance(error, AuditError) else None
    st.html(reading.error_html(cause if isinstance(cause, WorkbenchError) else error))


def retry() -> None:
    """A button that runs the page again."""
    st.button("Try again", icon=":material/refresh:", key="retry", on_click=workspace.look_again)


def show_empty() -> None:
    """What to do first in a workspace without documents."""
    may_add = workspace.may_add()
    with st.container(border=True, key="empty"):
        st.header("This workspace is empty", anchor=False)
        if not may_add:
            st.text("Ask whoever looks after it to add documents that you may read.")
            return
        st.html(
            '<p class="wb-lead">Add documents: PDF, Word, Excel, CSV, web pages, Markdown and '
            "plain text. Personal details are masked before anything is stored.</p>"
        )
        if st.button("Add documents", icon=":material/upload_file:", key="go", type="primary"):
            st.switch_page("app_pages/library.py")
        st.html('<p class="wb-muted wb-small">Or add a whole folder from a terminal:</p>')
        st.code(
            f'workbench --workspace "{workspace.folder()}" ingest my-folder',
            language=None,
            wrap_lines=True,
        )
        st.button(
            "I have added documents",
            icon=":material/refresh:",
            key="refresh",
            on_click=workspace.look_again,
        )


def show_badge(status: Support) -> None:
    """How far the sources carry an answer."""
    words, icon, colour = _BADGES[status]
    st.badge(words, icon=icon, color=colour)  # type: ignore[arg-type]


def show_question(question: str) -> None:
    """What was asked, as it was typed."""
    with st.chat_message("user", avatar=":material/person:"):
        st.text(reading.clipped(question, QUESTION_CHARS))


def reply() -> DeltaGenerator:
    """The place of an answer in the conversation."""
    return st.chat_message("assistant", avatar=":material/menu_book:")


def show_outcome(asked: Asking, *, key: str) -> None:
    """The answer to a question, or why there is none."""
    if asked.answer is not None:
        show_answer(asked.answer, first_words_s=asked.first_words_s, key=key)
        return
    if asked.error is not None:
        show_error(asked.error)
    else:
        st.badge("Stopped", icon=":material/stop_circle:", color="gray")
        st.text("You stopped this question before its answer was ready.")
    if st.button("Ask again", key=f"{key}-again", icon=":material/refresh:"):
        st.session_state["next_question"] = asked.question
        st.rerun()


def show_answer(answer: Answer, *, first_words_s: float | None, key: str) -> None:
    """A checked answer whose citations open the source, and when the model began to write it."""
    show_badge(answer.status)
    if answer.status is Support.ABSTAINED:
        _show_abstention(answer, key=key)
    else:
        st.html(
            f'<div class="wb-text">{reading.answer_html(answer.claims, answer.citations)}</div>'
        )
        if answer.status is Support.PARTIAL:
            st.html(
                '<p class="wb-muted wb-small">No document says the underlined words. '
                "Check them before you use them.</p>"
            )
        _show_citations(answer, key=key)
        st.html(
            f'<p class="wb-muted wb-small">Written by {reading.safe(answer.model)} in '
            f"{reading.written_in(answer.usage.seconds, first_words_s)}</p>"
        )
    _show_feedback(answer, key=key)


@st.fragment
def _show_feedback(answer: Answer, *, key: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.html('<span class="wb-muted wb-small">Did this help?</span>', width="content")
        thumb = st.feedback("thumbs", key=f"{key}-thumbs")
    if thumb is None:
        return
    reason = st.text_input(
        "Why? (optional)",
        key=f"{key}-reason",
        max_chars=REASON_CHARS,
        placeholder="What was right, wrong or missing",
    )
    said = (bool(thumb), reason)
    if st.session_state.get(f"{key}-said") != said:
        try:
            workspace.session().feedback(answer.id, *said)
        except WorkbenchError as error:
            show_error(error)
            return
        st.session_state[f"{key}-said"] = said
    st.html('<p class="wb-muted wb-small" role="status">Noted, thank you.</p>')


def show_draft(asked: Asking) -> None:
    """A question that is being answered: what is written so far, marked as unchecked."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if asked.draft:
            st.badge("Draft, not checked yet", icon=":material/edit_note:", color="blue")
        else:
            st.badge("Reading the documents", icon=":material/hourglass_top:", color="blue")
        st.html(
            '<span class="wb-muted wb-small">'
            f"{reading.counted(round(asked.waited_s), 'second')}</span>",
            width="content",
        )
    if asked.draft:
        st.html(f'<div class="wb-text wb-muted">{reading.safe(reading.prose(asked.draft))}</div>')
    scroll_to_latest()


def scroll_to_latest() -> None:
    """Bring the last question to the upper edge when this is first shown; no run repeats it."""
    st.html(_SCROLL_TO_QUESTION, unsafe_allow_javascript=True)


def show_progress(job: Job[Any], words: str) -> None:
    """How far long work is, and an estimate once there is something to go by."""
    left_s = job.left_s
    if left_s is None and job.share > 0.1:
        left_s = job.took_s / job.share - job.took_s
    told = f"{words} {job.words}".strip()
    if left_s is not None:
        told += f" · about {reading.duration(left_s)} left"
    st.progress(min(1.0, job.share), text=reading.label(told))


def show_ended(job: Job[Any]) -> None:
    """Work that ended without a result: why, or that it was stopped."""
    if job.error is not None:
        show_error(job.error)
    else:
        st.badge("Stopped", icon=":material/stop_circle:", color="gray")
        st.text("You stopped this before it was done. What was stored until then is kept.")


def show_denied(what: str) -> None:
    """That this role may not do something, and who can change it."""
    role = workspace.session().actor.role
    with st.container(border=True, key="denied"):
        st.header(f"You may not {what} here", anchor=False)
        st.html(
            f'<p class="wb-lead">Your role is “{reading.safe(role)}”: it may ask, summarise and '
            "read. Ask whoever looks after this workspace for the role “analyst”.</p>"
        )


def show_source(cited: Cited) -> None:
    """The reader as a part of the page, at the words of ``cited``."""
    try:
        document = workspace.session().document(cited.document_id)
    except WorkbenchError as error:
        show_error(error)
        return
    _read(document, cited)


def open_source(cited: Cited) -> None:
    """The reader beside the page, at the words of ``cited``."""
    try:
        document = workspace.session().document(cited.document_id)
    except WorkbenchError as error:
        st.dialog("Source", position="right", width=640)(show_error)(error)
        return
    title = reading.label(reading.clipped(document.name, 60))
    st.dialog(title, position="right", width=640)(_read)(document, cited)


def _read(document: MaskedDocument, cited: Cited) -> None:
    parts = reading.parts(document)
    first = reading.part_of(parts, cited.spans[0][0]) if cited.spans else 0
    if cited.claim:
        st.html(
            f'<p class="wb-muted wb-small" style="margin:0">{reading.safe(cited.said_by)}</p>'
            f'<p class="wb-quote">{reading.safe(reading.prose(cited.claim))}</p>'
        )
    position = first
    if len(parts) > 1:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.text("Page" if document.pages else "Part")
            shown = st.pagination(
                len(parts),
                default=first + 1,
                max_visible_pages=5,
                key=f"part-{document.id}-{cited.spans}",
            )
        position = shown - 1
    part = parts[position]
    picture = _page(document, position, cited) if document.pages else ""
    body = picture or reading.source_html(document.text, part, cited.spans)
    what = "Picture of the page" if picture else "Text of the document"
    st.html(f'<div class="wb-source" role="region" aria-label="{what}" tabindex="0">{body}</div>')
    if cited.spans and position == first:
        st.html(_SCROLL_TO_MARK, unsafe_allow_javascript=True)


def _page(document: MaskedDocument, position: int, cited: Cited) -> str:
    """The picture of a page with the words marked, or "" and why there is none."""
    page = document.pages[position]
    session = workspace.session()
    if document.masked and not session.may_see_originals:
        return _told("Personal details are masked for you, so this is the text of the page.")
    try:
        png = session.page_image(document.id, page.number)
        boxes = [
            box
            for start, end in cited.spans
            for box in session.boxes(document.id, start, end)
            if box.number == page.number
        ]
    except UsageError:
        return ""  # its pages are no pages of a PDF
    except (AccessDenied, SourceError) as error:
        return _told(f"This is the text of the page, because {error.what}.")
    cited_here = any(start < page.end and page.start < end for start, end in cited.spans)
    if cited_here and not boxes:
        return _told("This is the text: the words could not be found in the picture of the page.")
    choice = st.segmented_control(
        "Show as",
        ("Page", "Text"),
        default="Page",
        required=True,
        label_visibility="collapsed",
        key=f"shown-{document.id}-{cited.spans}",
    )
    return reading.page_html(png, boxes, f"Page {page.number}") if choice == "Page" else ""


def _told(why: str) -> str:
    st.html(f'<p class="wb-muted wb-small" style="margin:0">{reading.safe(why)}</p>')
    return ""


def _show_citations(answer: Answer, *, key: str) -> None:
    for number, citation in enumerate(answer.citations, start=1):
        claims = " ".join(c.text for c in answer.claims if citation in c.citations)
        name = reading.label(reading.where(citation.document, citation.page))
        opened = st.button(
            rf"**\[{number}\]** {name}",
            key=f"{key}-citation-{number}",
            icon=":material/description:",
            help="Read these words in their document",
        )
        show_quote(citation.quote)
        if opened:
            span = (citation.start, citation.end)
            open_source(Cited(citation.document_id, (span,), claims))


def _show_abstention(answer: Answer, *, key: str) -> None:
    searched = reading.counted(len(workspace.documents()), "document")
    st.html(
        f'<div class="wb-text">{reading.safe(answer.text)}</div>'
        f'<p class="wb-muted">Searched {searched}. '
        + (
            "The passages below come nearest; none of them states an answer. "
            "Try the words that the documents use, or add a document that covers it.</p>"
            if answer.hits
            else "Nothing in them comes near. Add documents first.</p>"
        )
    )
    for number, hit in enumerate(answer.hits[:NEAREST], start=1):
        _show_passage(hit, key=f"{key}-passage-{number}")


def _show_passage(hit: Hit, *, key: str) -> None:
    name = reading.label(reading.clipped(reading.hit_where(hit), 80))
    opened = st.button(name, key=key, icon=":material/description:", type="tertiary")
    show_quote(hit.chunk.text)
    if opened:
        open_source(Cited(hit.chunk.document_id, ((hit.chunk.start, hit.chunk.end),)))


def show_quote(text: str) -> None:
    """Words of a document, apart from the page's own."""
    shown = reading.clipped(reading.prose(text), QUOTE_CHARS)
    st.html(f'<p class="wb-quote">{reading.safe(shown)}</p>')


def show_downloads(files: Sequence[tuple[str, str, Any, str]]) -> None:
    """A button for each file: its label, file name, content (or what makes it) and media type."""
    for label, name, data, kind in files:
        st.download_button(
            label,
            data,
            file_name=name,
            mime=kind,
            icon=":material/download:",
            key=f"download-{name}",
            on_click="ignore",
        )
