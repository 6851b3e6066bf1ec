from __future__ import annotations

import re
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.store import matrix as matrix_module
from workbench.store import scattered
from workbench.store.codes import Codebook, Codes, Sample, Widths
from workbench.store.matrix import NONE, Matrix
from workbench.store.vector_files import Damaged
from workbench.store.versions import Version

NOW = Version(1, "a")


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def matrix_of(rows, documents, *, chunk_ids=None, gone=(), codes=None, anew=None) -> Matrix:
    count = len(documents)
    ids = np.arange(1, count + 1, dtype=np.int32) if chunk_ids is None else chunk_ids
    alive = np.ones(count, np.bool_)
    alive[list(gone)] = False
    return Matrix(
        NOW,
        np.asarray(rows, np.float32).reshape(count, -1),
        (np.asarray(ids, np.int32), np.asarray(documents, np.int32)),
        alive=alive,
        codes=codes,
        anew=anew,
    )


@settings(max_examples=300, deadline=None)
@given(
    documents=st.lists(st.integers(1, 10), min_size=1, max_size=40),
    allowed=st.one_of(st.none(), st.frozensets(st.integers(1, 12))),
    k=st.integers(1, 50),
    seed=st.integers(0, 10_000),
)
def test_nearest_equals_brute_force(documents, allowed, k, seed) -> None:
    """Few distinct vectors (so that many are equal), any documents, any order of chunk ids."""
    rng = np.random.default_rng(seed)
    rows = np.eye(4, dtype=np.float32)[rng.integers(4, size=len(documents))]
    chunk_ids = rng.permutation(100)[: len(documents)]
    gone = np.flatnonzero(rng.random(len(documents)) < 0.2)
    matrix = matrix_of(rows, documents, chunk_ids=chunk_ids, gone=gone)
    visible = None if allowed is None else np.array(sorted(allowed), np.int32)
    questions = unit(rng.normal(size=(3, 4)))
    ids, cosine = matrix.nearest(questions, k, visible)
    assert ids.shape == cosine.shape == (3, k)
    for question, found, scores in zip(questions, ids, cosine, strict=True):
        expected = sorted(
            (-round(float(np.dot(rows[i], question)), 6), int(chunk_ids[i]))
            for i, document in enumerate(documents)
            if i not in gone and (allowed is None or document in allowed)
        )[:k]
        padding = [NONE] * (k - len(expected))
        assert found.tolist() == [chunk_id for _, chunk_id in expected] + padding
        assert scores[: len(expected)] == pytest.approx([-s for s, _ in expected], abs=2e-6)


@pytest.mark.parametrize("kind", ["clustered", "isotropic", "anisotropic"])
@pytest.mark.parametrize("share", [1.0, 0.4, 0.05])
def test_codes_find_what_an_exact_scan_finds(kind: str, share: float, monkeypatch) -> None:
    monkeypatch.setattr(matrix_module, "EXACT_ROWS", 500)
    rng = np.random.default_rng(7)
    count, dim = 30_000, 36
    rows = rng.normal(size=(count + 40, dim))
    if kind == "clustered":
        rows = rng.normal(size=(200, dim))[rng.integers(200, size=len(rows))] + 0.5 * rows
    if kind == "anisotropic":
        rows = rows / np.arange(1, dim + 1)
    rows, questions = unit(rows[:count]), unit(rows[count:])
    documents = np.repeat(np.arange(count // 5), 5)
    gone = rng.choice(count, 2_000, replace=False)
    book = Codebook.trained(rows)
    coded = book.codes(rows[: count - 700])
    widths = Codes(book, coded).measured_widths(Sample.of(rows[: count - 700]))
    assert widths[0].near > 0, "these vectors must be worth codes, or the test shows nothing"
    quick = matrix_of(rows, documents, gone=gone, codes=Codes(book, coded, widths))
    exact = matrix_of(rows, documents, gone=gone)
    allowed = None
    if share < 1:
        chosen = rng.choice(count // 5, int(share * count // 5), replace=False)
        allowed = np.sort(chosen).astype(np.int32)
    for k in (1, 10, 60, 100):
        expected, _ = exact.nearest(questions, k, allowed)
        found, _ = quick.nearest(questions, k, allowed)
        same = [len(set(a) & set(b)) / k for a, b in zip(expected, found, strict=True)]
        assert np.mean(same) >= 0.99
        assert set(found.ravel() - 1).isdisjoint(gone)
        if allowed is not None:
            assert set(documents[found.ravel() - 1]) <= set(allowed.tolist())


@pytest.fixture(scope="module")
def topics():
    """200 topics of 150 rows each with codes, and 40 questions on each half of the topics."""
    rng = np.random.default_rng(11)
    count, dim, of_topic = 30_000, 96, rng.integers(200, size=30_000 + 80)
    of_topic[-80:-40] %= 100
    of_topic[-40:] = 100 + of_topic[-40:] % 100
    centres = rng.normal(size=(200, dim))
    rows = unit(centres[of_topic] + 0.7 * rng.normal(size=(len(of_topic), dim)))
    rows, questions = rows[:count], rows[count:]
    book = Codebook.trained(rows)
    coded = book.codes(rows)
    codes = Codes(book, coded, Codes(book, coded).measured_widths(Sample.of(rows)))
    assert codes.width(10, 0.5) > 0, "these vectors must be worth codes, or the test shows nothing"
    return rows, codes, of_topic[:count], questions


@pytest.mark.parametrize("asked", ["what is left", "what is not left"])
def test_a_filter_may_have_to_do_with_the_question(topics, asked: str) -> None:
    """What a filter leaves may all be far from the question: there codes tell little."""
    rows, codes, of_topic, questions = topics
    numbers = np.arange(len(rows), dtype=np.int32)
    allowed = numbers[of_topic < 100]
    some = questions[:40] if asked == "what is left" else questions[40:]
    found, _ = matrix_of(rows, numbers, codes=codes).nearest(some, 10, allowed)
    expected, _ = matrix_of(rows, numbers).nearest(some, 10, allowed)
    assert np.array_equal(found, expected)


def test_a_question_may_be_about_nothing_that_is_stored(topics) -> None:
    rows, codes, _, _ = topics
    questions = unit(np.random.default_rng(12).normal(size=(40, rows.shape[1])))
    numbers = np.arange(len(rows), dtype=np.int32)
    found, _ = matrix_of(rows, numbers, codes=codes).nearest(questions, 10, None)
    expected, _ = matrix_of(rows, numbers).nearest(questions, 10, None)
    same = [len(set(a) & set(b)) / 10 for a, b in zip(expected, found, strict=True)]
    assert np.mean(same) >= 0.99


def test_a_question_on_what_is_stored_is_not_asked_twice(topics, monkeypatch) -> None:
    rows, codes, _, questions = topics
    asked = Mock(side_effect=codes.best)
    monkeypatch.setattr(codes, "best", asked)
    matrix = matrix_of(rows, np.arange(len(rows)), codes=codes)
    matrix.nearest(questions, 10, None)
    assert asked.call_count == 1


def test_many_questions_are_looked_for_in_parts(monkeypatch) -> None:
    monkeypatch.setattr(matrix_module, "EXACT_ROWS", 500)
    rng = np.random.default_rng(5)
    rows, questions = unit(rng.normal(size=(9_000, 16))), unit(rng.normal(size=(20, 16)))
    book = Codebook.trained(rows)
    codes = Codes(book, book.codes(rows), (Widths(600, 1_500),) * 3)
    quick = matrix_of(rows, np.arange(9_000), codes=codes)
    together, scores = quick.nearest(questions, 10, None)
    asked = Mock(side_effect=codes.best)
    monkeypatch.setattr(codes, "best", asked)
    monkeypatch.setattr(matrix_module, "_ASKED_TOGETHER", 4_000)
    parted, same_scores = quick.nearest(questions, 10, None)
    assert np.array_equal(parted, together)
    assert np.array_equal(same_scores, scores)
    assert max(len(call.args[0]) * call.args[1] for call in asked.call_args_list) <= 4_000
    assert asked.call_count > 1


def test_one_question_and_many_find_the_same() -> None:
    rng = np.random.default_rng(3)
    rows, questions = unit(rng.normal(size=(3_000, 24))), unit(rng.normal(size=(20, 24)))
    matrix = matrix_of(rows, np.arange(3_000))
    allowed = np.arange(0, 3_000, 3, dtype=np.int32)
    for visible in (None, allowed):
        together, scores = matrix.nearest(questions, 10, visible)
        for at in range(len(questions)):
            alone, score = matrix.nearest(questions[at : at + 1], 10, visible)
            assert alone[0].tolist() == together[at].tolist()
            assert score[0].tolist() == scores[at].tolist()


def test_rows_that_only_share_the_document_do_not_stand_together() -> None:
    """A document's chunks may lie in several runs."""
    matrix = matrix_of(np.eye(4), [7, 3, 7, 5])
    assert matrix.positions_of(np.array([5, 7], np.int32)).tolist() == [0, 2, 3]
    assert matrix.positions_of(np.array([4], np.int32)).tolist() == []


def test_similarity_is_the_cosine_of_known_chunks() -> None:
    matrix = matrix_of([[1.0, 0.0], [0.6, 0.8]], [1, 1], chunk_ids=[5, 2])
    found = matrix.similarity(np.array([1, 0], np.float32), [5, 2, 3, 99])
    assert found == {5: 1.0, 2: pytest.approx(0.6)}
    assert matrix.similarity(np.array([1, 0], np.float32), []) == {}


def test_a_vector_that_is_not_of_length_one_makes_the_matrix_anew() -> None:
    whole = matrix_of(np.eye(3), [1, 2, 3])
    question = np.array([[0.0, 1.0, 0.0]], np.float32)
    torn = np.eye(3, dtype=np.float32)
    torn[1] = 0
    mended = matrix_of(torn, [1, 2, 3], anew=lambda: whole)
    assert (
        mended.nearest(question, 3, None)[0].tolist()
        == whole.nearest(question, 3, None)[0].tolist()
    )
    with pytest.raises(Damaged):
        matrix_of(torn, [1, 2, 3]).nearest(question, 3, None)


@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="Linux tells what is mapped")
@pytest.mark.parametrize(("queries", "long"), [(1, True), (3, True), (1, False)])
def test_a_long_mapped_file_does_not_fill_the_memory(tmp_path, monkeypatch, queries, long) -> None:
    """Scored one and all, but only a part of it is held in memory at a time."""
    if long:
        monkeypatch.setattr(scattered, "MAPPED_BYTES", 2**20)
    count, dim = 40_000, 384
    path = tmp_path / "rows"
    written = unit(np.random.default_rng(0).normal(size=(count, dim)))
    written.tofile(path)
    mapped = np.memmap(path, np.float32, "r", shape=(count, dim))
    ids = np.arange(1, count + 1, dtype=np.int32)
    places = [7 * count // 8 + row for row in range(queries)]
    found, _ = Matrix(NOW, mapped, (ids, ids)).nearest(written[places], 1, None)
    assert found[:, 0].tolist() == [place + 1 for place in places]
    assert (_resident_kib(path) < written.nbytes / 1_024 / 2) == long


def _resident_kib(path: Path) -> int:
    maps = Path("/proc/self/smaps").read_text(encoding="ascii").split(str(path))
    return sum(int(re.search(r"^Rss:\s+(\d+)", each, re.M)[1]) for each in maps[1:])


@pytest.mark.parametrize("queries", [1, 3])
@pytest.mark.parametrize("damage", [0.0, np.nan])
def test_damage_in_a_mapped_file_is_noticed_where_all_is_scored(
    tmp_path, monkeypatch, queries: int, damage: float
) -> None:
    """Not only in what is found: rows of zeros would never be."""
    monkeypatch.setattr(scattered, "MAPPED_BYTES", 2**10)
    count, dim = 3_000, 32
    written = unit(np.random.default_rng(0).normal(size=(count, dim)))
    questions = written[:queries].copy()
    written[2_000:2_002] = damage
    path = tmp_path / "rows"
    written.tofile(path)
    mapped = np.memmap(path, np.float32, "r", shape=(count, dim))
    ids = np.arange(1, count + 1, dtype=np.int32)
    anew = Mock()
    Matrix(NOW, mapped, (ids, ids), anew=anew).nearest(questions, 1, None)
    assert anew.called
