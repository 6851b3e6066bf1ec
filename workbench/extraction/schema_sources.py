"""A Schema from a Pydantic model, a dict, a JSON Schema, a YAML or JSON file, or example rows."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import UsageError
from workbench.extraction.schema import FieldSpec, FieldType, Rules, Schema

if TYPE_CHECKING:
    import pandas as pd

MAX_CHOICES = 12
"""A column of example rows with at most so many different repeated words is an enum."""

_MAX_FILE_BYTES = 1_000_000
_WORDS = {
    "str": "text", "string": "text", "text": "text", "int": "number", "integer": "number",
    "float": "number", "number": "number", "decimal": "number", "money": "money",
    "amount": "money", "currency": "money", "date": "date", "datetime": "date",
    "bool": "boolean", "boolean": "boolean", "enum": "enum", "choice": "enum", "list": "list",
    "array": "list", "record": "record", "object": "record",
}  # fmt: skip
_KEYS = {
    "type", "description", "required", "choices", "enum", "items", "fields", "normalisers",
    "pattern", "minimum", "maximum", "min_length", "max_length",
}  # fmt: skip


def as_schema(source: object, *, name: str = "") -> Schema:
    """The schema that ``source`` describes.

    ``source`` is a Schema, a Pydantic model class, a DataFrame of example rows, the path of a .yaml
    or .json file, a JSON Schema, or a dict of fields: ``{"total": "money"}``,
    ``{"kind": ["invoice", "receipt"]}`` or ``{"total": {"type": "money", "required": True}}``.

    Raises:
        UsageError: if it cannot be read as one.
    """
    if isinstance(source, Schema):
        return source
    if isinstance(source, str | Path):
        return _from_file(Path(source), name)
    if isinstance(source, type) and hasattr(source, "model_json_schema"):
        return _from_model(source, name or source.__name__)
    if hasattr(source, "dtypes") and hasattr(source, "columns"):
        return _from_rows(source, name or "record")
    if isinstance(source, Mapping):
        return _from_mapping(source, name)
    raise _unusable(f"a {type(source).__name__}")


def is_file(name: str) -> bool:
    """Whether ``name`` is meant as the path of a schema file, not as a saved schema's name."""
    return Path(name).suffix.lower() in {".yaml", ".yml", ".json"}


def _from_mapping(source: Mapping[str, Any], name: str) -> Schema:
    if "properties" in source and isinstance(source["properties"], Mapping):
        return _from_json_schema(source, name or str(source.get("title", "record")))
    if isinstance(source.get("fields"), Mapping) and set(source) <= {
        "name",
        "description",
        "fields",
    }:
        fields = source["fields"]
        return Schema(
            name or str(source.get("name") or "record"),
            tuple(_spec(key, value) for key, value in fields.items()),
            str(source.get("description", "")),
        )
    return Schema(name or "record", tuple(_spec(key, value) for key, value in source.items()))


def _spec(name: str, value: object) -> FieldSpec:
    if isinstance(value, type):
        return FieldSpec(str(name), _kind(value.__name__))
    if isinstance(value, str):
        kind, _, description = value.partition(":")
        if kind.strip().lower() in _WORDS:
            return FieldSpec(str(name), _kind(kind), description.strip())
        return FieldSpec(str(name), description=value)
    if isinstance(value, Sequence):
        return FieldSpec(str(name), FieldType.ENUM, choices=tuple(str(part) for part in value))
    if isinstance(value, Mapping):
        return _detailed(str(name), value)
    raise _unusable(f"field {name}: a {type(value).__name__}")


def _detailed(name: str, value: Mapping[str, Any]) -> FieldSpec:
    if unknown := set(value) - _KEYS:
        raise _unusable(f"field {name}: unknown keys {sorted(unknown)}")
    choices = value.get("choices") or value.get("enum") or ()
    fields = value.get("fields") or {}
    items = value.get("items")
    kind = _kind(value["type"]) if "type" in value else _implied(choices, fields, items)
    if kind is FieldType.LIST and items is None and fields:
        items, fields = {"type": "record", "fields": fields}, {}
    limits = {key: value.get(key) for key in Rules.__slots__}
    return FieldSpec(
        name,
        kind,
        str(value.get("description", "")),
        required=bool(value.get("required", False)),
        choices=tuple(str(choice) for choice in choices),
        items=_spec("item", items) if items is not None else None,
        fields=tuple(_spec(key, part) for key, part in fields.items()),
        normalisers=tuple(value.get("normalisers", ())),
        rules=Rules(**limits),
    )


def _implied(choices: object, fields: object, items: object) -> FieldType:
    if choices:
        return FieldType.ENUM
    if fields:
        return FieldType.RECORD
    return FieldType.LIST if items is not None else FieldType.TEXT


def _kind(word: object) -> FieldType:
    found = _WORDS.get(str(word).strip().lower())
    if found is None:
        raise _unusable(f"field type {word!r}")
    return FieldType(found)


def _from_model(model: Any, name: str) -> Schema:
    from pydantic.errors import PydanticUserError

    try:
        definition = model.model_json_schema()
    except PydanticUserError as error:
        raise _unusable(f"{name}: {error.message.partition(chr(10))[0]}") from error
    return _from_json_schema(definition, name)


def _from_json_schema(source: Mapping[str, Any], name: str) -> Schema:
    shared = source.get("$defs") or source.get("definitions") or {}
    fields = _properties(source, shared, depth=0)
    return Schema(name, fields, " ".join(str(source.get("description", "")).split()))


def _properties(
    source: Mapping[str, Any], shared: Mapping[str, Any], *, depth: int
) -> tuple[FieldSpec, ...]:
    if depth > 8:
        raise _unusable("a JSON Schema that refers to itself")
    required = set(source.get("required", ()))
    return tuple(
        _property(name, part, shared, required=name in required, depth=depth)
        for name, part in source.get("properties", {}).items()
    )


def _property(
    name: str, part: Mapping[str, Any], shared: Mapping[str, Any], *, required: bool, depth: int
) -> FieldSpec:
    whole = _resolved(part, shared)
    kind = _json_kind(whole)
    items = whole.get("items")
    return FieldSpec(
        name,
        kind,
        " ".join(str(whole.get("description", "")).split()),
        required=required,
        choices=tuple(str(choice) for choice in _choices(whole)) if kind is FieldType.ENUM else (),
        items=_property("item", items or {}, shared, required=False, depth=depth + 1)
        if kind is FieldType.LIST
        else None,
        fields=_properties(whole, shared, depth=depth + 1) if kind is FieldType.RECORD else (),
        rules=Rules(
            whole.get("pattern") if kind is FieldType.TEXT else None,
            whole.get("minimum"),
            whole.get("maximum"),
            whole.get("minLength"),
            whole.get("maxLength"),
        ),
    )


def _resolved(part: Mapping[str, Any], shared: Mapping[str, Any]) -> dict[str, Any]:
    """``$ref`` followed, ``anyOf`` with null taken for its first other kind."""
    whole = dict(part)
    for _ in range(20):
        options = whole.pop("anyOf", None) or whole.pop("oneOf", None) or whole.pop("allOf", None)
        if options:
            real = [option for option in options if option.get("type") != "null"]
            # Pydantic writes a Decimal as number or string, the number first.
            whole = {**(real[0] if real else {}), **whole}
        reference = whole.pop("$ref", None)
        if reference is None and not options:
            return whole
        if reference is not None:
            whole = {**shared.get(str(reference).rpartition("/")[2], {}), **whole}
    raise _unusable("a JSON Schema that refers to itself")


def _choices(whole: Mapping[str, Any]) -> Sequence[object]:
    return [whole["const"]] if "const" in whole else list(whole.get("enum", ()))


def _json_kind(whole: Mapping[str, Any]) -> FieldType:
    if _choices(whole):
        return FieldType.ENUM
    if whole.get("format") in {"date", "date-time"}:
        return FieldType.DATE
    if whole.get("format") == "money":
        return FieldType.MONEY
    if "properties" in whole:
        return FieldType.RECORD
    kind = whole.get("type", "string")
    if isinstance(kind, list):
        kind = next((part for part in kind if part != "null"), "string")
    return _kind(kind)


def _from_rows(rows: Any, name: str) -> Schema:
    frame: pd.DataFrame = rows
    return Schema(name, tuple(_column(str(key), frame[key]) for key in frame.columns))


def _column(name: str, column: Any) -> FieldSpec:
    import datetime
    from decimal import Decimal

    values = column.dropna().tolist()
    required = bool(values) and len(values) == len(column)
    kinds: list[tuple[FieldType, tuple[type, ...]]] = [
        (FieldType.BOOLEAN, (bool,)),
        (FieldType.NUMBER, (int, float, Decimal)),
        (FieldType.DATE, (datetime.date,)),
    ]
    for kind, types in kinds:
        if values and all(isinstance(value, types) for value in values):
            return FieldSpec(name, kind, required=required)
    if values and all(isinstance(value, list | tuple) for value in values):
        return FieldSpec(name, FieldType.LIST, items=FieldSpec("item"), required=required)
    words = [str(value) for value in values]
    distinct = sorted(set(words))
    if 1 < len(distinct) <= min(MAX_CHOICES, len(words) // 3):
        return FieldSpec(name, FieldType.ENUM, required=required, choices=tuple(distinct))
    return FieldSpec(name, _written_kind(words), required=required)


def _written_kind(words: Sequence[str]) -> FieldType:
    """The kind that all example words are written in: dates, money with its currency, numbers."""
    from workbench.extraction.parsing import Locale, parse_date, parse_money, parse_number

    if not words:
        return FieldType.TEXT
    if all(parse_date(word, Locale()) for word in words):
        return FieldType.DATE
    money = [parse_money(word, Locale()) for word in words]
    if all(found and found[1] for found in money):
        return FieldType.MONEY
    if all(parse_number(word, Locale()) is not None for word in words):
        return FieldType.NUMBER
    return FieldType.TEXT


def _from_file(path: Path, name: str) -> Schema:
    import yaml

    try:
        if path.stat().st_size > _MAX_FILE_BYTES:
            raise _unusable(f"{path.name}: over {_MAX_FILE_BYTES:,} bytes")
        text = path.read_text(encoding="utf-8")
        data = json.loads(text) if path.suffix.lower() == ".json" else yaml.safe_load(text)
    except (OSError, UnicodeDecodeError) as error:
        raise _unusable(f"{path.name}: it cannot be read") from error
    except (ValueError, yaml.YAMLError) as error:
        raise _unusable(f"{path.name}: it is neither YAML nor JSON") from error
    if not isinstance(data, Mapping):
        raise _unusable(f"{path.name}: it holds no mapping")
    schema = _from_mapping(data, name)
    return (
        schema
        if name or schema.name != "record"
        else Schema(path.stem, schema.fields, schema.description)
    )


def _unusable(value: str) -> UsageError:
    return UsageError(
        "this is no schema",
        value=value,
        next_step="Give a Pydantic model, a dict, a JSON Schema, a file of one, or a DataFrame.",
    )
