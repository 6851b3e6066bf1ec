"""Turn documents into a table whose every value opens its source."""

from __future__ import annotations

from functools import partial
from typing import Any

import drafting
import extracting
import fields
import reading
import streamlit as st
import widgets
import workspace
from extracting import Extracting, Grid, Wanted

from workbench import Extraction, RecordStatus
from workbench.errors import WorkbenchError

_TICK_S = 0.5
_EARLIER = 6
_FILES = (
    ("Excel", ".xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ("CSV", ".csv", "text/csv"),
    ("Parquet", ".parquet", "application/vnd.apache.parquet"),
)


def main() -> None:
    """The page."""
    actions = widgets.show_title("Extract")
    if not workspace.may_extract():
        widgets.show_denied("extract tables")
        return
    if not workspace.documents():
        widgets.show_empty()
        return
    job: Extracting | None = st.session_state.get("extracting")
    if job is not None and job.running:
        _show_progress(job)
        return
    if job is not None:
        _end(job)
    if table := _table():
        _show_table(table, actions)
        return
    if ended := st.session_state.get("ended"):
        widgets.show_ended(ended)
    _show_builder()


def _end(job: Extracting) -> None:
    del st.session_state["extracting"]
    workspace.look_at_tables_again()
    if job.result is None:
        st.session_state["ended"] = job
    else:
        _open_table(job.result.id, job.wanted)


def _table() -> int | None:
    """The table that is open; its number stands in the address, so that a refresh finds it."""
    named = st.query_params.get("table", "")
    opened: int | None = st.session_state.get("table")
    if named.isdecimal() and int(named) != opened:
        _open_table(opened := int(named))
    elif opened is not None and not named:
        st.query_params["table"] = str(opened)
    return opened


def _open_table(number: int, wanted: Wanted | None = None) -> None:
    """Show a table: all that is stored of it, or what was wanted."""
    st.session_state["table"], st.session_state["wanted"] = number, wanted
    st.query_params["table"] = str(number)


def _close_table() -> None:
    st.session_state["table"] = None
    st.query_params.clear()


def _show_builder() -> None:
    st.html(
        '<p class="wb-lead wb-muted">Say what to look for; each document becomes a row of a table, '
        "and every value leads back to the words it came from.</p>"
    )
    draft = drafting.show()
    documents = {info.id: info.name for info in workspace.documents()}
    chosen = st.multiselect(
        "Documents",
        list(documents),
        format_func=lambda number: reading.readable(documents[number]),
        placeholder="All documents",
        key="extract_documents",
        persist_state="session",
    )
    many = st.checkbox(
        "One document may hold several rows, such as a list or a statement",
        key="extract_many",
        persist_state="session",
    )
    ids = tuple(number for number in chosen if number in documents) or tuple(documents)
    with st.container(horizontal=True, gap="small"):
        whole = st.button(
            f"Extract from {reading.counted(len(ids), 'document')}", type="primary", key="extract"
        )
        tried = len(ids) > extracting.PREVIEW_DOCUMENTS and st.button(
            f"Try on {extracting.PREVIEW_DOCUMENTS} first", key="try", icon=":material/science:"
        )
    if tried or whole:
        try:
            definition = draft.definition()
        except WorkbenchError as error:
            widgets.show_error(error)
        else:
            _start(Wanted(definition, ids, many), preview=tried)
            st.rerun()
    _show_earlier()


def _start(wanted: Wanted, *, preview: bool = False) -> None:
    _close_table()
    st.session_state["whole"], st.session_state["ended"] = wanted, None
    job = Extracting(workspace.session(), wanted.preview if preview else wanted)
    st.session_state["extracting"] = job.start()


def _show_earlier() -> None:
    tables = workspace.tables()[:_EARLIER]
    if not tables:
        return
    st.header("Earlier tables", anchor=False)
    own = workspace.session().actor.name
    for info in tables:
        by = "" if info.actor == own else f" by {info.actor}"
        facts = f"{reading.counted(info.documents, 'document')}, {info.updated_at[:10]}{by}"
        st.button(
            reading.label(f"{info.schema} · {facts}"),
            key=f"table-{info.id}",
            icon=":material/table_chart:",
            type="tertiary",
            on_click=_open_table,
            args=(info.id,),
        )


@st.fragment(run_every=_TICK_S)
def _show_progress(job: Extracting) -> None:
    if not job.running:
        st.rerun()
    widgets.show_progress(job, "Reading")
    st.button("Stop", icon=":material/stop_circle:", key="stop", on_click=job.stop)
    st.html(
        '<p class="wb-muted wb-small">You can go to another page meanwhile. Every document that is '
        "done is kept.</p>"
    )


def _show_table(number: int, actions: Any) -> None:
    with actions:
        st.button("New table", icon=":material/add:", key="new", on_click=_close_table)
    try:
        stored = workspace.table(number)
    except WorkbenchError:
        _close_table()
        raise
    wanted: Wanted | None = st.session_state.get("wanted")
    table = extracting.only(stored, wanted.document_ids) if wanted else stored
    grid = Grid(table)
    title = reading.label(reading.clipped(str(table.schema["name"]), 80))
    st.header(title, anchor=False)
    _show_what_is_left(table, wanted)
    st.html(extracting.legend_html(grid.counts()))
    _show_cells(grid, key=f"cells-{number}")
    if cell := st.session_state.pop("cell", None):
        widgets.open_source(grid.cited(*cell))
    st.html('<p class="wb-muted wb-small">Click a cell to read the words it came from.</p>')
    _show_downloads(table)


def _show_what_is_left(table: Extraction, wanted: Wanted | None) -> None:
    whole: Wanted | None = st.session_state.get("whole")
    if wanted is None or whole is None:
        return
    read = {r.document_id for r in table if r.status is not RecordStatus.FAILED}
    unread = len(set(wanted.document_ids) - read)
    if len(wanted.document_ids) < len(whole.document_ids):
        words = f"This is a try on {reading.counted(len(wanted.document_ids), 'document')}."
        button = f"Extract from all {len(whole.document_ids):,}"
    elif unread:
        words = f"Not read so far: {reading.counted(unread, 'document')}."
        button = "Go on with them"
    else:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.text(words)
        st.button(button, type="primary", key="go_on", on_click=_start, args=(whole,))


def _show_cells(grid: Grid, *, key: str) -> None:
    frame = grid.frame()
    styled: Any = frame
    if frame.size <= extracting.MAX_STYLED_CELLS:
        colours = grid.colours()
        styled = frame.style.apply(
            lambda _: frame.__class__(colours, index=frame.index, columns=frame.columns), axis=None
        )
    st.dataframe(
        styled,
        key=key,
        hide_index=True,
        placeholder="-",
        on_select=partial(_remember_cell, key),
        selection_mode="single-cell",
        column_config={
            grid.heading(name): st.column_config.NumberColumn(format="%,.2f")
            if grid.extraction.kinds[name] == "money"
            else st.column_config.DateColumn(format="YYYY-MM-DD")
            for name in grid.names
            if grid.is_typed(name, "money", "date")
        },
        alt="The extracted table, a row for each document",
    )


def _remember_cell(key: str) -> None:
    cells = st.session_state[key]["selection"]["cells"]
    if cells:
        st.session_state["cell"] = cells[0]


def _show_downloads(table: Extraction) -> None:
    name = fields.field_name(str(table.schema["name"]))
    with st.container(horizontal=True, gap="small"):
        widgets.show_downloads(
            [
                (words, f"{name}{suffix}", partial(extracting.exported, table, suffix), kind)
                for words, suffix, kind in _FILES
            ]
        )
        if any(record.status is not RecordStatus.FAILED for record in table) and st.button(
            "Check the values", icon=":material/fact_check:", key="check"
        ):
            st.switch_page("app_pages/review.py", query_params={"table": str(table.id)})


main()
