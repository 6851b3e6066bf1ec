"""What is in the workspace, and where to go from here."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

import reading
import streamlit as st
import widgets
import workspace

from workbench import Support

_STATUS = {
    Support.SUPPORTED: "supported",
    Support.PARTIAL: "partly supported",
    Support.ABSTAINED: "not in the sources",
}


def main() -> None:
    """The page."""
    widgets.show_title("Ask your documents")
    st.html(
        '<p class="wb-lead wb-muted">Every sentence of an answer leads back to the exact words it '
        "came from. What no document says is marked as such.</p>"
    )
    documents = workspace.documents()
    if not documents:
        widgets.show_empty()
        return
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
        f"<details><summary>{reading.safe(row['question'])} "
        f'<span class="wb-muted wb-small">· {_STATUS[Support(row["status"])]}, '
        f"{_when(row['created_at'])}</span></summary><p>{reading.safe(row['text'])}</p></details>"
        for row in workspace.recent()
    )
    if rows:
        st.html(f'<div class="wb-recent">{rows}</div>')
    else:
        st.text("None yet.")


def _when(moment: datetime) -> str:
    return f"{moment:%d %b %Y, %H:%M}"


main()
