from __future__ import annotations

import numpy as np
import pytest

from workbench.errors import QueryError, UsageError
from workbench.store.records import SearchQuery
from workbench.store.search_checks import MAX_K, checked

VECTOR = np.array([3, 0, 4], np.float32)


def query(**fields: object) -> SearchQuery:
    return SearchQuery("words", **{"vector": VECTOR, "embedding": "sha256:one", **fields})  # type: ignore[arg-type]


def test_vectors_come_back_with_length_1() -> None:
    found = checked([query(), query()])
    assert found is not None
    assert found.tolist() == [pytest.approx([0.6, 0, 0.8])] * 2


def test_words_alone_need_no_vector() -> None:
    assert checked([query(mode="keyword", vector=None)]) is None
    assert checked([]) is None


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"k": 0}, UsageError),
        ({"k": MAX_K + 1}, UsageError),
        ({"mode": "psychic"}, QueryError),
        ({"vector": None}, UsageError),
        ({"vector": np.ones((2, 3))}, UsageError),
        ({"vector": np.array([np.inf, 0, 0])}, UsageError),
        ({"embedding": ""}, UsageError),
    ],
)
def test_what_cannot_be_searched_for_is_refused(
    fields: dict[str, object], error: type[Exception]
) -> None:
    with pytest.raises(error):
        checked([query(**fields)])


def test_one_batch_is_of_one_kind() -> None:
    with pytest.raises(UsageError, match="share"):
        checked([query(), query(k=3)])
