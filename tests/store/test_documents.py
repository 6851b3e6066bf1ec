from __future__ import annotations

import numpy as np
import pytest

from workbench.errors import UsageError
from workbench.store.documents import IN_SCOPE, checked_vectors, one, scope_values, unit_rows
from workbench.store.records import Incoming
from workbench.values import Chunk, MaskedDocument, Scope

DOCUMENT = MaskedDocument("a", "a", "text/plain", "h", "some text")


def test_vectors_become_unit_length() -> None:
    incoming = Incoming(DOCUMENT, [Chunk(0, 0, 4, "some")], np.array([[3.0, 4.0]]), "print")
    rows = checked_vectors(incoming, 2)
    assert rows.dtype == np.float32
    assert rows.tolist() == [pytest.approx([0.6, 0.8])]


def test_tiny_and_huge_vectors_keep_their_direction() -> None:
    rows = unit_rows(np.array([[1e-30, 0], [3e38, 3e38]], np.float32))
    assert rows.tolist() == [pytest.approx([1, 0]), pytest.approx([0.70710678, 0.70710678])]


def test_no_chunks_need_no_vectors() -> None:
    for nothing in (np.empty((0, 0), np.float32), np.empty((0, 2), np.float32)):
        assert checked_vectors(Incoming(DOCUMENT, [], nothing, "print"), 2).shape == (0, 2)


@pytest.mark.parametrize("row", [[np.nan, 1], [np.inf, 1], [-np.inf, 1], [0, 0]])
def test_a_vector_without_direction_is_refused(row) -> None:
    with pytest.raises(UsageError, match="vector 1 of 2"):
        unit_rows(np.array([[1, 0], row], np.float32))


def test_scope_values_are_the_parameters_of_the_predicate() -> None:
    granted = Scope(frozenset({"b", "a"}), documents=frozenset({"u"}))
    assert scope_values(granted) == [False, ["a", "b"], ["u"]]
    assert scope_values(Scope(unrestricted=True)) == [True, [], []]
    assert scope_values(Scope()) == [False, [], []]
    assert IN_SCOPE.count("?") == 3


def test_a_missing_row_is_an_error(corpus) -> None:
    with pytest.raises(LookupError):
        corpus._database.read(lambda c: one(c.execute("SELECT 1 WHERE false")))
