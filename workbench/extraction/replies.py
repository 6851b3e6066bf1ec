"""What the model is asked for, and what it replied: a JSON schema of words, and words per field.

The model copies words; it never states dates or numbers of its own. Grammar guarantees the form
of the reply, not its truth, so that every leaf is a string; only choices and yes/no are closed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pydantic_core

from workbench.errors import InvalidReply
from workbench.extraction.schema import FieldSpec, FieldType

GROUP_LEAVES = 12
"""So many fields are asked for at once; a small model loses track of more."""

MAX_LISTED = 40
"""Most entries of a list, and most records of a window."""

ABSENT = frozenset(
    {"", "not found", "n/a", "na", "none", "null", "unknown", "not stated", "not specified", "-"}
)

_LEAF_TOKENS = 56
_LIST_TOKENS = 700
_HINTS = {
    FieldType.DATE: "date, as written",
    FieldType.MONEY: "amount of money, as written",
    FieldType.NUMBER: "number, as written",
    FieldType.BOOLEAN: "yes or no",
}
Words = Mapping[str, str]
"""The model's words by the leaf's numbered path (``items[0].price``)."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What the model said: one mapping of words per record. ``whole`` is False if it was cut."""

    records: tuple[Words, ...]
    whole: bool = True


def groups(fields: Sequence[FieldSpec], most: int = GROUP_LEAVES) -> list[tuple[FieldSpec, ...]]:
    """The fields in order, parted so that each part holds at most ``most`` leaves.

    A long record is parted too; a list of records stays whole, as its rows belong together.
    """
    parts: list[tuple[FieldSpec, ...]] = []
    current: list[FieldSpec] = []
    taken = 0
    for field in fields:
        for piece in _pieces(field, most):
            count = _leaves(piece)
            if current and taken + count > most:
                parts.append(tuple(current))
                current, taken = [], 0
            current.append(piece)
            taken += count
    return [*parts, tuple(current)] if current else parts


def _pieces(field: FieldSpec, most: int) -> list[FieldSpec]:
    if field.type is not FieldType.RECORD or _leaves(field) <= most:
        return [field]
    return [replace(field, fields=part) for part in groups(field.fields, most)]


def _leaves(field: FieldSpec) -> int:
    if field.type is FieldType.RECORD:
        return sum(_leaves(inner) for inner in field.fields)
    if field.type is FieldType.LIST and field.items is not None:
        return _leaves(field.items)
    return 1


def reply_schema(fields: Sequence[FieldSpec], *, many: bool) -> dict[str, Any]:
    """The JSON schema of the reply: an object of words, or ``records`` of them."""
    record = _object(fields)
    if not many:
        return record
    rows = {"type": "array", "items": record, "maxItems": MAX_LISTED}
    return {
        "type": "object",
        "properties": {"records": rows},
        "required": ["records"],
        "additionalProperties": False,
    }


def reply_tokens(fields: Sequence[FieldSpec], *, many: bool) -> int:
    """How long a reply may become."""
    if many:
        return 2 * _LIST_TOKENS
    plain = sum(_leaves(field) for field in fields if field.type is not FieldType.LIST)
    lists = sum(field.type is FieldType.LIST for field in fields)
    return 40 + _LEAF_TOKENS * plain + _LIST_TOKENS * lists


def _object(fields: Sequence[FieldSpec]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {field.name: _part(field) for field in fields},
        "required": [field.name for field in fields],
        "additionalProperties": False,
    }


def _part(field: FieldSpec) -> dict[str, Any]:
    if field.type is FieldType.RECORD:
        return _object(field.fields)
    if field.type is FieldType.LIST and field.items is not None:
        return {"type": "array", "items": _part(field.items), "maxItems": MAX_LISTED}
    if field.type is FieldType.ENUM:
        return {"type": "string", "enum": [*field.choices, ""]}
    if field.type is FieldType.BOOLEAN:
        return {"type": "string", "enum": ["yes", "no", ""]}
    return {"type": "string"}


def described(fields: Sequence[FieldSpec], indent: str = "") -> str:
    """The fields for the prompt, one a line: name (kind): description."""
    lines = []
    for field in fields:
        inner = field.items if field.type is FieldType.LIST and field.items else field
        kind = _kind(field)
        words = field.description or field.name.replace("_", " ")
        lines.append(f"{indent}- {field.name}{f' ({kind})' if kind else ''}: {words}")
        if inner.type is FieldType.RECORD:
            lines.append(described(inner.fields, indent + "  "))
    return "\n".join(lines)


def _kind(field: FieldSpec) -> str:
    if field.type is FieldType.LIST:
        return "list"
    if field.type is FieldType.ENUM:
        return "one of: " + ", ".join(field.choices)
    return _HINTS.get(field.type, "")


def parse_reply(text: str, fields: Sequence[FieldSpec], *, many: bool) -> Reply:
    """The reply's words per record. Of an unfinished reply, the whole strings so far.

    Raises:
        InvalidReply: if it is not the JSON that was asked for.
    """
    try:
        data, whole = pydantic_core.from_json(text), True
    except ValueError:
        data, whole = _partial(text), False
    if not isinstance(data, dict):
        raise _invalid(text)
    if not many:
        return Reply((_words(data, fields),), whole)
    rows = data.get("records", [])
    if not isinstance(rows, list):
        raise _invalid(text)
    found = [_words(row, fields) for row in rows[:MAX_LISTED] if isinstance(row, dict)]
    return Reply(tuple(row for row in found if any(row.values())), whole)


def _partial(text: str) -> object:
    try:
        return pydantic_core.from_json(text, allow_partial=True)
    except ValueError as error:
        raise _invalid(text) from error


def _words(data: Mapping[str, Any], fields: Sequence[FieldSpec], above: str = "") -> dict[str, str]:
    words: dict[str, str] = {}
    for field in fields:
        path, value = f"{above}{field.name}", data.get(field.name)
        if field.type is FieldType.RECORD:
            inner = value if isinstance(value, dict) else {}
            words |= _words(inner, field.fields, f"{path}.")
        elif field.type is FieldType.LIST and field.items is not None:
            words |= _listed(value, field.items, path)
        else:
            words[path] = _string(value)
    return words


def _listed(value: object, items: FieldSpec, path: str) -> dict[str, str]:
    words: dict[str, str] = {}
    number = 0
    for entry in (value if isinstance(value, list) else [])[:MAX_LISTED]:
        here = f"{path}[{number}]"
        if items.type is FieldType.RECORD:
            found = _words(entry if isinstance(entry, dict) else {}, items.fields, f"{here}.")
        else:
            found = {here: _string(entry)}
        if any(found.values()):
            words |= found
            number += 1
    return words


def _string(value: object) -> str:
    if value is None or isinstance(value, dict | list):
        return ""
    words = "yes" if value is True else "no" if value is False else str(value)
    words = words.replace("\x00", " ").strip()
    return "" if words.casefold().strip(" .\"'") in ABSENT else words


def _invalid(text: str) -> InvalidReply:
    return InvalidReply(
        "the model's reply is not the JSON it was asked for",
        value=f"{len(text)} characters",
        next_step="Ask again, or choose another model.",
    )
