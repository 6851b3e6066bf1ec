from __future__ import annotations

import importlib
from typing import Any

import pytest

from workbench.results.review import ReviewItem
from workbench.values import Field


class Session:
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []

    def accept(self, item: ReviewItem) -> None:
        self.told.append(("accept", item.field.name))

    def correct(self, item: ReviewItem, value: str) -> None:
        self.told.append((value, item.field.name))


@pytest.fixture
def walk() -> Any:
    return importlib.import_module("reviewing").Walk()


def items(*names: str) -> list[ReviewItem]:
    return [ReviewItem(1, 7, "a.txt", 0, Field(name), 0.5) for name in names]


def test_what_is_put_off_comes_last_in_turn(walk: Any) -> None:
    queue = items("a", "b", "c")
    seen = []
    for _ in range(5):
        item = walk.next(queue, 1)
        seen.append(item.field.name)
        walk.put_off(item)
    assert seen == ["a", "b", "c", "a", "b"]
    assert walk.next([], 1) is None


def test_one_can_go_back_and_judge_anew(walk: Any) -> None:
    session, queue = Session(), items("a", "b")
    assert not walk.can_go_back(1)
    walk.judge(session, queue[0], "accept")
    assert walk.next(queue[1:], 1) is queue[1]
    assert walk.can_go_back(1)
    assert not walk.can_go_back(2)
    walk.back()
    assert walk.next(queue[1:], 1) is queue[0]
    walk.judge(session, queue[0], "correct", "x")
    assert walk.next(queue[1:], 1) is queue[1]
    assert session.told == [("accept", "a"), ("x", "a")]


def test_what_is_gone_back_to_belongs_to_its_table(walk: Any) -> None:
    first = items("a")[0]
    walk.judge(Session(), first, "accept")
    walk.back()
    other = ReviewItem(2, 7, "a.txt", 0, Field("z"), 0.5)
    assert walk.next([other], 2) is other


def test_the_kind_of_a_listed_field_is_found(walk: Any) -> None:
    reviewing = importlib.import_module("reviewing")
    item = items("lines[3].price")[0]
    assert reviewing.kind_of(item, {"lines[].price": "money"}) == "money"
    assert "12.50" in str(reviewing.refused("plenty", "money"))
