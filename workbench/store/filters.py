"""Conditions on documents as a tree, compiled to a parametrised SQL predicate.

A condition is either true or false, never unknown: a document without the field fails every
comparison except NE and NIN, and IS_EMPTY holds for it. Values compare by type, as in Python:
``"5"`` is not ``5``, ``1`` equals ``1.0`` and ``true``. These are the rules of LlamaIndex's
in-memory store, with one difference: values whose types cannot be compared do not match, where that
store raises TypeError.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias

from workbench.errors import QueryError

Scalar: TypeAlias = str | int | float
Value: TypeAlias = Scalar | Sequence[Scalar] | None

METADATA = "metadata."
"""Before a field's name, it tells that a metadata key is meant even where a column has its name."""

COLUMNS = ("name", "uri", "media_type", "label", "ingested_at")
"""Columns of documents; all compare as text, ``ingested_at`` as "2026-11-24T09:30:00.123"."""

NUMBERS = {
    "id": "d.id",
    "size": "length(d.text)",
    "pages": "json_array_length(d.pages)",
}
"""Columns of documents that compare as numbers; ``size`` are the characters of the text."""

MAX_CONDITIONS = 1_000
MAX_DEPTH = 50


class Op(StrEnum):
    """How a field is compared; the values are LlamaIndex's.

    CONTAINS, ANY and ALL look into an array, or for a part of a text. TEXT_MATCH looks for a part
    of a text, case and all.
    """

    EQ = "=="
    NE = "!="
    GT = ">"
    GTE = ">="
    LT = "<"
    LTE = "<="
    IN = "in"
    NIN = "nin"
    ANY = "any"
    ALL = "all"
    CONTAINS = "contains"
    TEXT_MATCH = "text_match"
    TEXT_MATCH_INSENSITIVE = "text_match_insensitive"
    IS_EMPTY = "is_empty"


@dataclass(frozen=True, slots=True)
class Where:
    """One comparison. ``field`` is one of COLUMNS or NUMBERS, or a metadata key as it is."""

    field: str
    op: Op
    value: Value = None

    def __post_init__(self) -> None:
        try:
            object.__setattr__(self, "op", Op(self.op))
        except ValueError as error:
            raise QueryError(
                "there is no such operator",
                value=self.op,
                next_step=f"Use one of {', '.join(Op)}.",
            ) from error


@dataclass(frozen=True, slots=True)
class WhereNumber:
    """One comparison of a metadata key by number, also if the number was stored as text.

    ``op`` is EQ, NE, GT, GTE, LT or LTE.
    """

    field: str
    op: Op
    value: float


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every part holds; true without parts."""

    parts: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one part holds; false without parts."""

    parts: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold."""

    part: Filter


Filter: TypeAlias = Where | WhereNumber | AllOf | AnyOf | Not

_LISTS = frozenset({Op.IN, Op.NIN, Op.ANY, Op.ALL})
_ORDERED = {Op.EQ: "=", Op.GT: ">", Op.GTE: ">=", Op.LT: "<", Op.LTE: "<="}


def compile_filter(tree: Filter, dialect: Dialect | None = None) -> tuple[str, list[Any]]:
    """The predicate over documents ``d`` and its parameters, in order.

    Raises:
        QueryError: if a value does not suit its operator, or the tree is too large.
    """
    _require_usable(tree)
    predicate = (dialect or DUCKDB)()
    return predicate.of(tree), predicate.values


def as_filter(where: Filter | Mapping[str, Value] | None) -> Filter | None:
    """A filter as it is; of a mapping, that each field has its value, or one of a list of values.

    Raises:
        QueryError: if it is neither.
    """
    if where is None or isinstance(where, Where | WhereNumber | AllOf | AnyOf | Not):
        return where
    if isinstance(where, Mapping):
        return AllOf(
            tuple(
                Where(name, Op.IN if isinstance(value, list | tuple) else Op.EQ, value)
                for name, value in where.items()
            )
        )
    raise QueryError(
        "this is not a filter",
        value=type(where).__name__,
        next_step='Give Where("field", "==", value), AllOf, AnyOf, Not, or a dict of values.',
    )


def fields_of(tree: Filter) -> set[str]:
    """The fields that the conditions name."""
    if isinstance(tree, Not):
        return fields_of(tree.part)
    if isinstance(tree, AllOf | AnyOf):
        return {name for part in tree.parts for name in fields_of(part)}
    return {tree.field}


def metadata_key(field: str) -> str | None:
    """The metadata key that ``field`` names; None if it names a column."""
    if field in COLUMNS or field in NUMBERS:
        return None
    return field.removeprefix(METADATA)


class DuckDBPredicate:
    """Builds one predicate for DuckDB. ``values`` are its parameters in the order of the text."""

    def __init__(self) -> None:
        self.values: list[Any] = []

    def of(self, tree: Filter) -> str:
        """The SQL of ``tree``; its parameters are appended to ``values``."""
        if isinstance(tree, Not):
            return f"(NOT {self.of(tree.part)})"
        if isinstance(tree, AllOf | AnyOf):
            word, nothing = (" AND ", "TRUE") if isinstance(tree, AllOf) else (" OR ", "FALSE")
            return f"({word.join([self.of(part) for part in tree.parts]) or nothing})"
        if isinstance(tree, WhereNumber):
            return self._number(tree)
        return self._where(tree)

    def _where(self, where: Where) -> str:
        field, op, value = where.field, where.op, where.value
        if op in (Op.NE, Op.NIN):
            opposite = Op.EQ if op is Op.NE else Op.IN
            return f"(NOT {self._where(Where(field, opposite, value))})"
        if op in _ORDERED:
            return self.compare(field, _ORDERED[op], value)
        if op in _LISTS:
            return self._list(where)
        return self.empty(field) if op is Op.IS_EMPTY else self._part(where)

    def _number(self, where: WhereNumber) -> str:
        if where.op is Op.NE:
            return f"(NOT {self._number(WhereNumber(where.field, Op.EQ, where.value))})"
        return self.number(where.field, _ORDERED[where.op], where.value)

    def _list(self, where: Where) -> str:
        each = Op.EQ if where.op is Op.IN else Op.CONTAINS
        parts = tuple(Where(where.field, each, value) for value in _sequence(where.value))
        if where.op is Op.ALL:
            return f"({self.present(where.field)} AND {self.of(AllOf(parts))})"
        return self.of(AnyOf(parts))

    def _part(self, where: Where) -> str:
        field, value = where.field, where.value
        if not isinstance(value, str):
            return self.member(field, value)
        insensitive = where.op is Op.TEXT_MATCH_INSENSITIVE
        part = self.part_of_text(field, value, insensitive=insensitive)
        if where.op is Op.CONTAINS and metadata_key(field) is not None:
            return f"({part} OR {self.member(field, value)})"
        return part

    def bind(self, value: Any, kind: str = "VARCHAR") -> str:
        """A parameter of the SQL type ``kind``."""
        self.values.append(value)
        return f"?::{kind}"

    def text(self, field: str) -> str:
        """The field as text where it is a text, else null."""
        key = metadata_key(field)
        if key is None:
            return _column(field)
        return (
            f"CASE WHEN {self._call('json_type', key)} = 'VARCHAR' "
            f"THEN {self._call('json_extract_string', key)} END"
        )

    def compare(self, field: str, sign: str, value: Any) -> str:
        """``field sign value``, within one type."""
        if isinstance(value, str):
            return f"coalesce({self.text(field)} {sign} {self.bind(value)}, FALSE)"
        key = metadata_key(field)
        if key is None:
            column = NUMBERS.get(field)
            return "FALSE" if column is None else f"({column} {sign} {self.bind(value, 'DOUBLE')})"
        kind = "HUGEINT" if isinstance(value, int) else "DOUBLE"
        return (
            f"coalesce(CASE {self._call('json_type', key)} "
            f"WHEN 'BOOLEAN' THEN (CASE {self._call('json_extract_string', key)} "
            f"WHEN 'true' THEN 1 ELSE 0 END)::{kind} {sign} {self.bind(value, kind)} "
            f"WHEN 'DOUBLE' THEN try_cast({self._call('json_extract_string', key)} AS DOUBLE) "
            f"{sign} {self.bind(float(value), 'DOUBLE')} "
            f"WHEN 'BIGINT' THEN try_cast({self._call('json_extract_string', key)} AS {kind}) "
            f"{sign} {self.bind(value, kind)} "
            f"WHEN 'UBIGINT' THEN try_cast({self._call('json_extract_string', key)} AS {kind}) "
            f"{sign} {self.bind(value, kind)} END, FALSE)"
        )

    def number(self, field: str, sign: str, value: float) -> str:
        """``field sign value`` for numbers and for texts that are written numbers."""
        key = field.removeprefix(METADATA)
        found = f"try_cast({self._call('json_extract_string', key)} AS DOUBLE)"
        return f"coalesce({found} {sign} {self.bind(value, 'DOUBLE')}, FALSE)"

    def member(self, field: str, value: Any) -> str:
        """Whether an array holds ``value``."""
        key = metadata_key(field)
        if key is None:
            return "FALSE"
        array = f"try_cast({self._call('json_extract', key)} AS JSON[])"
        if isinstance(value, str):
            # DuckDB writes both sides itself, so equal texts are escaped alike.
            same = f"x::VARCHAR = to_json({self.bind(value)})::VARCHAR"
        else:
            same = (
                "CASE json_type(x) WHEN 'VARCHAR' THEN FALSE WHEN 'BOOLEAN' THEN "
                f"(CASE x::VARCHAR WHEN 'true' THEN 1 ELSE 0 END) = {self.bind(value, 'DOUBLE')} "
                f"ELSE try_cast(x::VARCHAR AS DOUBLE) = {self.bind(value, 'DOUBLE')} END"
            )
        return f"coalesce(len(list_filter({array}, x -> coalesce({same}, FALSE))) > 0, FALSE)"

    def part_of_text(self, field: str, value: str, *, insensitive: bool) -> str:
        """Whether a text holds ``value``."""
        text = self.text(field)
        if insensitive:
            return f"coalesce(contains(lower({text}), lower({self.bind(value)})), FALSE)"
        return f"coalesce(contains({text}, {self.bind(value)}), FALSE)"

    def empty(self, field: str) -> str:
        """Whether the field is missing, null, an empty text or an empty array."""
        key = metadata_key(field)
        if key is None:
            return f"coalesce({_column(field)} = '', FALSE)"
        found = self._call("json_extract", key)
        return f"(coalesce({found}::VARCHAR, 'null') IN ('null', '\"\"', '[]'))"

    def present(self, field: str) -> str:
        """Whether the field has any value."""
        key = metadata_key(field)
        if key is None:
            return "TRUE"
        return f"(coalesce({self._call('json_extract', key)}::VARCHAR, 'null') <> 'null')"

    def _call(self, function: str, key: str) -> str:
        # A JSON pointer, so that dots and quotes in a key mean nothing.
        return f"{function}(d.metadata, {self.bind(_pointer(key))})"


Dialect: TypeAlias = Callable[[], DuckDBPredicate]
DUCKDB: Dialect = DuckDBPredicate


def _column(field: str) -> str:
    if field == "ingested_at":
        return "strftime(d.ingested_at, '%Y-%m-%dT%H:%M:%S.%g')"
    if field in NUMBERS:
        return "NULL::VARCHAR"
    return f"d.{field}"


def _pointer(key: str) -> str:
    return "/" + key.replace("~", "~0").replace("/", "~1")


def _sequence(value: Value) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, list | tuple) else ()


def _require_usable(tree: Filter) -> None:
    count, waiting = 0, [(tree, 1)]
    while waiting:
        node, depth = waiting.pop()
        count += 1
        if count > MAX_CONDITIONS or depth > MAX_DEPTH:
            raise QueryError(
                "the filter is too large",
                value=f"over {MAX_CONDITIONS:,} conditions or {MAX_DEPTH} levels",
                next_step="Use fewer conditions; IN takes a list of values.",
            )
        if isinstance(node, Not):
            waiting.append((node.part, depth + 1))
        elif isinstance(node, AllOf | AnyOf):
            waiting += [(part, depth + 1) for part in node.parts]
        else:
            _require_value(node)


def _require_value(where: Where | WhereNumber) -> None:
    if isinstance(where, WhereNumber):
        suits = where.op in (*_ORDERED, Op.NE) and isinstance(where.value, int | float)
        _require(where, suits, "a number and one of == != > >= < <=")
        return
    scalar = isinstance(where.value, str | int | float)
    if where.op is Op.IS_EMPTY:
        suits = True
    elif where.op in _LISTS:
        suits = isinstance(where.value, list | tuple) and all(
            isinstance(value, str | int | float) for value in where.value
        )
    elif where.op in (Op.TEXT_MATCH, Op.TEXT_MATCH_INSENSITIVE):
        suits = isinstance(where.value, str)
    else:
        suits = scalar
    _require(
        where, suits, "a list of texts or numbers" if where.op in _LISTS else "a text or a number"
    )


def _require(where: Where | WhereNumber, suits: bool, wanted: str) -> None:
    if not suits or not where.field:
        raise QueryError(
            "a filter's value does not suit its operator",
            value=f"{where.field} {where.op.value} with {type(where.value).__name__}",
            next_step=f"Give {wanted}.",
        )
