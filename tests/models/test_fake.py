from __future__ import annotations

import json

import numpy as np
import pytest

from workbench.errors import ModelNotFound
from workbench.models.fake import FakeServer, extract
from workbench.models.messages import ChatRequest

USER = "The office opens at nine. Lunch is free.\nThe river is long.\nWhen does the office open?"


def request(schema: dict[str, object] | None = None, max_tokens: int = 50) -> ChatRequest:
    return ChatRequest("qwen2.5-coder:0.5b", "", USER, schema, max_tokens, "v1")


def test_texts_that_share_words_are_alike() -> None:
    a, b, c = FakeServer().embed("all-minilm", ["sick leave days", "days of sick leave", "budget"])
    assert a @ b > 0.8
    assert a @ c < 0.3
    assert np.linalg.norm(FakeServer().embed("all-minilm", [""])) == pytest.approx(1)


def test_extracts_the_sentence_that_fits_the_question() -> None:
    assert extract(request()) == "The office opens at nine."


def test_schema_is_filled() -> None:
    schema: dict[str, object] = {
        "type": "object",
        "properties": {
            "quotes": {"type": "array", "items": {"type": "string"}},
            "found": {"type": "boolean"},
            "kind": {"enum": ["fact", "guess"]},
            "count": {"type": "integer"},
        },
    }
    assert json.loads(extract(request(schema))) == {
        "quotes": ["The office opens at nine."],
        "found": True,
        "kind": "fact",
        "count": 0,
    }


def test_stream_obeys_max_tokens_and_records() -> None:
    server = FakeServer(lambda _: "one two three")
    pieces = list(server.stream(request(max_tokens=2), 512))
    assert "".join(piece.text for piece in pieces) == "one two "
    assert (pieces[-1].done_reason, pieces[-1].output_tokens) == ("length", 2)
    assert server.requests == [request(max_tokens=2)]
    whole = list(server.stream(request(), 512))
    assert (whole[-1].done_reason, whole[-1].output_tokens) == ("stop", 3)


def test_it_knows_the_catalogues_names_only() -> None:
    assert {"all-minilm:latest", "qwen2.5-coder:0.5b"} < {m.name for m in FakeServer().models()}
    with pytest.raises(ModelNotFound):
        FakeServer().embed("llama9", ["x"])
