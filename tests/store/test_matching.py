from __future__ import annotations

from workbench.store.filters import Op, Where
from workbench.store.matching import Clauses, Documents, Phrase, Words, constraint, filters_of

RED = Where("label", Op.EQ, "red")


def test_what_is_optional_constrains_nothing() -> None:
    assert constraint(Words("leave")) is None
    assert constraint(Clauses(should=(Words("leave"),))) is None
    must = (Phrase("sick leave"),)
    assert constraint(Clauses(must, (Words("leave"),))) == Clauses(must)
    assert constraint(Clauses(must_not=must)) == Clauses(must_not=must)


def test_filters_are_found_at_every_depth() -> None:
    inner = Clauses(should=(Documents(RED), Words("x")), must_not=(Documents(RED),))
    assert list(filters_of(Clauses(must=(inner, Words("y"))))) == [RED, RED]
    assert list(filters_of(Words("x"))) == []
