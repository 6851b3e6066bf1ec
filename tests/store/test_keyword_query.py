from __future__ import annotations

import random

import numpy as np
import pytest
import tantivy

from workbench.store.corpus import Corpus
from workbench.store.filters import Op, Where
from workbench.store.keyword import KeywordIndex
from workbench.store.keyword_query import inside
from workbench.store.matching import (
    Clauses,
    Documents,
    Match,
    Pages,
    Phrase,
    Similar,
    Words,
)
from workbench.store.versions import current_version

TEXTS = {
    "a": "the sick child stayed on leave",
    "b": "sick leave of the staff",
    "c": "annual leave and travel",
}


@pytest.fixture
def index(corpus: Corpus, put) -> KeywordIndex:
    for name, text in TEXTS.items():
        put(name, text)
    return KeywordIndex(corpus._database)


def found(index: KeywordIndex, match: Match, **options: object) -> list[int]:
    version = index._database.read(current_version)
    documents = {repr(Where("x", Op.EQ, 1)): np.array([2, 3], np.int32)}
    options.setdefault("allowed", None)
    return sorted(index.search(match, 10, version, documents=documents, **options))  # type: ignore[arg-type]


def test_each_part_finds_its_chunks(index: KeywordIndex) -> None:
    cases: list[tuple[Match, list[int]]] = [
        (Words("sick travel"), [1, 2, 3]),
        (Words("sick travel", every=True), []),
        (Words("sick staff", every=True), [2]),
        (Words("the of"), []),
        (Phrase("sick leave"), [2]),
        (Phrase("sick leave", slop=3), [1, 2]),
        (Phrase("leave"), [1, 2, 3]),
        (Phrase('leave" OR body:sick'), []),
        (Words("leave", "heading"), []),
        (Documents(Where("x", Op.EQ, 1)), [2, 3]),
        (Pages(1, None), []),
        (Pages(5, 2), []),
        (Clauses(), [1, 2, 3]),
        (Clauses(must=(Words("the", every=True),)), [1, 2, 3]),
        (Clauses(must_not=(Words("sick"),)), [3]),
        (Clauses((Words("leave"),), (Words("sick"),), (Phrase("sick leave"),)), [1, 3]),
        (Clauses(should=(Phrase("annual leave"), Words("staff"))), [2, 3]),
        (Clauses(must=(Clauses(should=(Documents(Where("x", Op.EQ, 1)),)), Words("sick"))), [2]),
        (Similar("sick staff"), [1, 2]),
        (Similar("of the"), []),
    ]
    for match, wanted in cases:
        assert found(index, match) == wanted, match


def test_only_allowed_documents_are_found(index: KeywordIndex) -> None:
    for allowed in ([], [1], [2, 3], [1, 3, 99]):
        ids = np.array(allowed, np.int32)
        assert found(index, Words("leave"), allowed=ids) == [i for i in allowed if i < 99]
        assert found(index, Clauses(), allowed=ids) == [i for i in allowed if i < 99]


@pytest.mark.parametrize("share", [0.01, 0.3, 0.9, 1.0])
def test_runs_and_sets_of_ids_hold_the_same(share: float) -> None:
    builder = tantivy.SchemaBuilder()
    builder.add_integer_field("document_id", indexed=True, fast=True)
    index = tantivy.Index(builder.build())
    writer = index.writer(15_000_000, 1)
    for number in range(1_000):
        document = tantivy.Document()
        document.add_integer("document_id", number)
        writer.add_document(document)
    writer.commit()
    index.reload()
    ids = sorted(random.Random(1).sample(range(1_000), int(share * 1_000)))
    query = inside(index.schema, np.array(ids, np.int32))
    hits = index.searcher().search(query, limit=1_000).hits
    numbers = index.searcher().fast_field_values("document_id", [at for _, at in hits])
    assert sorted(int(n or 0) for n in numbers) == ids
    assert {score for score, _ in hits} <= {0.0}
