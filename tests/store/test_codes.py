from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import threadpoolctl

from workbench.store.codes import SHARES, Codebook, Codes, Sample, Widths, one_thread_per_product


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    rng = np.random.default_rng(1)
    return unit(rng.normal(size=(8_000, 20)))


@pytest.mark.parametrize("k", [1, 10, 11, 55, 100, 1_000])
def test_width_grows_with_what_is_asked_for(k: int) -> None:
    widths = Widths(200, 2_000)
    expected = {1: 200, 10: 200, 11: 220, 55: 1_100, 100: 2_000, 1_000: 20_000}
    assert widths.of(k) == expected[k]
    assert Widths(200, 0).of(k) == (200 if k <= 10 else 0)


def test_a_rotation_keeps_inner_products(rows) -> None:
    book = Codebook.trained(rows)
    assert book.padded == 24
    turned = book.rotated(rows[:50])
    assert turned @ turned.T == pytest.approx(rows[:50] @ rows[:50].T, abs=1e-5)


def test_codes_are_the_same_however_they_are_made(rows) -> None:
    book = Codebook.trained(rows)
    again = Codebook(book.dim, book.rotation, book.centroids)
    halves = [again.codes(rows[:5_000]), again.codes(rows[5_000:])]
    assert np.array_equal(book.codes(rows), np.concatenate(halves))
    assert book.codes(rows).shape == (8_000, book.code_bytes)


def test_many_blocks_of_codes_are_those_of_the_blocks(rows) -> None:
    book = Codebook.trained(rows)
    many = np.concatenate([rows, rows[::-1], rows[:100]])
    codes = book.codes(rows)
    assert np.array_equal(book.codes(many), np.concatenate([codes, codes[::-1], codes[:100]]))


def test_products_have_their_threads_again_afterwards(rows) -> None:
    def threads() -> list[int]:
        info = threadpoolctl.threadpool_info()
        return [each["num_threads"] for each in info if each["user_api"] == "blas"]

    before = threads()
    with one_thread_per_product():
        assert set(threads()) == {1}
    with pytest.raises(ValueError, match="in between"), one_thread_per_product():
        raise ValueError("in between")
    assert threads() == before


def test_the_width_measured_on_a_sample_is_enough(rows) -> None:
    book = Codebook.trained(rows)
    codes = Codes(book, book.codes(rows))
    widths = codes.measured_widths(Sample.of(rows))[0]
    questions = unit(np.random.default_rng(9).normal(size=(100, 20)))
    true = np.argsort(-(questions @ rows.T), axis=1)[:, :10]
    found, _ = codes.best(questions, widths.near)
    recall = np.mean([np.isin(t, f).mean() for t, f in zip(true, found, strict=True)])
    assert recall >= 0.99


def test_codes_that_lead_nowhere_are_not_used(rows) -> None:
    """Codes of other vectors: the true nearest are anywhere among them."""
    book = Codebook.trained(rows)
    shuffled = book.codes(rows)[np.random.default_rng(2).permutation(len(rows))]
    assert Codes(book, shuffled).measured_widths(Sample.of(rows)) == (Widths(0, 0),) * len(SHARES)


def test_rows_on_disk_are_let_go_block_by_block(tmp_path) -> None:
    rows = unit(np.random.default_rng(3).normal(size=(40_000, 24)))
    rows.tofile(tmp_path / "rows")
    mapped = np.memmap(tmp_path / "rows", np.float32, "r", shape=rows.shape)
    book = Codebook.trained(rows)
    assert np.array_equal(book.codes(mapped), book.codes(rows))
    codes = Codes(book, book.codes(rows))
    assert codes.measured_widths(Sample.of(mapped)) == codes.measured_widths(Sample.of(rows))
    resident = 0
    for line in Path("/proc/self/smaps").read_text().partition(str(tmp_path))[2].splitlines():
        if line.startswith("Rss:"):
            resident = int(line.split()[1])
            break
    assert resident < rows.nbytes / 1024 / 2


def test_the_width_is_enough_for_questions_between_many_near_copies() -> None:
    """Rows of which each has near copies: what is near to a row or its blurred copy is easily told,
    what is near to a question that lies between them is not."""
    rng = np.random.default_rng(6)
    seeds = unit(rng.normal(size=(1_000, 48)) / np.sqrt(np.arange(1, 49)))
    rows = np.repeat(seeds, 12, axis=0)
    rows = unit(rows + 0.1 * unit(rng.normal(size=rows.shape)))
    book = Codebook.trained(rows)
    codes = Codes(book, book.codes(rows))
    widths = codes.measured_widths(Sample.of(rows))[0]
    assert 0 < widths.near < 3_000
    questions = unit(seeds[rng.integers(1_000, size=(100, 5))].sum(axis=1))
    true = np.argsort(-(questions @ rows.T), axis=1)[:, :10]
    found, _ = codes.best(questions, widths.near)
    recall = np.mean([np.isin(t, f).mean() for t, f in zip(true, found, strict=True)])
    assert recall >= 0.99


def test_between_two_measured_shares_the_wider_counts() -> None:
    book = Codebook.trained(unit(np.random.default_rng(4).normal(size=(500, 8))))
    none = np.empty((0, book.code_bytes), np.uint8)
    codes = Codes(book, none, (Widths(200, 1_000), Widths(400, 900), Widths(300, 0)))
    assert [codes.width(10, share) for share in (1, 0.9, 0.25, 0.2, 1 / 16)] == [
        200, 400, 400, 400, 300,
    ]  # fmt: skip
    assert [codes.width(100, share) for share in (1, 0.5, 0.25, 0.2)] == [1_000, 1_000, 900, 0]
    assert codes.width(10, 0.01) == 0, "of fewer rows than were measured all are scored"


def test_what_may_be_found_can_be_harder_to_tell_apart_than_all_rows() -> None:
    """Small clusters: of all rows the nearest are a question's own cluster, of every sixteenth they
    are anywhere."""
    rng = np.random.default_rng(7)
    centres = rng.normal(size=(1_200, 192))
    rows = unit(centres[rng.integers(1_200, size=60_400)] + 0.7 * rng.normal(size=(60_400, 192)))
    rows, questions = rows[:60_000], rows[60_000:]
    book = Codebook.trained(rows)
    codes = Codes(book, book.codes(rows))
    every, some, _ = codes.measured_widths(Sample.of(rows))
    assert some.near > every.near > 0
    chosen = np.sort(rng.choice(60_000, 15_000, replace=False))
    true = chosen[np.argsort(-(questions @ rows[chosen].T), axis=1)[:, :10]]
    found = [row[np.isin(row, chosen)][: some.near] for row in codes.best(questions, 10_000)[0]]
    recall = np.mean([np.isin(t, f).mean() for t, f in zip(true, found, strict=True)])
    assert recall >= 0.99
