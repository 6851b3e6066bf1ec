"""The network in whole numbers beside the one it was made of."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
import pytest

from workbench.masking import rampart
from workbench.masking.rampart_weights import in_whole_numbers

IDS = np.array([[2, *range(1_000, 1_060), 3]], dtype=np.int64)


@pytest.fixture(scope="module")
def given() -> bytes:
    return rampart._installed(rampart.WEIGHTS).read_bytes()


def session(model: bytes) -> Any:
    return onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])


def shares(network: Any, ids: Any, mask: Any = None) -> Any:
    mask = np.ones_like(ids) if mask is None else mask
    feed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
    odds = np.exp(network.run(None, feed)[0])
    return odds / odds.sum(axis=-1, keepdims=True)


def test_it_says_nearly_the_same(given: bytes) -> None:
    exact, whole = (shares(session(model), IDS) for model in (given, in_whole_numbers(given)))
    assert np.abs(exact - whole).mean() < 0.002
    assert (exact.argmax(-1) == whole.argmax(-1)).mean() > 0.98


def test_what_is_read_beside_a_text_changes_nothing(given: bytes) -> None:
    network = session(in_whole_numbers(given))
    alone = shares(network, IDS)
    ids = np.zeros((3, 200), dtype=np.int64)
    mask = np.zeros_like(ids)
    ids[0, : IDS.shape[1]], mask[0, : IDS.shape[1]] = IDS[0], 1
    ids[1:], mask[1:] = 5_000, 1
    together = shares(network, ids, mask)
    assert np.allclose(alone[0], together[0, : IDS.shape[1]], atol=1e-2)


def test_no_product_of_four_bits_is_left(given: bytes) -> None:
    made = in_whole_numbers(given)
    assert b"MatMulNBits" in given
    assert b"MatMulNBits" not in made
    assert made == in_whole_numbers(given)
