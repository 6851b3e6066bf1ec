"""The model's words -> Fields: located in the document, parsed, normalised, validated."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from workbench.extraction.locating import (
    Context,
    Place,
    Source,
    label_words,
    locate,
    locate_value,
)
from workbench.extraction.mentions import mentions
from workbench.extraction.parsing import (
    Locale,
    is_ambiguous_date,
    parse_boolean,
    parse_choice,
    parse_date,
    parse_money,
    parse_number,
)
from workbench.extraction.replies import Words
from workbench.extraction.schema import FieldSpec, FieldType, Leaf, bare
from workbench.values import Field, FieldStatus, RecordStatus

NOT_IN_DOCUMENT = "these words do not stand in the document"
_CLOSED = {FieldType.ENUM, FieldType.BOOLEAN}
_JOINED = re.compile(r"\d[-/]\d")
_VALUED = {FieldType.DATE, FieldType.MONEY, FieldType.NUMBER}


def assemble(
    words: Words,
    leaves: Mapping[str, Leaf],
    source: Source,
    within: Sequence[tuple[int, int]] = (),
) -> dict[str, Field]:
    """A Field per numbered path of ``words``.

    ``leaves`` are the schema's by bare path. Words with one place are placed first, so that those
    with several can be told apart by their neighbours.
    """
    fields: dict[str, Field] = {}
    open_paths = [path for path, said in words.items() if said]
    for path in words:
        if path not in open_paths:
            fields[path] = Field(path)
    for last in (False, True):
        for path in open_paths:
            if path in fields:
                continue
            spec = leaves[bare(path)].spec
            context = Context(
                label_words(spec.name, spec.description),
                _neighbours(path, fields),
                tuple(within),
            )
            place = _placed(words[path], spec, source, context)
            if last or (place is not None and place.mentions == 1):
                fields[path] = _field(path, words[path], spec, place=place, source=source)
    return {path: fields[path] for path in words}


def placed_field(path: str, spec: FieldSpec, source: Source, place: Place) -> Field:
    """A Field whose words were chosen as a span of the document."""
    return _field(path, source.text[place.start : place.end], spec, place=place, source=source)


def completed(fields: Sequence[Field], specs: Sequence[FieldSpec]) -> tuple[RecordStatus, str]:
    """The status of a record with these fields, and what is wrong with it.

    A required list needs one entry with a value; a required field within a list, one in each.
    """
    known = [f for f in fields if f.status in {FieldStatus.LOCATED, FieldStatus.INFERRED}]
    if not known:
        return RecordStatus.EMPTY, "nothing was found"
    have = {f.name for f in known}
    lacking = [s.name for s in specs if s.required and not any(_is_at(s.name, n) for n in have)]
    inner = [s for s in specs if s.type is FieldType.RECORD]
    for spec in inner:
        lacking += [
            f"{spec.name}.{part.name}"
            for part in spec.fields
            if part.required and not any(_is_at(f"{spec.name}.{part.name}", n) for n in have)
        ]
    if lacking:
        return RecordStatus.INCOMPLETE, "required but not found: " + ", ".join(lacking)
    return RecordStatus.COMPLETE, ""


def _is_at(path: str, name: str) -> bool:
    return name == path or name.startswith((f"{path}.", f"{path}["))


def _neighbours(path: str, fields: Mapping[str, Field]) -> tuple[tuple[int, int], ...]:
    """Places of the fields of the same row; of the whole record outside lists."""
    row = path.rpartition(".")[0]
    return tuple(
        (f.start, f.end)
        for name, f in fields.items()
        if f.start is not None
        and f.end is not None
        and (not row.endswith("]") or name.startswith(f"{row}."))
    )


def _placed(said: str, spec: FieldSpec, source: Source, context: Context) -> Place | None:
    place = locate(said, source, context)
    if spec.type not in _VALUED:
        return place
    if place is not None:
        return _narrowed(place, spec, source)
    value, _ = parsed(said, spec, source.locale)
    return None if value is None else locate_value(value, spec.type, source, context)


def _narrowed(place: Place, spec: FieldSpec, source: Source) -> Place:
    """Only the date or amount of "DATE: 25/12/2018 8:13 PM", if the words state one value."""
    words = source.text[place.start : place.end]
    found = mentions(words, spec.type, source.locale)
    if not found or any(mention.value != found[0].value for mention in found):
        return place
    first = found[0]
    return replace(place, start=place.start + first.start, end=place.start + first.end)


def _field(path: str, said: str, spec: FieldSpec, *, place: Place | None, source: Source) -> Field:
    quote = source.text[place.start : place.end] if place else ""
    # What stands in the document is the value, not what the model made of it.
    value, unit = parsed(quote if place else said, spec, source.locale)
    if value is None and spec.type in _CLOSED:
        value, unit = parsed(said, spec, source.locale)
    found = Field(
        path,
        value=value,
        raw=said,
        quote=quote,
        start=place.start if place else None,
        end=place.end if place else None,
        unit=unit,
        status=FieldStatus.LOCATED if place else FieldStatus.INFERRED,
        signals=_signals(said, spec, place, source),
    )
    if value is None or (spec.type is FieldType.MONEY and _is_code(quote, source.locale)):
        return _invalid(found, f"these words are no {spec.type.value}")
    if place is None and spec.type not in _CLOSED:
        return _invalid(found, NOT_IN_DOCUMENT)
    problem = violation(value, spec)
    return _invalid(found, problem) if problem else found


def _is_code(words: str, locale: Locale) -> bool:
    """Whether the only digits belong to a range or a code, such as a house number 42-46."""
    return bool(_JOINED.search(words)) and not mentions(words, FieldType.MONEY, locale)


def _invalid(found: Field, problem: str) -> Field:
    return replace(found, value=None, unit="", status=FieldStatus.INVALID, problem=problem)


def _signals(said: str, spec: FieldSpec, place: Place | None, source: Source) -> dict[str, float]:
    signals: dict[str, float] = {}
    if place is not None:
        signals["location"] = place.score / 100
        signals["mentions"] = float(place.mentions)
        signals["exact"] = float(place.match.value == "exact")
    if spec.type is FieldType.DATE and not source.locale.sure_order:
        signals["ambiguous"] = float(is_ambiguous_date(said))
    return signals


def parsed(words: str, spec: FieldSpec, locale: Locale) -> tuple[Any, str]:
    """The value that ``words`` are for ``spec`` and its unit; (None, "") if they are none."""
    if spec.type is FieldType.MONEY:
        return parse_money(words, locale) or (None, "")
    if spec.type is FieldType.NUMBER:
        return parse_number(words, locale), ""
    if spec.type is FieldType.DATE:
        return parse_date(words, locale), ""
    if spec.type is FieldType.BOOLEAN:
        return parse_boolean(words), ""
    if spec.type is FieldType.ENUM:
        return parse_choice(words, spec.choices), ""
    return normalised(words, spec.normalisers) or None, ""


def normalised(words: str, names: Sequence[str]) -> str:
    """The words with single blanks, then each normaliser in order."""
    value = " ".join(words.split())
    for name in names:
        if name == "digits":
            value = re.sub(r"\D", "", value)
        elif name == "letters_digits":
            value = re.sub(r"[\W_]", "", value)
        elif name in {"upper", "lower", "title"}:
            value = getattr(value, name)()
    return value


def violation(value: object, spec: FieldSpec) -> str:
    """Which rule the value breaks, or ""."""
    rules = spec.rules
    if isinstance(value, Decimal):
        if rules.minimum is not None and value < Decimal(str(rules.minimum)):
            return f"it is below {rules.minimum:g}"
        if rules.maximum is not None and value > Decimal(str(rules.maximum)):
            return f"it is above {rules.maximum:g}"
    if isinstance(value, str):
        if rules.min_length is not None and len(value) < rules.min_length:
            return f"it is shorter than {rules.min_length} characters"
        if rules.max_length is not None and len(value) > rules.max_length:
            return f"it is longer than {rules.max_length} characters"
        if rules.pattern is not None and not re.search(rules.pattern, value):
            return "it does not match the pattern"
    return ""


def plain(value: object) -> object:
    """A value as JSON holds it: dates and decimals as text."""
    if isinstance(value, datetime.date):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value


def typed(value: object, kind: FieldType) -> object:
    """The value that ``plain`` wrote."""
    if value is None:
        return None
    if kind is FieldType.DATE:
        return datetime.date.fromisoformat(str(value))
    return Decimal(str(value)) if kind in {FieldType.MONEY, FieldType.NUMBER} else value
