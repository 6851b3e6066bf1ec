"""The fields of a table: as a person edits them, and as Workbench takes them. No Streamlit here."""

from __future__ import annotations

import io
import re
import unicodedata
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Protocol

from workbench.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd

KINDS = {
    "Text": "text",
    "Number": "number",
    "Money": "money",
    "Date": "date",
    "Yes or no": "boolean",
    "One of these": "enum",
    "List": "list",
}
NESTED = "Several parts"
"""The kind of a field that a row of the editor cannot show; it stays as it was saved."""

COLUMNS = ("name", "kind", "description", "required", "choices")
MAX_EXAMPLE_ROWS = 200
MAX_UNPACKED_BYTES = 20_000_000

_WORDS = {kind: words for words, kind in KINDS.items()}
_NO_WORD = re.compile(r"\W+")
_INDEX = re.compile(r"\[(\d+)\]")

Row = dict[str, Any]


class File(Protocol):
    """What Streamlit hands over."""

    name: str

    def getvalue(self) -> bytes:
        """The file's bytes."""
        ...


def rows_of(definition: Mapping[str, Any]) -> list[Row]:
    """A schema's fields as rows of the editor."""
    return [_row(name, spec) for name, spec in definition.get("fields", {}).items()]


def definition_of(
    title: str, rows: Sequence[Mapping[str, Any]], before: Mapping[str, Any]
) -> dict[str, Any]:
    """The schema that the rows describe; what they do not show of ``before`` stays.

    Raises:
        UsageError: if a row cannot be used, in the words of the editor.
    """
    known = before.get("fields", {})
    names = {shown(name): name for name in known}
    fields: dict[str, Any] = {}
    for row in rows:
        words = _text(row.get("name"))
        if not words:
            if _text(row.get("description")):
                raise _unusable("a field has no name", row["description"], "Give it a name.")
            continue
        name = names.get(words) or field_name(words)
        if name in fields:
            raise _unusable("two fields have the same name", words, "Rename one of them.")
        fields[name] = _spec(words, row, known.get(name, {}))
    if not fields:
        raise _unusable("the table has no columns yet", None, "Write down at least one field.")
    if not title.strip():
        raise _unusable("the table has no name", None, "Give it one, such as Invoices.")
    return {
        "name": " ".join(title.split()),
        "description": before.get("description", ""),
        "fields": fields,
    }


def field_name(words: str) -> str:
    """Any words as the name of a field: letters, digits and _, a letter first."""
    plain = _NO_WORD.sub("_", unicodedata.normalize("NFKC", words).lower()).strip("_")
    return plain if plain[:1].isalpha() else f"field_{plain}".rstrip("_")


def shown(name: str) -> str:
    """A field's name in words: ``items[0].unit_price`` is "Items 1, unit price"."""
    numbered = _INDEX.sub(lambda m: f" {int(m[1]) + 1}", name.replace("[]", ""))
    words = " ".join(numbered.replace(".", ", ").replace("_", " ").split())
    return words[:1].upper() + words[1:]


def read_example(file: File) -> pd.DataFrame:
    """The first rows of an uploaded CSV file or Excel sheet, its headings as names of fields.

    Raises:
        UsageError: if it is no such table.
    """
    import pandas as pd

    data = file.getvalue()
    try:
        if PurePath(file.name).suffix.lower() == ".csv":
            rows = pd.read_csv(io.BytesIO(data), sep=None, engine="python", nrows=MAX_EXAMPLE_ROWS)
        else:
            _check_archive(data)
            rows = pd.read_excel(io.BytesIO(data), engine="calamine", nrows=MAX_EXAMPLE_ROWS)
    except UsageError:
        raise
    except Exception as error:  # the readers raise whatever a broken file makes them stumble over
        raise _no_table(file.name) from error
    kept = [heading for heading in rows.columns if not str(heading).startswith("Unnamed:")]
    rows = rows[kept].rename(columns={heading: field_name(str(heading)) for heading in kept})
    if not len(rows.columns) or rows.columns.has_duplicates:
        raise _no_table(file.name)
    return rows


def _row(name: str, spec: Mapping[str, Any]) -> Row:
    kind = spec.get("type", "text")
    nested = kind == "record" or (kind == "list" and spec["items"].get("type", "text") != "text")
    return {
        "name": shown(name),
        "kind": NESTED if nested else _WORDS[kind],
        "description": spec.get("description", ""),
        "required": bool(spec.get("required", False)),
        "choices": ", ".join(spec.get("choices", ())),
    }


def _spec(words: str, row: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    described = {"description": _text(row.get("description")), "required": row["required"] is True}
    kind = row.get("kind") or "Text"
    if kind == NESTED:
        if not before:
            raise _unusable(
                f"the kind {NESTED!r} cannot be made here", words, "Choose another kind."
            )
        return {**before, **described}
    same = {**before} if before.get("type", "text") == KINDS[kind] else {}
    spec = {**same, "type": KINDS[kind], **described}
    if kind == "One of these":
        choices = [part.strip() for part in _text(row.get("choices")).split(",")]
        spec["choices"] = list(dict.fromkeys(filter(None, choices)))
        if not spec["choices"]:
            raise _unusable(
                "a field has no choices", words, "Write them behind it, separated by commas."
            )
    if kind == "List":
        spec.setdefault("items", {"type": "text"})
    return spec


def _text(cell: object) -> str:
    """An edited cell: an empty one comes as None or as not a number."""
    return " ".join(cell.split()) if isinstance(cell, str) else ""


def _check_archive(data: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        if sum(part.file_size for part in archive.infolist()) > MAX_UNPACKED_BYTES:
            raise _unusable(
                "the example table is too large",
                None,
                f"Keep its first {MAX_EXAMPLE_ROWS} rows and upload it again.",
            )


def _no_table(name: str) -> UsageError:
    return _unusable(
        "this file is no table with one heading per column",
        name,
        "Upload a CSV file or an Excel sheet whose first row holds the headings.",
    )


def _unusable(what: str, value: object, next_step: str) -> UsageError:
    return UsageError(what, value=value, next_step=next_step)
