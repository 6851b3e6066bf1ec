from __future__ import annotations

import pytest

from workbench.errors import UsageError
from workbench.store.corpus import Corpus


def test_everybody_keeps_queries_for_itself(corpus: Corpus, run_for) -> None:
    ana, bob = run_for("hr"), run_for("hr", name="bob")
    corpus.queries.save(ana, "labels", "SELECT 1")
    corpus.queries.save(ana, "Alpha", "SELECT 2")
    corpus.queries.save(ana, "labels", "SELECT 3")
    corpus.queries.save(bob, "labels", "SELECT 4")
    assert list(corpus.queries.named(ana).items()) == [
        ("Alpha", "SELECT 2"),
        ("labels", "SELECT 3"),
    ]
    corpus.queries.drop(ana, "labels")
    assert list(corpus.queries.named(ana)) == ["Alpha"]
    assert corpus.queries.named(bob) == {"labels": "SELECT 4"}
    with pytest.raises(UsageError, match="no query of yours"):
        corpus.queries.drop(ana, "labels")
