"""The documents, and their text as it was stored."""

from __future__ import annotations

from typing import Any

import reading
import streamlit as st
import widgets
import workspace
from reading import Cited

PER_PAGE = 20


def main() -> None:
    """The page."""
    widgets.show_title("Library")
    documents = workspace.documents()
    if not documents:
        widgets.show_empty()
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
