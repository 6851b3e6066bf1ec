"""What is in the workspace, and where to go from here."""

from __future__ import annotations

from collections import Counter

import reading
import streamlit as st
import widgets
import workspace

from workbench import Support

RECENT = 8
_STATUS = {
    Support.SUPPORTED: "supported",
    Support.PARTIAL: "partly supported",
    Support.ABSTAINED: "not in the sources",
}


def main() -> None:
    """The page."""
    actions = widgets.show_title("Ask your documents")
    st.html(
        '<p class="wb-lead wb-muted">Every sentence of an answer leads back to the exact words it '
        "came from. What no document says is marked as such.</p>"
    )
    documents = workspace.documents()
    if not documents:
        widgets.show_empty()
        return
    if workspace.may_add() and actions.button(
        "Add documents", icon=":material/upload_file:", key="add"
    ):
        st.session_state["adding_open"] = True
        st.switch_page("app_pages/library.py")
    if question := widgets.composer():
        st.session_state["next_question"] = question
        st.switch_page("app_pages/ask.py")
    masked = sum((Counter(info.masked) for info in documents), Counter())
    _show_counts(
        (len(documents), "document", ""),
        (sum(info.chunks for info in documents), "passage", " to search"),
        (masked.total(), "personal detail", " masked"),
    )
    left, right = st.columns(2, gap="large")
    with left:
        st.header("Kinds of documents", anchor=False)
        st.html(reading.bars_html(Counter(reading.kind(info.media_type) for info in documents)))
    with right:
        st.header("Masked before storing", anchor=False)
        if masked:
            st.html(reading.bars_html({reading.masked_words(k): n for k, n in masked.items()}))
        else:
            st.text("No personal details were found.")
    _show_recent()


def _show_counts(*counts: tuple[int, str, str]) -> None:
    cells = "".join(
        f"<div><b>{count:,}</b>{one}{'' if count == 1 else 's'}{rest}</div>"
        for count, one, rest in counts
    )
    st.html(f'<div class="wb-counts">{cells}</div>')


def _show_recent() -> None:
    st.header("Recent questions", anchor=False)
    rows = "".join(
        f"<details><summary>{reading.safe(answer.question)} "
        f'<span class="wb-muted wb-small">· {_STATUS[answer.status]}, '
        f"{reading.moment(answer.created_at)}</span></summary>"
        f"<p>{reading.safe(answer.text)}</p></details>"
        for answer in workspace.session().answers(RECENT)
    )
    if rows:
        st.html(f'<div class="wb-recent">{rows}</div>')
    else:
        st.text("None yet.")


main()
