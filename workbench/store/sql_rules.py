"""Which SQL an analyst may run: one SELECT over the documented views, and nothing else.

The statement is checked as DuckDB's own parser sees it, not as text. Every node, table and
function must be on a list here; what is unknown is refused. ``views.limit_to`` then decides which
rows those views hold.
"""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

import duckdb

from workbench.errors import QueryError
from workbench.store.views import VIEWS

_EXPRESSION_WORDS = """
BETWEEN CASE CAST COLLATE COLUMN_REF COMPARISON CONJUNCTION CONSTANT FUNCTION LAMBDA OPERATOR
POSITIONAL_REFERENCE STAR SUBQUERY WINDOW
"""
_NODE_WORDS = """
SELECT_NODE SET_OPERATION_NODE CTE_NODE RECURSIVE_CTE_NODE
BASE_TABLE EMPTY EXPRESSION_LIST JOIN SHOW_REF SUBQUERY TABLE_FUNCTION
DISTINCT_MODIFIER LIMIT_MODIFIER LIMIT_PERCENT_MODIFIER ORDER_MODIFIER
ORDER_DEFAULT ASCENDING DESCENDING
"""
_EXPRESSIONS = frozenset(_EXPRESSION_WORDS.split())
_NODES = frozenset(_NODE_WORDS.split())
_TABLE_FUNCTIONS = frozenset({"generate_series", "range", "unnest"})
_LITERAL = {"CONSTANT": "value", "CAST": "cast_type"}
"""Where a literal value or a type stands, by class of expression; nothing can hide below it."""

NEXT_STEP = f"Use one SELECT over {', '.join(sorted(VIEWS))}; `DESCRIBE documents` lists columns."


def require_permitted(connection: duckdb.DuckDBPyConnection, query: str) -> None:
    """Raises QueryError unless ``query`` is one permitted SELECT, WITH or DESCRIBE."""
    if "\0" in query:
        raise refused("the query holds a NUL character")
    row = connection.execute("SELECT json_serialize_sql(?::VARCHAR)", [query]).fetchone()
    tree: dict[str, Any] = json.loads(row[0]) if row else {"error": True}
    if tree["error"]:
        raise refused("the query is not a valid SELECT", tree.get("error_message", ""))
    statements = tree["statements"]
    if len(statements) != 1:
        raise refused("there must be exactly one statement", len(statements))
    _Check(_functions()).node(statements[0], frozenset())


def refused(what: str, value: object = None) -> QueryError:
    """The error for a query that is not valid or not permitted."""
    return QueryError(what, value=value, next_step=NEXT_STEP)


def _functions() -> frozenset[str]:
    text = resources.files("workbench.store").joinpath("sql_functions.txt").read_text("utf-8")
    lines = (line for line in text.splitlines() if not line.startswith("# "))
    return frozenset(name for line in lines for name in line.split())


class _Check:
    """Walks the tree with the names of the common table expressions that are visible there."""

    def __init__(self, functions: frozenset[str]) -> None:
        self._functions = functions

    def node(self, node: Any, ctes: frozenset[str]) -> None:
        if isinstance(node, list):
            for item in node:
                self.node(item, ctes)
        elif isinstance(node, dict):
            self._kind(node, ctes)
            self._children(node, ctes)

    def _kind(self, node: dict[str, Any], ctes: frozenset[str]) -> None:
        kind, group = node.get("type"), node.get("class")
        if group is not None:
            if group not in _EXPRESSIONS:
                raise refused("this kind of expression is not permitted", group)
        elif isinstance(kind, str) and kind not in _NODES:
            raise refused("this kind of query is not permitted", kind)
        if "function_name" in node:
            self._function(node)
        if group is None and kind == "BASE_TABLE":
            _table(node, ctes)
        elif group is None and kind == "SHOW_REF" and node["table_name"]:
            raise refused("only DESCRIBE of a view is permitted", node["table_name"])
        elif group is None and kind == "TABLE_FUNCTION":
            name = node["function"].get("function_name", "")
            if name not in _TABLE_FUNCTIONS:
                raise refused("this table function is not permitted", name)

    def _function(self, node: dict[str, Any]) -> None:
        name = node["function_name"].casefold()
        # The parser itself writes `main` before what it makes of `[1, 2]`.
        elsewhere = node.get("schema") not in ("", "main", None) or node.get("catalog")
        if elsewhere or name not in self._functions | _TABLE_FUNCTIONS:
            raise refused("this function is not permitted", name)

    def _children(self, node: dict[str, Any], ctes: frozenset[str]) -> None:
        name = node.get("cte_name")
        inside = ctes
        # A name counts only where DuckDB resolves it to the expression: elsewhere the same word
        # could mean a table of the catalogue.
        for entry in (node.get("cte_map") or {}).get("map", []):
            self.node(entry["value"], inside)
            inside |= {entry["key"].casefold()}
        later = inside | {name.casefold()} if name else inside
        after_name = {"right", "child"} if name else set()
        skipped = {"cte_map", _LITERAL.get(node.get("class", ""), "cte_map")}
        for key, value in node.items():
            if key in skipped:
                continue
            self.node(value, later if key in after_name else inside)


def _table(node: dict[str, Any], ctes: frozenset[str]) -> None:
    name = node["table_name"]
    qualified = node.get("schema_name") or node.get("catalog_name") or node.get("at_clause")
    if qualified or name.casefold() not in VIEWS | ctes:
        raise refused("this table is not permitted", name)
