"""The app: ``workbench app`` serves it. Pages call ``Session`` and hold no logic of their own."""

from __future__ import annotations

from pathlib import Path

import signing_in
import streamlit as st
import widgets
from streamlit.navigation.page import StreamlitPage

from workbench.errors import WorkbenchError

# A file of our own: Streamlit's symbols as a page icon are fetched from a server elsewhere.
ICON = Path(__file__).with_name("icon.svg")

st.set_page_config(page_title="Workbench", page_icon=str(ICON), layout="wide")
st.logo(str(ICON), size="medium")
widgets.style()


def pages() -> StreamlitPage:
    """The page that was chosen."""
    return st.navigation(
        [
            st.Page("app_pages/home.py", title="Home", icon=":material/home:", default=True),
            st.Page("app_pages/ask.py", title="Ask", icon=":material/forum:"),
            st.Page("app_pages/summarise.py", title="Summarise", icon=":material/summarize:"),
            st.Page("app_pages/extract.py", title="Extract", icon=":material/table_chart:"),
            st.Page("app_pages/review.py", title="Review", icon=":material/fact_check:"),
            st.Page("app_pages/library.py", title="Library", icon=":material/library_books:"),
            st.Page("app_pages/explore.py", title="Explore", icon=":material/explore:"),
            st.Page("app_pages/activity.py", title="Activity", icon=":material/monitoring:"),
        ],
        position="top",
    )


try:
    if signing_in.enter():
        page = pages()
        page.run()
        signing_in.show_who()
except WorkbenchError as error:
    widgets.show_error(error)
    widgets.retry()
