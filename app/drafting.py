"""The fields of a new table, written line by line or taken from somewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import fields
import reading
import streamlit as st
import widgets
import workspace
from templates import TEMPLATES

from workbench.errors import WorkbenchError

OWN = "My own fields"
EXAMPLE = "A table of examples"
SAVED = "Used before: "
MAX_UPLOAD_MB = 5


@dataclass
class Draft:
    """The fields as they are being written.

    ``base`` are the rows that the editor started from, ``rows`` those that it shows now, ``before``
    the schema that they came from. ``start`` names where; ``version`` counts the fresh starts.
    """

    start: str = ""
    title: str = ""
    base: list[fields.Row] = field(default_factory=list)
    rows: list[fields.Row] = field(default_factory=list)
    before: Mapping[str, Any] = field(default_factory=dict)
    version: int = 0

    def load(self, title: str, definition: Mapping[str, Any]) -> None:
        """Start again from a schema's definition."""
        self.title, self.before = title, definition
        self.base = self.rows = fields.rows_of(definition)
        self.version += 1

    def definition(self) -> dict[str, Any]:
        """The schema as it stands.

        Raises:
            UsageError: if it cannot be used yet.
        """
        return fields.definition_of(self.title, self.rows, self.before)


def show() -> Draft:
    """The editor; what it returns is kept while other pages are open."""
    draft: Draft = st.session_state.setdefault("draft", Draft())
    left, right = st.columns(2)
    start = left.selectbox("Start from", _starts(), key="extract_start", persist_state="session")
    if start != draft.start:
        draft.start = start
        _load(draft)
    draft.title = right.text_input(
        "Name of the table",
        value=draft.title,
        max_chars=60,
        key=f"title_{draft.version}",
        persist_state="session",
    )
    if start == EXAMPLE:
        _show_upload(draft)
    st.html(
        '<p class="wb-muted wb-small">One line per column of the table. Click a cell to change it; '
        "the last, empty line adds one. A description in plain words helps to find the value.</p>"
    )
    draft.rows = _edited(draft)
    return draft


def _starts() -> list[str]:
    saved = dict.fromkeys(f"{SAVED}{info.schema}" for info in workspace.tables())
    return [*TEMPLATES, OWN, EXAMPLE, *saved]


def _load(draft: Draft) -> None:
    if draft.start.startswith(SAVED):
        name = draft.start.removeprefix(SAVED)
        draft.load(name, workspace.session().schema(name))
    elif draft.start in TEMPLATES:
        draft.load(draft.start, {"fields": TEMPLATES[draft.start]})
    else:
        draft.load("", {})


def _show_upload(draft: Draft) -> None:
    file = st.file_uploader(
        "A CSV file or Excel sheet with some rows as you want them",
        type=["csv", "xlsx"],
        max_upload_size=MAX_UPLOAD_MB,
        key="extract_example",
    )
    if file is None or st.session_state.get("extract_example_id") == file.file_id:
        return
    try:
        definition = workspace.session().schema(fields.read_example(file))
    except WorkbenchError as error:
        widgets.show_error(error)
        return
    st.session_state["extract_example_id"] = file.file_id
    draft.load(reading.clipped(file.name.rpartition(".")[0], 60), definition)
    st.rerun()


def _edited(draft: Draft) -> list[fields.Row]:
    import pandas as pd

    key = f"fields_{draft.version}"
    if key not in st.session_state:
        # Streamlit forgets what an editor changed once another page was open.
        draft.base = draft.rows
    kinds = list(fields.KINDS)
    if any(row["kind"] == fields.NESTED for row in draft.base):
        kinds.append(fields.NESTED)
    edited = st.data_editor(
        pd.DataFrame(draft.base, columns=list(fields.COLUMNS)).astype({"required": "bool"}),
        key=key,
        num_rows="dynamic",
        hide_index=True,
        placeholder="",
        alt="The columns of the table: field, kind, what it is, needed, choices",
        column_config={
            "name": st.column_config.TextColumn("Field", width=165, max_chars=60),
            "kind": st.column_config.SelectboxColumn(
                "Kind", options=kinds, default="Text", width=115
            ),
            "description": st.column_config.TextColumn(
                "What it is", default="", width=320, max_chars=300
            ),
            "required": st.column_config.CheckboxColumn(
                "Needed", default=False, width=95, help="A row without it is not complete"
            ),
            "choices": st.column_config.TextColumn(
                "Choices", default="", width=120, help="For “One of these”: separated by commas"
            ),
        },
    )
    return [{str(name): cell for name, cell in row.items()} for row in edited.to_dict("records")]
