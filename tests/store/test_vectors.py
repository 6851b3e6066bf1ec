from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.store.vectors import NONE, Matrix
from workbench.store.versions import Version


def table(rows: list[tuple[int, int, list[float]]], dim: int) -> pa.Table:
    return pa.table(
        {
            "chunk_id": pa.array([row[0] for row in rows], pa.int32()),
            "document_id": pa.array([row[1] for row in rows], pa.int32()),
            "vector": pa.array([row[2] for row in rows], pa.list_(pa.float32(), dim)),
        }
    )


@settings(max_examples=300, deadline=None)
@given(
    documents=st.lists(st.integers(1, 10), max_size=40),
    allowed=st.one_of(st.none(), st.frozensets(st.integers(1, 12))),
    k=st.integers(1, 50),
    seed=st.integers(0, 10_000),
    gone=st.frozensets(st.integers(1, 10)),
)
def test_nearest_equals_brute_force(documents, allowed, k, seed, gone) -> None:
    """Two steps of changes, few distinct vectors (so that many are equal), any documents."""
    rng = np.random.default_rng(seed)
    choices = np.eye(4, dtype=np.float32)
    rows = [(i + 1, d, choices[rng.integers(4)].tolist()) for i, d in enumerate(documents)]
    half = len(rows) // 2
    matrix = Matrix.empty(4).changed(Version(1, "a"), (), table(rows[:half], 4))
    matrix = matrix.changed(Version(2, "b"), tuple(gone), table(rows[half:], 4))
    alive = [r for i, r in enumerate(rows) if i >= half or r[1] not in gone]
    visible = None if allowed is None else np.array(sorted(allowed), np.int32)
    questions = rng.normal(size=(3, 4)).astype(np.float32)
    ids, cosine = matrix.nearest(questions, k, visible)
    assert ids.shape == cosine.shape == (3, k)
    for question, found, scores in zip(questions, ids, cosine, strict=True):
        expected = sorted(
            (-round(float(np.dot(r[2], question)), 6), r[0])
            for r in alive
            if allowed is None or r[1] in allowed
        )[:k]
        padding = [NONE] * (k - len(expected))
        assert found.tolist() == [chunk_id for _, chunk_id in expected] + padding
        assert scores[: len(expected)] == pytest.approx([-score for score, _ in expected])
    assert matrix.version == Version(2, "b")


def test_similarity_is_the_cosine_of_known_chunks() -> None:
    rows = [(5, 1, [1.0, 0.0]), (2, 1, [0.6, 0.8])]
    matrix = Matrix.empty(2).changed(Version(1, "a"), (), table(rows, 2))
    found = matrix.similarity(np.array([1, 0], np.float32), [5, 2, 3, 99])
    assert found == {5: 1.0, 2: pytest.approx(0.6)}
    assert matrix.similarity(np.array([1, 0], np.float32), []) == {}


def test_a_change_does_not_touch_the_matrix_it_came_from() -> None:
    first = Matrix.empty(2).changed(Version(1, "a"), (), table([(1, 1, [1.0, 0.0])], 2))
    first.changed(Version(2, "b"), (1,), table([], 2))
    assert first.chunk_ids.tolist() == [1]
