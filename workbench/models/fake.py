"""A model server without a model: deterministic, instant, for tests of everything around it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from workbench.errors import ModelNotFound
from workbench.models.catalog import full_name
from workbench.models.messages import ChatRequest, ModelInfo, ServerPiece

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

DIMENSIONS = 384
_CHAT = ("qwen2.5-coder:1.5b", "qwen2.5-coder:0.5b")
_EMBEDDING = "all-minilm:latest"
_WORD = re.compile(r"\w+")
_SENTENCE = re.compile(r"[^.!?\n]+[.!?]?")


class FakeServer:
    """Fulfils ``ModelServer``. ``reply`` scripts the chat; without it ``extract`` answers.

    ``requests`` keeps every chat request in the order they came, ``texts`` every embedded text.
    """

    def __init__(self, reply: Callable[[ChatRequest], str] | None = None) -> None:
        self._reply = reply or extract
        self.requests: list[ChatRequest] = []
        self.texts: list[str] = []

    @property
    def address(self) -> str:
        """A name that is no address."""
        return "fake"

    @property
    def is_embedded(self) -> bool:
        """Always True."""
        return True

    def close(self) -> None:
        """Nothing to close."""

    def models(self) -> list[ModelInfo]:
        """The catalogue's names."""
        return [
            ModelInfo(name, hashlib.sha256(name.encode()).hexdigest(), 0, "fake", "0", "none")
            for name in (*_CHAT, _EMBEDDING)
        ]

    def stream(self, request: ChatRequest, num_ctx: int) -> Iterator[ServerPiece]:
        """The scripted reply word by word, cut at ``max_tokens`` words. Tokens are words."""
        self._require(request.model)
        self.requests.append(request)
        words = re.findall(r"\S+\s*|\s+", self._reply(request))
        sent = words[: request.max_tokens]
        yield from (ServerPiece(word) for word in sent)
        yield ServerPiece(
            "",
            done_reason="stop" if len(sent) == len(words) else "length",
            prompt_tokens=len(request.system.split()) + len(request.user.split()),
            output_tokens=len(sent),
        )

    def embed(self, model: str, texts: Sequence[str]) -> NDArray[np.float32]:
        """Hashed bags of words (n, 384): texts that share words are alike."""
        import numpy as np

        self._require(model)
        self.texts.extend(texts)
        rows = np.zeros((len(texts), DIMENSIONS), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            for word in _WORD.findall(text.lower()):
                row[int(hashlib.sha256(word.encode()).hexdigest(), 16) % DIMENSIONS] += 1
            if not row.any():
                row[0] = 1
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)

    def _require(self, model: str) -> None:
        if full_name(model) not in {*_CHAT, _EMBEDDING}:
            raise ModelNotFound(
                "the model server does not have this model",
                value=model,
                next_step=f"Run `workbench models pull {model}`.",
            )


def extract(request: ChatRequest) -> str:
    """The sentence of the prompt that shares most words with its last line.

    With a schema, a JSON object in which strings and lists of strings hold that sentence.
    """
    *context, question = [line for line in request.user.splitlines() if line.strip()] or [""]
    wanted = set(_WORD.findall(question.lower()))
    sentences = [s.strip() for line in context for s in _SENTENCE.findall(line) if s.strip()]

    def shared(sentence: str) -> int:
        return len(wanted & set(_WORD.findall(sentence.lower())))

    best = max(sentences, key=shared, default=question)
    if request.schema is None:
        return best
    return json.dumps(_filled(request.schema, best), ensure_ascii=False)


def _filled(schema: Mapping[str, Any], text: str) -> object:
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type", "object")
    if kind == "object":
        return {name: _filled(part, text) for name, part in schema.get("properties", {}).items()}
    if kind == "array":
        return [_filled(schema.get("items", {"type": "string"}), text)]
    return {"boolean": True, "integer": 0, "number": 0, "null": None}.get(kind, text)
