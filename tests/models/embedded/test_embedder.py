from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from workbench.models.catalog import load_catalog
from workbench.models.embedded.embedder import OnnxEmbedder
from workbench.models.embedded.replies import ApiError

pytestmark = pytest.mark.models


@pytest.fixture(scope="module")
def embedder(real_models: Path) -> OnnxEmbedder:
    model = load_catalog().get("embedding")
    weights, tokenizer = model.paths(real_models)
    return OnnxEmbedder(weights, tokenizer, max_tokens=model.context_length)


def test_rows_are_normalised_and_in_order(embedder: OnnxEmbedder) -> None:
    texts = ["short", "a somewhat longer text about sick leave", "x", "", "word " * 300] * 8
    vectors = embedder.embed(texts).rows
    assert vectors.shape == (40, 384)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    for i in (0, 1, 2, 3, 4):
        assert vectors[i] @ embedder.embed([texts[i]]).rows[0] > 0.999


def test_meaning(embedder: OnnxEmbedder) -> None:
    a, b, c = embedder.embed(
        ["How many sick days do I have?", "Paid time off when you are ill", "The river is long"]
    ).rows
    assert a @ b > a @ c + 0.2


def test_long_texts_are_cut_or_refused(embedder: OnnxEmbedder) -> None:
    long = "river valley " * 400
    assert embedder.embed([long]).tokens == 256
    same_start = embedder.embed([long, long + "something else entirely"]).rows
    np.testing.assert_allclose(same_start[0], same_start[1], atol=1e-6)
    with pytest.raises(ApiError, match="exceeds the context length"):
        embedder.embed(["short", long], truncate=False)


def test_damaged_files_are_an_error(real_models: Path, tmp_path: Path) -> None:
    weights, tokenizer = load_catalog().get("embedding").paths(real_models)
    damaged = tmp_path / "damaged"
    damaged.write_bytes(b"x" * 1000)
    for files in ((damaged, tokenizer), (weights, damaged)):
        with pytest.raises(ApiError, match="cannot load") as caught:
            OnnxEmbedder(*files, max_tokens=256)
        assert caught.value.status == 500


def test_nothing(embedder: OnnxEmbedder) -> None:
    assert embedder.embed([]).rows.shape == (0, 384)
