"""What the fields of a written query mean."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from workbench.errors import QueryError
from workbench.store.filters import METADATA, AllOf, AnyOf, Filter, Not, Op, Where, WhereNumber
from workbench.store.matching import Documents, Match, Pages, Phrase, Words

_DATE = re.compile(r"\d{4}-\d{2}(-\d{2}([T ]\d{2}:\d{2}(:\d{2})?)?)?Z?")
_YEAR = re.compile(r"(?:1\d|20|21)\d{2}")
_FIRST_YEAR, _LAST_YEAR = 1000, 2200
_MAX_PAGE = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Bounds:
    """A range as written; None leaves an end open."""

    low: str | None
    high: str | None
    include_low: bool
    include_high: bool


def field_match(name: str, value: str | Bounds, *, phrase: bool = False) -> Match:
    """What ``name:value`` looks for.

    Raises:
        QueryError: if the field cannot have such a value.
    """
    if name == "page":
        return _pages(value)
    if isinstance(value, str) and name == "heading":
        return Phrase(value, "heading") if phrase else Words(value, "heading", every=True)
    if isinstance(value, Bounds) and name in ("heading", "type", "label"):
        raise _unusable(name, "a range", "Give words.")
    return Documents(FIELDS.get(name, _metadata)(name, value))


def _text_part(name: str, value: str | Bounds) -> Filter:
    if isinstance(value, Bounds):
        return _text_range(name, value)
    parts = [part for part in value.split("*") if part]
    return AllOf(tuple(Where(name, Op.TEXT_MATCH_INSENSITIVE, part) for part in parts))


def _label(name: str, value: str | Bounds) -> Filter:
    return Where("label", Op.EQ, str(value))


def _type(name: str, value: str | Bounds) -> Filter:
    kind = str(value).strip("*.")
    return AnyOf(
        (
            Where("media_type", Op.TEXT_MATCH_INSENSITIVE, kind),
            Where("name", Op.TEXT_MATCH_INSENSITIVE, f".{kind}"),
        )
    )


def _ingested(name: str, value: str | Bounds) -> Filter:
    if isinstance(value, str):
        value = Bounds(value, value, True, True)
    return _dates("ingested_at", value, shown=name)


def _number(name: str, value: str | Bounds) -> Filter:
    bounds = Bounds(value, value, True, True) if isinstance(value, str) else value
    return AllOf(tuple(Where(name, op, _to_number(name, end)) for op, end in _ends(bounds)))


def _metadata(name: str, value: str | Bounds) -> Filter:
    field = METADATA + name.removeprefix(METADATA)
    if isinstance(value, Bounds):
        ends = [end for _, end in _ends(value)]
        if all(_is_number(end) for end in ends):
            numbers = tuple(WhereNumber(field, op, float(end)) for op, end in _ends(value))
            years = all(_YEAR.fullmatch(end) for end in ends)
            dated = (_in_years(field, value),) if years else ()
            return AnyOf((AllOf(numbers), *dated)) if dated else AllOf(numbers)
        if all(_DATE.fullmatch(end) for end in ends):
            return _dates(field, value, shown=name)
        return _text_range(field, value)
    if not value.strip("*"):
        return Not(Where(field, Op.IS_EMPTY))
    if _is_number(value):
        year = Bounds(value, value, True, True) if _YEAR.fullmatch(value) else None
        dated = () if year is None else (_in_years(field, year),)
        number = WhereNumber(field, Op.EQ, float(value))
        return AnyOf((Where(field, Op.EQ, value), number, *dated))
    inside = Where(field, Op.CONTAINS, value)
    return AnyOf((_text_part(field, value), inside))


FIELDS: Mapping[str, Callable[[str, str | Bounds], Filter]] = {
    "name": _text_part,
    "uri": _text_part,
    "label": _label,
    "type": _type,
    "ingested": _ingested,
    "size": _number,
    "pages": _number,
    "id": _number,
    "page": _number,
    "heading": _text_part,
}
"""The names that count as fields whatever the metadata. ``page`` and ``heading`` are of chunks."""


def _ends(bounds: Bounds) -> list[tuple[Op, str]]:
    ends = []
    if bounds.low is not None:
        ends.append((Op.GTE if bounds.include_low else Op.GT, bounds.low))
    if bounds.high is not None:
        ends.append((Op.LTE if bounds.include_high else Op.LT, bounds.high))
    return ends


def _text_range(field: str, bounds: Bounds) -> Filter:
    return AllOf(tuple(Where(field, op, end) for op, end in _ends(bounds)))


def _pages(value: str | Bounds) -> Match:
    bounds = Bounds(value, value, True, True) if isinstance(value, str) else value
    first = last = None
    for op, end in _ends(bounds):
        number = _to_number("page", end)
        if op in (Op.GTE, Op.GT):
            first = math.ceil(number) if op is Op.GTE else math.floor(number) + 1
        else:
            last = math.floor(number) if op is Op.LTE else math.ceil(number) - 1
    return Pages(
        None if first is None else max(0, min(first, _MAX_PAGE)),
        None if last is None else max(-1, min(last, _MAX_PAGE)),
    )


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _to_number(name: str, text: str) -> float:
    if not _is_number(text):
        raise _unusable(name, text, f"Give a number or a range: {name}:3 or {name}:[2 TO 5].")
    return float(text)


def _dates(field: str, bounds: Bounds, *, shown: str) -> Filter:
    """A day, month or year stands for all of its time, so ``<=2026-01`` includes January."""
    parts = []
    for op, end in _ends(bounds):
        start, after = _interval(shown, end)
        if op in (Op.GTE, Op.GT):
            parts.append(Where(field, Op.GTE, start if op is Op.GTE else after))
        else:
            parts.append(Where(field, Op.LT, after if op is Op.LTE else start))
    return AllOf(tuple(parts))


def _in_years(field: str, years: Bounds) -> Filter:
    """Dates in these years, as texts that begin with one and a hyphen."""
    low, high = _FIRST_YEAR, _LAST_YEAR
    for op, end in _ends(years):
        if op in (Op.GTE, Op.GT):
            low = int(end) + (op is Op.GT)
        else:
            high = int(end) + (op is Op.LTE)
    between = (Where(field, Op.GTE, f"{low:04d}-"), Where(field, Op.LT, f"{high:04d}-"))
    return AllOf((Where(field, Op.TEXT_MATCH, "-"), *between))


def _interval(name: str, text: str) -> tuple[str, str]:
    """First moment of the time that ``text`` names, and the first after it, as ISO texts."""
    written = text.strip().removesuffix("Z").replace(" ", "T")
    try:
        if re.fullmatch(r"\d{4}", written):
            year = int(written)
            return f"{year:04d}-01-01", f"{year + 1:04d}-01-01"
        if re.fullmatch(r"\d{4}-\d{2}", written):
            start = datetime.fromisoformat(f"{written}-01")
            after = (start + timedelta(days=31)).replace(day=1)
            return start.date().isoformat(), after.date().isoformat()
        start = datetime.fromisoformat(written)
        if "T" not in written:
            return start.date().isoformat(), (start + timedelta(days=1)).date().isoformat()
        step = timedelta(seconds=1) if written.count(":") == 2 else timedelta(minutes=1)
        return start.isoformat(), (start + step).isoformat()
    except (ValueError, OverflowError) as error:
        raise _unusable(
            name, text, f"Write it as {name}:2026, {name}:2026-01 or {name}:>=2026-01-31."
        ) from error


def _unusable(name: str, value: str, next_step: str) -> QueryError:
    return QueryError(
        f"the field {name!r} cannot have this value", value=value, next_step=next_step
    )
