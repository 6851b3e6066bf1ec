"""JSON and JSON lines: one line a record, ``name: value; ...``, nested names dotted.

An object is a tuple of pairs here and a list a list, so that names written twice are both kept.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from workbench.errors import CorruptFile, FileTooLarge
from workbench.sources.parsed import JSON_LINES_TYPE, JSON_TYPE, Parsed
from workbench.sources.text import decode

MAX_DEPTH = 100
MAX_RECORDS_CHARS = 100_000_000


def parse_json(data: bytes) -> Parsed:
    """A JSON file: a line for each value, and for each item of a list of records.

    Several values one below the other are read as JSON lines.

    Raises:
        CorruptFile: if it is not JSON.
        FileTooLarge: if it is nested deeper than MAX_DEPTH or holds over MAX_RECORDS_CHARS.
    """
    text = decode(data)
    try:
        value = _loaded(text)
    except json.JSONDecodeError as error:
        if error.msg == "Extra data" and len(text.splitlines()) > 1:
            return parse_json_lines(data)
        raise _no_json(str(error)) from error
    check_depth(value)
    return Parsed(media_type=JSON_TYPE, parts=(joined(_lines(value, "")),))


def parse_json_lines(data: bytes) -> Parsed:
    """A file with one JSON value on each line; blank lines are skipped.

    Raises:
        CorruptFile: if a line is not JSON.
        FileTooLarge: if it is nested deeper than MAX_DEPTH or holds over MAX_RECORDS_CHARS.
    """

    def records() -> Iterator[str]:
        # Not splitlines: a string in JSON may hold the other characters that end a line.
        for number, line in enumerate(decode(data).split("\n"), start=1):
            if not line.strip():
                continue
            try:
                value = _loaded(line)
            except json.JSONDecodeError as error:
                raise _no_json(f"line {number}: {error.msg}") from error
            check_depth(value)
            yield record_line(value)

    return Parsed(media_type=JSON_LINES_TYPE, parts=(joined(records()),))


def record_line(value: object, name: str = "") -> str:
    """One record on one line; empty values are left out."""
    return "; ".join(_fields(value, name))


def joined(lines: Iterable[str]) -> str:
    """The lines that are not blank, as a text.

    Raises:
        FileTooLarge: if it is longer than MAX_RECORDS_CHARS; before it fills the memory.
    """
    kept: list[str] = []
    size = 0
    for line in lines:
        size += len(line) + 1
        if size > MAX_RECORDS_CHARS:
            raise FileTooLarge(
                "the records hold too much text",
                value=f"over {MAX_RECORDS_CHARS:,} characters",
                next_step="Split the file.",
            )
        if line:
            kept.append(line)
    return "\n".join(kept)


def check_depth(value: object) -> None:
    """Refuse a value that is nested deeper than MAX_DEPTH."""
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [child for item in level for child in _children(item)]
        if not level:
            return
    raise _too_deep()


def _children(value: object) -> Iterable[object]:
    if isinstance(value, tuple):
        return [item for _, item in value]
    return value if isinstance(value, list) else ()


def _loaded(text: str) -> object:
    """The value, its numbers as they are written."""
    try:
        return json.loads(
            text, parse_float=str, parse_int=str, parse_constant=str, object_pairs_hook=tuple
        )
    except RecursionError as error:
        raise _too_deep() from error


def _lines(value: object, name: str) -> Iterator[str]:
    if isinstance(value, tuple):
        for key, item in value:
            yield from _lines(item, _dotted(name, key))
    elif isinstance(value, list) and _is_nested(value):
        for item in value:
            yield record_line(item, name)
    else:
        yield from _fields(value, name)


def _fields(value: object, name: str) -> Iterator[str]:
    if isinstance(value, tuple):
        for key, item in value:
            yield from _fields(item, _dotted(name, key))
    elif isinstance(value, list) and _is_nested(value):
        for number, item in enumerate(value, start=1):
            yield from _fields(item, _dotted(name, str(number)))
    else:
        values = value if isinstance(value, list) else [value]
        text = ", ".join(filter(None, map(_shown, values)))
        if text:
            yield f"{name}: {text}" if name else text


def _is_nested(values: list[object]) -> bool:
    return any(isinstance(item, tuple | list) for item in values)


def _dotted(name: str, key: str) -> str:
    key = " ".join(key.split())
    return f"{name}.{key}" if name else key


def _shown(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return " ".join(str(value).split())


def _no_json(reason: str) -> CorruptFile:
    return CorruptFile(
        "the file is not valid JSON",
        value=reason,
        next_step="Correct it, or export it again.",
    )


def _too_deep() -> FileTooLarge:
    return FileTooLarge(
        f"the values are nested more than {MAX_DEPTH} deep",
        next_step="Flatten the records and export them again.",
    )
