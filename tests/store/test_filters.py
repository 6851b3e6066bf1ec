from __future__ import annotations

import json
import random
from typing import Any

import duckdb
import pytest

from workbench.errors import QueryError
from workbench.store.filters import AllOf, AnyOf, Filter, Not, Op, Where, compile_filter

KEYS = ["a", "b.c", "d/e~f", 'q"uote', "'); DROP TABLE documents; --", "label", "ß"]
SCALARS: list[Any] = [
    0,
    1,
    2,
    -3,
    2.5,
    1.0,
    2**60 + 1,
    2**60,
    "",
    "x",
    "X",
    "xy",
    "5",
    "é'\"\\",
    True,
]
ARRAYS: list[Any] = [[], ["x"], ["x", "xy"], [1, 2], [2.5, "x"], ["é'\"\\"], [True]]


def holds(tree: Filter, metadata: dict[str, Any]) -> bool:
    """What the tree means, written in Python after LlamaIndex's in-memory store."""
    if isinstance(tree, Not):
        return not holds(tree.part, metadata)
    if isinstance(tree, AllOf):
        return all(holds(part, metadata) for part in tree.parts)
    if isinstance(tree, AnyOf):
        return any(holds(part, metadata) for part in tree.parts)
    return compares(tree, metadata.get(tree.field.removeprefix("metadata.")))


def compares(tree: Where, found: Any) -> bool:
    value: Any = tree.value
    if tree.op is Op.IS_EMPTY:
        return found is None or found in ("", [])
    if tree.op is Op.NE:
        return found != value
    if tree.op is Op.NIN:
        return found is None or found not in value
    if found is None:
        return False
    try:
        return bool(TESTS[tree.op](found, value))
    except TypeError:
        return False


TESTS: dict[Op, Any] = {
    Op.EQ: lambda m, v: m == v,
    Op.GT: lambda m, v: m > v,
    Op.GTE: lambda m, v: m >= v,
    Op.LT: lambda m, v: m < v,
    Op.LTE: lambda m, v: m <= v,
    Op.IN: lambda m, v: m in v,
    Op.CONTAINS: lambda m, v: v in m,
    Op.ANY: lambda m, v: any(_inside(m, one) for one in v),
    Op.ALL: lambda m, v: all(_inside(m, one) for one in v),
    Op.TEXT_MATCH: lambda m, v: isinstance(m, str) and v in m,
    Op.TEXT_MATCH_INSENSITIVE: lambda m, v: isinstance(m, str) and v.lower() in m.lower(),
}


def _inside(found: Any, value: Any) -> bool:
    try:
        return value in found
    except TypeError:
        return False


def random_metadata(rng: random.Random) -> dict[str, Any]:
    chosen = rng.sample(KEYS, rng.randrange(len(KEYS)))
    return {key: rng.choice([*SCALARS, *ARRAYS, None]) for key in chosen}


def random_filter(rng: random.Random, depth: int = 0) -> Filter:
    kind = rng.random()
    if depth < 3 and kind < 0.4:
        parts = tuple(random_filter(rng, depth + 1) for _ in range(rng.randrange(4)))
        return AllOf(parts) if kind < 0.2 else AnyOf(parts)
    if depth < 3 and kind < 0.55:
        return Not(random_filter(rng, depth + 1))
    op = rng.choice(list(Op))
    if op in (Op.IN, Op.NIN, Op.ANY, Op.ALL):
        value: Any = rng.sample(SCALARS, rng.randrange(4))
    elif op in (Op.TEXT_MATCH, Op.TEXT_MATCH_INSENSITIVE):
        value = rng.choice(["x", "X", "", "é'"])
    else:
        value = rng.choice(SCALARS)
    return Where("metadata." + rng.choice(KEYS), op, value)


@pytest.fixture(scope="module")
def records() -> list[dict[str, Any]]:
    rng = random.Random(7)
    return [random_metadata(rng) for _ in range(300)]


def test_every_filter_means_what_python_means(records: list[dict[str, Any]]) -> None:
    connection = duckdb.connect()
    connection.execute("CREATE TABLE documents (id INTEGER, metadata JSON)")
    rows = [(i, json.dumps(r, ensure_ascii=False)) for i, r in enumerate(records)]
    connection.executemany("INSERT INTO documents VALUES (?, ?)", rows)
    rng = random.Random(11)
    kept = 0
    for _ in range(600):
        tree = random_filter(rng)
        predicate, values = compile_filter(tree)
        found = connection.execute(
            f"SELECT d.id FROM documents d WHERE {predicate} ORDER BY d.id", values
        ).fetchall()
        wanted = [i for i, record in enumerate(records) if holds(tree, record)]
        assert [row[0] for row in found] == wanted, tree
        kept += len(wanted)
    assert 10_000 < kept < 170_000  # the filters cut, but not everything


def test_columns_are_told_apart_from_metadata() -> None:
    connection = duckdb.connect()
    connection.execute(
        "CREATE TABLE documents AS SELECT 'inner' AS label, 'a.pdf' AS name, "
        "TIMESTAMP '2026-11-24 09:30:00.123' AS ingested_at, "
        '\'{"label": "outer"}\'::JSON AS metadata'
    )

    def count(*trees: Filter) -> int:
        predicate, values = compile_filter(AllOf(trees))
        row = connection.execute(f"SELECT count(*) FROM documents d WHERE {predicate}", values)
        return int(row.fetchall()[0][0])

    assert count(Where("label", Op.EQ, "inner"), Where("metadata.label", Op.EQ, "outer")) == 1
    assert count(Where("label", Op.EQ, "outer")) == 0
    assert count(Where("name", Op.CONTAINS, ".pdf"), Where("name", Op.ANY, ["b", "a"])) == 1
    assert count(Where("ingested_at", Op.GTE, "2026-11-24")) == 1
    assert count(Where("ingested_at", Op.LT, "2026-11-24T09:30:00.123")) == 0
    assert count(Where("name", Op.EQ, 5)) == 0
    assert count(Where("name", Op.IS_EMPTY)) == 0


@pytest.mark.parametrize(
    "bad",
    [
        Where("a", Op.EQ, ["x"]),
        Where("a", Op.EQ),
        Where("a", Op.IN, "x"),
        Where("a", Op.TEXT_MATCH, 5),
        Where("", Op.EQ, 5),
        AllOf((Where("a", Op.EQ, 1),) * 1_000),
    ],
)
def test_values_that_do_not_suit_are_refused(bad: Filter) -> None:
    with pytest.raises(QueryError):
        compile_filter(bad)


def test_endless_nesting_is_refused() -> None:
    tree: Filter = Where("a", Op.EQ, 1)
    for _ in range(60):
        tree = Not(tree)
    with pytest.raises(QueryError, match="too large"):
        compile_filter(tree)
