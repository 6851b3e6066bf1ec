"""What to extract: a Schema of FieldSpecs, frozen, with a fingerprint of everything that matters.

A nested record and a list are fields that hold fields. ``Schema.leaves`` flattens them to paths
such as ``seller.name`` and ``items[].price``; a value is found, located and reviewed per leaf.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from workbench.errors import UsageError

MAX_LEAVES = 1_000
_NAME = re.compile(r"[^\W\d]\w*")


class FieldType(StrEnum):
    """What a field's value becomes: str, Decimal, date, bool, one of ``choices``, list, dict."""

    TEXT = "text"
    NUMBER = "number"
    MONEY = "money"
    DATE = "date"
    BOOLEAN = "boolean"
    ENUM = "enum"
    LIST = "list"
    RECORD = "record"


NORMALISERS = ("space", "upper", "lower", "title", "digits", "letters_digits")
"""What may be done to a text value: white space to single blanks (always done), case, or only the
digits, or only letters and digits kept."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What a value must fulfil. Numbers compare for number and money, lengths for text."""

    pattern: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    min_length: int | None = None
    max_length: int | None = None


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """One field. ``choices`` belong to an enum, ``items`` to a list, ``fields`` to a record."""

    name: str
    type: FieldType = FieldType.TEXT
    description: str = ""
    required: bool = False
    choices: tuple[str, ...] = ()
    items: FieldSpec | None = None
    fields: tuple[FieldSpec, ...] = ()
    normalisers: tuple[str, ...] = ()
    rules: Rules = Rules()

    def to_dict(self) -> dict[str, Any]:
        """As JSON knows it, without what is not set."""
        rules = {
            name: value
            for name in self.rules.__slots__
            if (value := getattr(self.rules, name)) is not None
        }
        parts: dict[str, Any] = {
            "type": self.type.value,
            "description": self.description,
            "required": self.required,
            "choices": list(self.choices),
            "items": self.items.to_dict() if self.items else None,
            "fields": {field.name: field.to_dict() for field in self.fields},
            "normalisers": list(self.normalisers),
        }
        return {name: part for name, part in parts.items() if part} | rules


@dataclass(frozen=True, slots=True)
class Leaf:
    """A field that holds words, with its path (``items[].price``); ``listed`` inside a list."""

    path: str
    spec: FieldSpec

    @property
    def listed(self) -> bool:
        return "[]" in self.path


@dataclass(frozen=True, slots=True)
class Schema:
    """The fields of one record, in order. ``name`` is what the workspace saves it under."""

    name: str
    fields: tuple[FieldSpec, ...]
    description: str = ""

    def __post_init__(self) -> None:
        _check(self.name, self.fields)

    @property
    def fingerprint(self) -> str:
        """Twelve hex digits that change with anything but the schema's name."""
        state = json.dumps(self.to_dict() | {"name": ""}, sort_keys=False, ensure_ascii=False)
        return hashlib.sha256(state.encode()).hexdigest()[:12]

    @property
    def leaves(self) -> tuple[Leaf, ...]:
        """Every field that holds words, in order."""
        return tuple(leaf for field in self.fields for leaf in _leaves(field, ""))

    def to_dict(self) -> dict[str, Any]:
        """As a YAML or JSON file holds it; ``as_schema`` reads it back."""
        return {
            "name": self.name,
            "description": self.description,
            "fields": {field.name: field.to_dict() for field in self.fields},
        }


def bare(path: str) -> str:
    """The leaf's path of a numbered one: ``items[3].price`` is ``items[].price``."""
    return re.sub(r"\[\d+\]", "[]", path)


def _leaves(spec: FieldSpec, above: str) -> Iterator[Leaf]:
    path = f"{above}{spec.name}"
    if spec.type is FieldType.RECORD:
        for field in spec.fields:
            yield from _leaves(field, f"{path}.")
    elif spec.type is FieldType.LIST and spec.items is not None:
        if spec.items.type is FieldType.RECORD:
            for field in spec.items.fields:
                yield from _leaves(field, f"{path}[].")
        else:
            yield Leaf(f"{path}[]", spec.items)
    else:
        yield Leaf(path, spec)


def _check(name: str, fields: tuple[FieldSpec, ...]) -> None:
    if not fields:
        raise UsageError(
            "the schema has no fields", value=name, next_step="Name at least one field."
        )
    _check_fields(fields, "", depth=0)
    count = sum(1 for field in fields for _ in _leaves(field, ""))
    if count > MAX_LEAVES:
        raise UsageError(
            "the schema has too many fields",
            value=f"{count:,}, at most {MAX_LEAVES:,}",
            next_step="Split it into several schemas.",
        )


def _check_fields(fields: tuple[FieldSpec, ...], above: str, *, depth: int) -> None:
    names: set[str] = set()
    for field in fields:
        path = f"{above}{field.name}"
        if problem := _problem(field, names, depth):
            raise UsageError(
                "a field of the schema cannot be used",
                value=f"{path}: {problem}",
                next_step="Correct this field.",
            )
        names.add(field.name)
        inner = field.items if field.type is FieldType.LIST else field
        if inner is not None and inner.type is FieldType.RECORD:
            _check_fields(inner.fields, f"{path}.", depth=depth + 1)


def _problem(field: FieldSpec, names: set[str], depth: int) -> str:
    inner = field.items
    unknown = [name for name in field.normalisers if name not in NORMALISERS]
    problems: Mapping[str, bool] = {
        "its name is no word of letters, digits and _": not _NAME.fullmatch(field.name),
        "its name is used twice": field.name in names,
        "an enum needs choices": field.type is FieldType.ENUM and not field.choices,
        "a record needs fields": field.type is FieldType.RECORD and not field.fields,
        "a list needs items": field.type is FieldType.LIST and inner is None,
        "a list of lists is not supported": inner is not None and inner.type is FieldType.LIST,
        "records are nested more than three deep": depth > 3,
        f"unknown normalisers {unknown}, there are {list(NORMALISERS)}": bool(unknown),
        "its pattern is no regular expression": not _is_pattern(field.rules.pattern),
    }
    return next((problem for problem, holds in problems.items() if holds), "")


def _is_pattern(pattern: str | None) -> bool:
    try:
        re.compile(pattern or "")
    except re.error:
        return False
    return True
