"""What the documents are about, when they came, which are alike; and queries for analysts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date
from typing import Any

import reading
import streamlit as st
import widgets
import workspace
from reading import Cited

from workbench.errors import QueryError, UsageError
from workbench.results import CorpusMap, Table

_DOCUMENTS, _MAP, _QUERIES = "Documents", "Map", "Query"
_LISTED = 20
_ROWS = 1_000
_START = "SELECT name, label, pages\nFROM documents\nORDER BY name\nLIMIT 20"
_VIEWS = "documents, chunks, answers, citations, extractions, fields, feedback, runs"
_MAP_SPEC = {
    "mark": {"type": "point", "filled": True, "size": 90, "opacity": 0.85},
    "encoding": {
        "x": {"field": "x", "type": "quantitative", "axis": None, "scale": {"zero": False}},
        "y": {"field": "y", "type": "quantitative", "axis": None, "scale": {"zero": False}},
        "color": {"field": "Theme", "type": "nominal", "legend": None},
        "shape": {"field": "Theme", "type": "nominal", "legend": None},
        "tooltip": [{"field": "Document"}, {"field": "Theme"}],
    },
}


def main() -> None:
    """The page."""
    widgets.show_title("Explore")
    documents = workspace.documents()
    if not documents:
        widgets.show_empty()
        return
    views = [_DOCUMENTS, _MAP]
    if workspace.session().may_query:
        views.append(_QUERIES)
    view = st.segmented_control(
        "Look at",
        views,
        default=_DOCUMENTS,
        required=True,
        key="view",
        label_visibility="collapsed",
    )
    if view == _QUERIES:
        _show_queries()
        return
    found = _chosen(documents)
    if not found:
        st.text("No document fits all of this. Take something away.")
    elif view == _MAP:
        _show_map(found)
    else:
        _show_documents(found)


def _chosen(documents: Sequence[Any]) -> list[Any]:
    """The facets, and the documents that fit them."""
    labels = Counter(info.label for info in documents)
    kinds = Counter(reading.kind(info.media_type) for info in documents)
    days = sorted(_day(info) for info in documents)
    left, middle, right = st.columns(3)
    label = left.multiselect(
        "Label",
        sorted(labels),
        format_func=lambda name: f"{name} ({labels[name]:,})",
        placeholder="Any",
        key="facet_label",
    )
    kind = middle.multiselect(
        "Kind",
        sorted(kinds),
        format_func=lambda name: f"{name} ({kinds[name]:,})",
        placeholder="Any",
        key="facet_kind",
    )
    added = right.date_input(
        "Added",
        (days[0], days[-1]),
        min_value=days[0],
        max_value=days[-1],
        key="facet_added",
        format="YYYY-MM-DD",
    )
    first, last = added if len(added) == 2 else (days[0], days[-1])
    return [
        info
        for info in documents
        if (not label or info.label in label)
        and (not kind or reading.kind(info.media_type) in kind)
        and first <= _day(info) <= last
    ]


def _show_documents(found: list[Any]) -> None:
    st.text(reading.counted(len(found), "document"))
    by_day = Counter(_day(info).isoformat() for info in found)
    if len(by_day) > 1:
        st.header("When they were added", anchor=False)
        rows = {"Day": list(by_day), "Documents": list(by_day.values())}
        st.bar_chart(rows, x="Day", y="Documents", x_label="", height=180)
    left, right = st.columns(2, gap="large")
    with left:
        st.header("Labels", anchor=False)
        st.html(reading.bars_html(Counter(info.label for info in found)))
    with right:
        st.header("Kinds", anchor=False)
        st.html(reading.bars_html(Counter(reading.kind(info.media_type) for info in found)))
    st.header("The latest", anchor=False)
    for info in sorted(found, key=lambda info: info.ingested_at, reverse=True)[:_LISTED]:
        _show_link(info.id, info.name)
    if len(found) > _LISTED:
        st.page_link(
            "app_pages/library.py",
            label=f"All {len(found):,} are in the Library",
            icon=":material/library_books:",
        )


def _show_map(found: list[Any]) -> None:
    corpus_map = workspace.corpus_map(tuple(sorted(info.id for info in found)))
    if not len(corpus_map):
        st.text("These documents hold no text that could be compared.")
        return
    st.html(
        '<p class="wb-muted">Each point is a document. What stands close together is about '
        "similar things; the themes are listed below.</p>"
    )
    rows = [
        {
            "x": point.x,
            "y": point.y,
            "Document": reading.readable(point.document),
            "Theme": reading.readable(corpus_map.themes[point.theme]),
        }
        for point in corpus_map.points
    ]
    st.vega_lite_chart(rows, _MAP_SPEC, height=380)
    _show_themes(corpus_map)


def _show_themes(corpus_map: CorpusMap) -> None:
    for number, words in enumerate(corpus_map.themes):
        points = [point for point in corpus_map.points if point.theme == number]
        points.sort(key=lambda point: -point.likeness)
        count = reading.counted(len(points), "document")
        with st.expander(f"{reading.label(words or 'Other')} · {count}"):
            for point in points[:_LISTED]:
                _show_link(point.document_id, point.document)


def _show_link(document_id: int, name: str) -> None:
    if st.button(
        reading.label(name),
        key=f"read-{document_id}",
        type="tertiary",
        icon=":material/description:",
        help="Read this document",
    ):
        widgets.open_source(Cited(document_id))


def _show_queries() -> None:
    session = workspace.session()
    saved = session.queries()
    if saved:
        st.selectbox(
            "Saved queries",
            list(saved),
            index=None,
            placeholder="Open one",
            key="saved",
            on_change=_open_saved,
            args=(saved,),
        )
    st.session_state.setdefault("query", _START)
    with st.form("run_query", border=False):
        query = st.text_area("Query (SQL, reads only)", key="query", height=160)
        st.html(f'<p class="wb-muted wb-small">Tables: {_VIEWS}.</p>')
        if st.form_submit_button("Run", type="primary", icon=":material/play_arrow:", key="run"):
            _run(query)
    _show_saving(query, saved)
    table: Table | None = st.session_state.get("rows")
    if table is not None:
        _show_rows(table)


def _run(query: str) -> None:
    st.session_state["rows"] = None
    try:
        st.session_state["rows"] = workspace.session().sql(query)
    except (QueryError, UsageError) as error:
        widgets.show_error(error)


def _open_saved(saved: dict[str, str]) -> None:
    if st.session_state["saved"]:
        st.session_state["query"] = saved[st.session_state["saved"]]


def _show_saving(query: str, saved: dict[str, str]) -> None:
    with st.popover("Save", icon=":material/bookmark:"):
        name = st.text_input("Name", key="query_name", max_chars=100)
        if st.button("Save this query", key="save_query", disabled=not name.strip()):
            workspace.session().save_query(name, query)
            st.rerun()
        chosen = st.session_state.get("saved")
        if chosen in saved and st.button(f"Delete “{reading.label(chosen)}”", key="drop_query"):
            workspace.session().drop_query(chosen)
            st.rerun()


def _show_rows(table: Table) -> None:
    count = len(table)
    shown = f", the first {_ROWS:,} are shown" if count > _ROWS else ""
    st.text(f"{reading.counted(count, 'row')}{shown}")
    st.dataframe(table.arrow().slice(0, _ROWS), hide_index=True)
    with st.container(horizontal=True, gap="small"):
        widgets.show_downloads(
            (
                ("CSV", "rows.csv", table.csv, "text/csv"),
                ("Excel", "rows.xlsx", table.excel, "application/octet-stream"),
                ("Parquet", "rows.parquet", table.parquet, "application/octet-stream"),
            )
        )


def _day(info: Any) -> date:
    return date.fromisoformat(info.ingested_at[:10])


main()
