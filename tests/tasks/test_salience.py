from __future__ import annotations

import numpy as np

from workbench.tasks.salience import choose, ranked, salience


def rows(*values: tuple[float, float]) -> np.ndarray:
    matrix = np.asarray(values, dtype=np.float32)
    return matrix / np.linalg.norm(matrix, axis=1, keepdims=True)


def test_central_rows_are_salient() -> None:
    scores = salience(rows((1, 0), (1, 0.1), (1, -0.1), (-1, 0)))
    assert scores.argmin() == 3


def test_a_focus_outweighs_the_centre() -> None:
    vectors = rows((1, 0), (1, 0.1), (1, -0.1), (0, 1))
    assert salience(vectors, vectors[3]).argmax() == 3


def test_every_section_is_read_before_any_is_read_twice() -> None:
    vectors = rows((1, 0), (1, 0.05), (1, 0.1), (0, 1))
    scores = np.asarray([0.9, 0.8, 0.7, 0.1], dtype=np.float32)
    assert choose(vectors, scores, ["a", "a", "a", "b"], count=2) == [0, 3]


def test_repetition_gives_way() -> None:
    vectors = rows((1, 0), (1, 0.001), (0.3, 1))
    scores = np.asarray([0.9, 0.89, 0.7], dtype=np.float32)
    chosen = choose(vectors, scores, ["a", "a", "a"], count=2, every_section=False)
    assert chosen == [0, 2]


def test_what_fits_is_read_whole() -> None:
    assert choose(rows((1, 0), (0, 1)), np.ones(2, np.float32), ["", ""], count=5) == [0, 1]


def test_gains_fall_and_the_same_passages_come_first_however_many_are_wanted() -> None:
    vectors = rows((1, 0), (1, 0.001), (0.3, 1), (0.9, 0.4))
    scores = np.asarray([0.9, 0.89, 0.7, 0.8], dtype=np.float32)
    order = ranked(vectors, scores, ["a"] * 4, count=9, every_section=False)
    gains = [gain for _, gain in order]
    assert gains == sorted(gains, reverse=True)
    assert ranked(vectors, scores, ["a"] * 4, count=2, every_section=False) == order[:2]
    assert sorted(row for row, _ in order) == [0, 1, 2, 3]
