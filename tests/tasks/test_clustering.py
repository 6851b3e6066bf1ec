from __future__ import annotations

import time

import numpy as np
import pytest

from workbench.tasks.clustering import cluster, project, telling_words


def blobs(sizes: list[int]) -> np.ndarray:
    random = np.random.default_rng(0)
    centres = np.eye(len(sizes), 16, dtype=np.float32)
    rows = np.repeat(centres, sizes, axis=0) + random.normal(0, 0.05, (sum(sizes), 16))
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def test_the_vectors_decide_how_many_groups_there_are_and_the_largest_comes_first() -> None:
    groups = cluster(blobs([6, 12, 9]))
    assert groups.tolist() == [2] * 6 + [0] * 12 + [1] * 9


def test_a_wanted_number_of_groups_is_kept_as_far_as_there_are_rows() -> None:
    assert set(cluster(blobs([6, 12, 9]), 2).tolist()) == {0, 1}
    assert sorted(cluster(blobs([1, 1]), 5).tolist()) == [0, 1]


@pytest.mark.parametrize("rows", [1, 2, 5])
def test_few_rows_are_one_group(rows: int) -> None:
    assert cluster(blobs([rows])).tolist() == [0] * rows


def test_identical_rows_are_no_error() -> None:
    same = np.tile(np.eye(1, 16, dtype=np.float32), (9, 1))
    with pytest.warns(UserWarning, match="distinct clusters"):
        assert set(cluster(same, 3).tolist()) == {0}


@pytest.mark.parametrize(("rows", "method"), [(1, "line"), (2, "line"), (5, "PCA"), (12, "t-SNE")])
def test_every_number_of_rows_can_be_laid_flat(rows: int, method: str) -> None:
    places, used = project(blobs([rows // 2, rows - rows // 2]))
    assert (places.shape, used) == ((rows, 2), method)
    assert np.isfinite(places).all()


def test_what_is_alike_lies_near() -> None:
    places, _ = project(blobs([10, 10]))
    first, second = places[:10], places[10:]
    inside = np.linalg.norm(first - first.mean(axis=0), axis=1).mean()
    assert np.linalg.norm(first.mean(axis=0) - second.mean(axis=0)) > 2 * inside


def test_words_that_tell_groups_apart() -> None:
    texts = ["the office pays for leave", "leave of the office", "the office sells boats"]
    groups = np.array([0, 0, 1])
    first, second = telling_words(texts, groups, 2)
    assert first[0] == "leave"
    assert set(second) == {"sells", "boats"}
    assert telling_words(["<PERSON_17> 42", "!"], np.array([0, 0]), 3) == [[]]


def test_addresses_and_the_markup_of_links_are_no_words() -> None:
    linked = (
        "Leave [forms](https://www.example.gov/pages/index.html 'opens portal') and "
        '[rules](../rules/travel-page.md){:target="_blank"}, <a href="http://x.example/y" '
        'rel="noopener">here</a>, www.opm.gov or gsa.gov/leave-page; mailto:desk@example.org\n'
        "[1]: https://example.com/footer"
    )
    [words] = telling_words([linked] * 2, np.array([0, 0]), 20)
    assert set(words) == {"leave", "forms", "rules"}


@pytest.mark.parametrize("part", ["a.", " [a](", "{:", "<a ", "\n[", "a-", "www.", '](a "'])
def test_a_page_of_brackets_or_dots_takes_no_longer_than_words(part: str) -> None:
    started_s = time.monotonic()
    telling_words([part * 50_000], np.array([0]), 4)
    assert time.monotonic() - started_s < 5
