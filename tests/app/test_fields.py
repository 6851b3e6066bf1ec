from __future__ import annotations

import importlib
import io
import zipfile
from dataclasses import dataclass
from typing import Any

import pandas as pd
import pytest

from workbench.errors import UsageError
from workbench.extraction.schema_sources import as_schema

NESTED = {
    "name": "Orders",
    "fields": {
        "orderNo": {"type": "text", "pattern": "[A-Z]+", "required": True},
        "lines": {"type": "list", "items": {"type": "record", "fields": {"price": "money"}}},
        "state": {"type": "enum", "choices": ["open", "closed"]},
        "tags": {"type": "list", "items": {"type": "text"}},
    },
}


@pytest.fixture
def fields() -> Any:
    return importlib.import_module("fields")


@dataclass
class File:
    name: str
    data: bytes

    def getvalue(self) -> bytes:
        return self.data


def line(name: str | None, kind: str = "Text", **cells: Any) -> dict[str, Any]:
    return {"name": name, "kind": kind, "description": None, "required": False, **cells}


def test_what_is_not_touched_stays_as_it_was(fields: Any) -> None:
    definition = as_schema(NESTED).to_dict()
    rows = fields.rows_of(definition)
    assert [(row["name"], row["kind"]) for row in rows] == [
        ("OrderNo", "Text"),
        ("Lines", "Several parts"),
        ("State", "One of these"),
        ("Tags", "List"),
    ]
    again = fields.definition_of("Orders", rows, definition)
    assert as_schema(again).to_dict() == definition


def test_every_template_is_a_schema_that_the_editor_can_show(fields: Any) -> None:
    for title, of in importlib.import_module("templates").TEMPLATES.items():
        rows = fields.rows_of({"fields": of})
        schema = as_schema(fields.definition_of(title, rows, {"fields": of}))
        assert [field.name for field in schema.fields] == list(of)
        assert all(field.description for field in schema.fields)


def test_words_become_names_of_fields(fields: Any) -> None:
    rows = [
        line("Größe in cm²", "Number", description=" the   size ", required=True),
        line("2nd owner"),
        line(None),
        line("Open", "One of these", choices="yes, no,, yes"),
    ]
    definition = fields.definition_of(" My  table ", rows, {})
    assert as_schema(definition).name == "My table"
    assert list(definition["fields"]) == ["größe_in_cm2", "field_2nd_owner", "open"]
    assert definition["fields"]["größe_in_cm2"]["description"] == "the size"
    assert definition["fields"]["open"]["choices"] == ["yes", "no"]


def test_an_edited_kind_drops_what_belonged_to_the_old_one(fields: Any) -> None:
    definition = as_schema(NESTED).to_dict()
    rows = fields.rows_of(definition)
    rows[0]["kind"] = "Number"
    rows[1] = line("Lines", "Text")
    changed = as_schema(fields.definition_of("Orders", rows, definition))
    assert changed.fields[0].rules.pattern is None
    assert changed.fields[1].items is None


@pytest.mark.parametrize(
    ("title", "rows", "told"),
    [
        ("T", [], "no columns"),
        ("  ", [line("A")], "no name"),
        ("T", [line("A b"), line("a B")], "same name"),
        ("T", [line(None, description="what")], "a field has no name"),
        ("T", [line("A", "One of these", choices=None)], "no choices"),
        ("T", [line("A", "Several parts")], "cannot be made here"),
    ],
)
def test_what_cannot_be_used_is_told(
    fields: Any, title: str, rows: list[dict[str, Any]], told: str
) -> None:
    with pytest.raises(UsageError, match=told):
        fields.definition_of(title, rows, {})


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("invoice_number", "Invoice number"),
        ("items[0].unit_price", "Items 1, unit price"),
        ("seller.name", "Seller, name"),
        ("items[].price", "Items, price"),
    ],
)
def test_names_are_shown_in_words(fields: Any, name: str, words: str) -> None:
    assert fields.shown(name) == words


@pytest.mark.parametrize("suffix", ["csv", "xlsx"])
def test_an_example_table_is_read(fields: Any, suffix: str) -> None:
    rows = pd.DataFrame({"Invoice No.": ["A1", "A2"], "Total": ["EUR 1.50", "EUR 2.00"]})
    data = io.BytesIO()
    if suffix == "csv":
        rows.to_csv(data, index=False, sep=";")
    else:
        rows.to_excel(data, index=False, engine="openpyxl")
    read = fields.read_example(File(f"rows.{suffix}", data.getvalue()))
    assert list(read.columns) == ["invoice_no", "total"]
    assert as_schema(read).fields[1].type == "money"


def test_a_hostile_example_is_refused(fields: Any) -> None:
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b" " * 30_000_000)
    hostile = {
        "bomb.xlsx": bomb.getvalue(),
        "program.xlsx": b"MZ\x90\x00" + bytes(400),
        "program.csv": b"MZ\x90\x00\xff" + bytes(400),
        "empty.csv": b"",
        "twice.csv": b"A b,a-b\n1,2\n",
    }
    for name, data in hostile.items():
        with pytest.raises(UsageError):
            fields.read_example(File(name, data))
