from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from workbench.errors import QueryError
from workbench.store import visible as module
from workbench.store.corpus import Corpus
from workbench.store.filters import Op, Where
from workbench.store.versions import current_version
from workbench.store.visible import VisibleCache, visible
from workbench.values import Scope

ALL = Scope(unrestricted=True)


def ids(corpus: Corpus, scope: Scope, **options: Any) -> list[int] | None:
    found = corpus._database.read(lambda c: visible(c, scope, **options))
    return None if found is None else found.tolist()


def test_scope_filter_and_grants_meet(corpus: Corpus, put) -> None:
    for name, label in (("a", "red"), ("b", "red"), ("c", "blue")):
        put(name, "text", label=label)
    assert ids(corpus, ALL) is None
    assert ids(corpus, Scope()) == []
    assert ids(corpus, Scope(frozenset({"red"}))) == [1, 2]
    assert ids(corpus, Scope(frozenset({"red", "blue"}))) is None
    assert ids(corpus, Scope(frozenset({"blue"}), documents=frozenset({"a"}))) == [1, 3]
    assert ids(corpus, ALL, where=Where("name", Op.EQ, "b")) == [2]
    assert ids(corpus, Scope(frozenset({"red"})), where=Where("name", Op.NE, "b")) == [1]
    assert ids(corpus, Scope(frozenset({"blue"})), where=Where("name", Op.EQ, "b")) == []


def test_numbers_of_documents_compare_as_numbers(corpus: Corpus, put) -> None:
    put("a", "x" * 9)
    put("b", "x" * 100)
    assert ids(corpus, ALL, where=Where("size", Op.LT, 50)) == [1]
    assert ids(corpus, ALL, where=Where("size", Op.GTE, 9)) is None
    assert ids(corpus, ALL, where=Where("id", Op.IN, [2, 7])) == [2]
    assert ids(corpus, ALL, where=Where("pages", Op.EQ, 0)) is None
    assert ids(corpus, ALL, where=Where("size", Op.EQ, "9")) == []


def test_a_former_version_is_as_it_was(corpus: Corpus, put, run_for) -> None:
    put("a", "old")
    put("b", "other")
    put("a", "new")
    assert ids(corpus, ALL) is None
    assert ids(corpus, ALL, version=1) == [1]
    assert ids(corpus, ALL, version=2) == [1, 2]
    assert ids(corpus, ALL, version=3) == [2, 3]
    assert ids(corpus, Scope(frozenset({"none"})), version=2) == []


def test_the_cache_knows_types_scopes_and_versions_apart(
    corpus: Corpus, put, monkeypatch: pytest.MonkeyPatch
) -> None:
    put("a", "text")
    cache, asked = VisibleCache(), []

    def counted(connection: Any, scope: Scope, *, where: Any) -> Any:
        asked.append((scope, where))
        return np.array([1], np.int32)

    monkeypatch.setattr(module, "visible", counted)

    def at(scope: Scope, where: Any) -> None:
        corpus._database.read(lambda c: cache.at(c, current_version(c), scope, where))

    for _ in range(2):
        at(ALL, Where("x", Op.EQ, 1))
        at(ALL, Where("x", Op.EQ, True))
        at(ALL, Where("x", Op.EQ, 1.0))
        at(Scope(), Where("x", Op.EQ, 1))
    assert len(asked) == 4
    put("b", "text")
    at(ALL, Where("x", Op.EQ, 1))
    assert len(asked) == 5


def test_an_unusable_filter_is_refused(corpus: Corpus, put) -> None:
    put("a", "text")
    with pytest.raises(QueryError):
        ids(corpus, ALL, where=Where("size", Op.EQ, ["x"]))
    with pytest.raises(QueryError, match="no such operator"):
        Where("size", "~~", 5)  # type: ignore[arg-type]
    hostile = Where("x') OR TRUE; DROP TABLE store.documents; --", Op.EQ, "' OR '1'='1")
    assert ids(corpus, ALL, where=hostile) == []
    assert corpus.health().documents == 1
