from __future__ import annotations

from decimal import Decimal

from workbench.extraction.merging import better, merge_fields, merge_rows
from workbench.values import Field, FieldStatus


def located(name: str, value: object, start: int) -> Field:
    return Field(name, value, start=start, end=start + 4, status=FieldStatus.LOCATED)


def missing(name: str) -> Field:
    return Field(name)


def row(start: int, price: int | None = None) -> dict[str, Field]:
    found = located("price", Decimal(price), start + 10) if price is not None else missing("price")
    return {"what": located("what", f"w{start}", start), "price": found}


def test_a_row_seen_twice_is_one_row() -> None:
    merged = merge_rows([[row(0, 1), row(100, 2)], [row(100, 2), row(200, 3)]])
    assert [r["what"].start for r in merged] == [0, 100, 200]
    assert merged[1]["price"].signals["agreeing"] == 1


def test_equal_values_at_different_places_stay_two_rows() -> None:
    assert len(merge_rows([[row(0, 5), row(100, 5)], [row(200, 5)]])) == 3


def test_a_row_that_a_border_cut_is_completed() -> None:
    merged = merge_rows([[row(0, 1), row(100)], [row(100, 2)]])
    assert len(merged) == 2
    assert merged[1]["price"].value == 2


def test_a_shared_heading_makes_no_twins() -> None:
    first = {"shop": located("shop", "A", 0), "price": located("price", Decimal(1), 50)}
    second = {"shop": located("shop", "A", 0), "price": located("price", Decimal(2), 90)}
    assert len(merge_rows([[first], [second]])) == 2


def test_located_wins_over_what_is_not() -> None:
    bad = Field("a", raw="x", status=FieldStatus.INVALID)
    good = located("a", "v", 3)
    assert better(bad, good) is good
    assert better(good, bad) is good
    assert better(None, bad) is bad
    assert merge_fields([{"a": missing("a")}, {"a": bad}, {"a": good}])["a"] is good


def test_disagreement_keeps_the_first_and_is_noted() -> None:
    kept = better(located("a", "one", 3), located("a", "two", 90))
    assert (kept.value, kept.signals["disagreeing"]) == ("one", 1)
