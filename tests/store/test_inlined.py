from __future__ import annotations

import duckdb
import pytest

from workbench.store.inlined import inlined

VALUES = [
    True,
    False,
    None,
    -7,
    2**62,
    0.1 + 0.2,
    1e300,
    "",
    "?",
    'it\'s \\ "here"\n',
    "'; DROP TABLE store.runs; --",
    "a\x00b",
    "\u20ac \U0001f600 \u202e",
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_value_comes_back_as_if_it_were_bound(value: object) -> None:
    connection = duckdb.connect()
    found = connection.execute(inlined("SELECT ?, 1, ?", [value, "x"])).fetchone()
    assert found == (value, 1, "x")


def test_lists_are_lists_of_texts() -> None:
    connection = duckdb.connect()
    statement = "SELECT list_contains(?::VARCHAR[], 'it''s'), len(?::VARCHAR[])"
    found = connection.execute(inlined(statement, [["a", "it's"], []])).fetchone()
    assert found == (True, 0)


@pytest.mark.parametrize("values", [[], [1, 2]])
def test_each_mark_has_one_value(values: list[int]) -> None:
    with pytest.raises(ValueError, match="zip"):
        inlined("SELECT ?", values)
