"""Changing the embedding model of a corpus, with a stop in the middle."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from llama_index.core.schema import TextNode

from tests.workbenches import MakeWorkbench
from workbench.config import Config, ModelsConfig
from workbench.errors import EmbeddingMismatch, ModelError
from workbench.models.fake import FakeServer
from workbench.models.messages import ModelInfo

OTHER = "other-embedding:latest"
QUESTION = "office badges Wednesday"


class TwoModels(FakeServer):
    """A second embedding model: another space of 64 numbers. Fails after ``stop_after`` texts."""

    def __init__(self, stop_after: int = 10_000) -> None:
        super().__init__()
        self._stop_after = stop_after

    def models(self) -> list[ModelInfo]:
        digest = hashlib.sha256(OTHER.encode()).hexdigest()
        return [*super().models(), ModelInfo(OTHER, digest, 0, "fake", "0", "none")]

    def embed(self, model: str, texts):
        if model != OTHER:
            return super().embed(model, texts)
        if len(self.texts) + len(texts) > self._stop_after:
            raise ModelError("the server stopped", next_step="Start it again.")
        rows = super().embed("all-minilm:latest", texts)
        turn = np.random.default_rng(5).normal(size=(rows.shape[1], 64))
        return (rows @ turn).astype(np.float32)


def other(make: MakeWorkbench, server: FakeServer):
    return make(config=Config(models=ModelsConfig(embedding=OTHER)), server=server)


def test_the_corpus_changes_over_at_once(
    make_workbench: MakeWorkbench, folder: Path, monkeypatch
) -> None:
    monkeypatch.setattr("workbench.tasks.reembed.PAGE_CHUNKS", 1)
    before = make_workbench(server=TwoModels()).session("ana")
    before.ingest(folder)
    expected = [hit.chunk.text for hit in before.search(QUESTION, mode="vector")]
    chunks = int(before.sql("SELECT count(*) AS n FROM chunks").df()["n"][0])
    stopped = other(make_workbench, TwoModels(stop_after=2)).session("ana")
    with pytest.raises(ModelError):
        stopped.reembed()
    assert [hit.chunk.text for hit in before.search(QUESTION, mode="vector")] == expected
    after = other(make_workbench, TwoModels()).session("ana")
    seen: list[int] = []
    result = after.reembed(progress=seen.append)
    assert result.chunks == chunks - 2, "what was done before the stop is kept"
    assert seen == list(range(1, chunks - 1))
    assert result.documents == 3
    assert after.search(QUESTION, mode="vector")[0].chunk.text == expected[0]
    with pytest.raises(EmbeddingMismatch):
        before.search(QUESTION, mode="vector")
    assert "already" in str(after.reembed())


@pytest.mark.models
def test_with_the_real_model(tmp_path: Path, folder: Path) -> None:
    """The embedded server knows one embedding model; it takes over from another's vectors."""
    from workbench import open_workbench
    from workbench.workbench import Workbench

    workbench: Workbench = open_workbench(tmp_path / "real")
    session = workbench.session("ana")
    try:
        session.ingest(folder)
        assert "already" in str(session.reembed())
        assert session.search("badges", mode="vector")[0].document == "badges.md"
    finally:
        workbench.close()


def test_nodes_are_embedded_as_they_were_when_they_came_in(make_workbench: MakeWorkbench) -> None:
    """With their metadata, as their own template puts it."""
    first = TwoModels()
    session = make_workbench(server=first).session("ana")
    node = TextNode(id_="n", text="Badges are blue.", metadata={"office": "harbour"})
    session.as_vector_store("public").add([node])
    then = next(text for text in first.texts if "Badges" in text)
    assert "harbour" in then
    again = TwoModels()
    other(make_workbench, again).session("ana").reembed()
    assert again.texts == [then]
