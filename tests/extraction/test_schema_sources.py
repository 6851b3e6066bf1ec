from __future__ import annotations

import datetime
import json
from decimal import Decimal
from enum import Enum
from pathlib import Path

import pandas as pd
import pytest
from pydantic import BaseModel, Field

from workbench.errors import UsageError
from workbench.extraction.schema import FieldSpec, FieldType, Rules, Schema, bare
from workbench.extraction.schema_sources import as_schema


class Kind(Enum):
    INVOICE = "invoice"
    RECEIPT = "receipt"


class Item(BaseModel):
    name: str
    price: Decimal | None = None


class Invoice(BaseModel):
    """An invoice of a supplier."""

    number: str = Field(description="invoice number", pattern=r"\d")
    issued: datetime.date
    kind: Kind
    paid: bool = False
    total: float = Field(ge=0)
    items: list[Item] = []
    seller: Item | None = None


def test_pydantic_model() -> None:
    schema = as_schema(Invoice)
    assert schema.name == "Invoice"
    assert [(leaf.path, leaf.spec.type.value) for leaf in schema.leaves] == [
        ("number", "text"),
        ("issued", "date"),
        ("kind", "enum"),
        ("paid", "boolean"),
        ("total", "number"),
        ("items[].name", "text"),
        ("items[].price", "number"),
        ("seller.name", "text"),
        ("seller.price", "number"),
    ]
    assert schema.fields[0].required
    assert not schema.fields[3].required
    assert schema.fields[0].rules == Rules(pattern=r"\d")
    assert schema.fields[2].choices == ("invoice", "receipt")
    assert schema.fields[4].rules.minimum == 0


def test_json_schema_is_read_as_the_model_it_came_from() -> None:
    assert as_schema(Invoice.model_json_schema()).fields == as_schema(Invoice).fields


def test_a_dict_may_be_short_or_detailed() -> None:
    schema = as_schema(
        {
            "shop": "the shop's name",
            "total": "money: amount to pay",
            "kind": ["invoice", "receipt"],
            "issued": {"type": "date", "required": True},
            "lines": {"type": "list", "fields": {"what": "text", "price": "money"}},
            "count": int,
        }
    )
    assert [field.type.value for field in schema.fields] == [
        "text",
        "money",
        "enum",
        "date",
        "list",
        "number",
    ]
    assert schema.fields[0].description == "the shop's name"
    assert schema.fields[1].description == "amount to pay"
    assert [leaf.path for leaf in schema.leaves][4:6] == ["lines[].what", "lines[].price"]


@pytest.mark.parametrize("suffix", [".yaml", ".json"])
def test_a_file_holds_what_to_dict_writes(tmp_path: Path, suffix: str) -> None:
    schema = as_schema(Invoice)
    path = tmp_path / f"invoice{suffix}"
    path.write_text(json.dumps(schema.to_dict()), encoding="utf-8")
    assert as_schema(path) == Schema("Invoice", schema.fields, schema.description)
    assert as_schema(str(path)).fingerprint == as_schema(schema.to_dict()).fingerprint


def test_example_rows_tell_types() -> None:
    rows = pd.DataFrame(
        {
            "shop": ["A & B", "C", "D", "E", "F", "G"],
            "issued": ["25/12/2018", "2018-01-02", "3 May 2018"] * 2,
            "total": ["RM 9.00", "$8.20", "EUR 1.234,50"] * 2,
            "count": [1, 2, 3] * 2,
            "paid": [True, False, True] * 2,
            "kind": ["invoice", "receipt"] * 3,
        }
    )
    kinds = {field.name: field.type.value for field in as_schema(rows).fields}
    assert kinds == {
        "shop": "text",
        "issued": "date",
        "total": "money",
        "count": "number",
        "paid": "boolean",
        "kind": "enum",
    }


def test_the_fingerprint_follows_the_fields_and_not_the_name() -> None:
    one = as_schema({"a": "text"}, name="x")
    assert one.fingerprint == as_schema({"a": "text"}, name="y").fingerprint
    assert one.fingerprint != as_schema({"a": "date"}, name="x").fingerprint
    assert one.fingerprint != as_schema({"a": "text: other"}, name="x").fingerprint


@pytest.mark.parametrize(
    "source",
    [
        {},
        {"a": {"type": "nonsense"}},
        {"a": {"type": "text", "colour": "red"}},
        {"a b": "text"},
        {"a": {"type": "enum"}},
        {"a": {"type": "list"}},
        {"a": {"type": "text", "pattern": "("}},
        {"a": {"type": "text", "normalisers": ["rot13"]}},
        {"a": 7},
        7,
        {f"f{number}": "text" for number in range(1001)},
    ],
)
def test_what_is_no_schema_is_refused(source: object) -> None:
    with pytest.raises(UsageError):
        as_schema(source)


def test_files_that_hold_no_schema_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("- 1\n- 2\n", encoding="utf-8")
    with pytest.raises(UsageError, match="mapping"):
        as_schema(path)
    path.write_text("a: [", encoding="utf-8")
    with pytest.raises(UsageError, match="neither"):
        as_schema(path)
    with pytest.raises(UsageError, match="read"):
        as_schema(tmp_path / "none.json")


def test_a_schema_that_refers_to_itself_is_refused() -> None:
    loop = {"properties": {"next": {"$ref": "#/$defs/N"}}, "$defs": {}}
    loop["$defs"] = {"N": {"type": "object", "properties": {"next": {"$ref": "#/$defs/N"}}}}
    with pytest.raises(UsageError):
        as_schema(loop)


def test_bare_paths() -> None:
    assert bare("items[3].price") == "items[].price"
    assert FieldSpec("a").type is FieldType.TEXT
