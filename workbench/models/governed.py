"""The governed door to the models: every call belongs to a run, is budgeted and counted."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from workbench.config import ModelsConfig
from workbench.errors import InvalidReply, ModelError, ModelNotFound
from workbench.guard.cache import ReplyCache, cache_key
from workbench.guard.run import Run
from workbench.models.catalog import full_name, load_catalog
from workbench.models.messages import (
    ChatDelta,
    ChatReply,
    ChatRequest,
    ModelInfo,
    ModelServer,
    ServerPiece,
)
from workbench.values import Usage

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_BYTES_PER_TOKEN = 4
_TEMPLATE_TOKENS = 16
_EMBED_BATCH_TEXTS = 64
_TOP_LOGPROBS = 20


class NoCache:
    """A reply cache that keeps nothing."""

    def get(self, key: str) -> str | None:
        """Always None."""
        return None

    def put(self, key: str, reply: str) -> None:
        """Forget the reply."""


class Models:
    """Chat and embeddings for runs. ``server`` stays inside: there is no way around the guard.

    Model names may be the aliases "default", "light" and "embedding". ``running_digests`` gives the
    digests by full name of a server that runs, none if there is no such server.
    """

    def __init__(
        self,
        server: ModelServer,
        config: ModelsConfig,
        cache: ReplyCache,
        *,
        running_digests: Callable[[], Mapping[str, str]] | None = None,
    ) -> None:
        self._server = server
        self._running_digests = running_digests or self._digests
        self._config = config
        self._cache = cache
        self._catalog = load_catalog()

    @property
    def config(self) -> ModelsConfig:
        """The settings that these models follow."""
        return self._config

    def close(self) -> None:
        """Close the connections; a later call opens them again."""
        self._server.close()

    def available(self) -> list[ModelInfo]:
        """The models that the server has now.

        Raises:
            ModelUnavailable, ModelTimeout, InvalidReply.
        """
        return self._server.models()

    def resolve(self, model: str) -> str:
        """The model's own name where ``model`` is an alias such as "default"."""
        return self._catalog.resolve(model)

    def digest(self, model: str) -> str:
        """The SHA-256 digest of ``model`` on the server.

        Raises:
            ModelNotFound: if the server does not have it; otherwise as ``available``.
        """
        name = full_name(self._catalog.resolve(model))
        for info in self.available():
            if full_name(info.name) == name:
                return info.digest
        command = "workbench models pull" if self._server.is_embedded else "ollama pull"
        short = name.removesuffix(":latest")
        raise ModelNotFound(
            "the model server does not have this model",
            value=f"{short} at {self._server.address}",
            next_step=f"Run `{command} {short}`.",
        )

    def digest_if_running(self, model: str) -> str | None:
        """The digest of ``model``, or None if no server runs that has it; starts none."""
        return self._running_digests().get(full_name(self._catalog.resolve(model)))

    def _digests(self) -> dict[str, str]:
        try:
            return {full_name(info.name): info.digest for info in self.available()}
        except ModelError:
            return {}

    def chat(self, run: Run, request: ChatRequest) -> ChatReply:
        """Ask and wait for the whole reply.

        Raises:
            AccessDenied, BudgetExceeded: from the guard.
            ModelNotFound, ModelUnavailable, ModelTimeout, InvalidReply: from the server.
        """
        deltas = list(self.stream(run, request))
        return ChatReply(
            text="".join(delta.text for delta in deltas),
            usage=deltas[-1].usage or Usage(),
            model=self._catalog.resolve(request.model),
            cached=deltas[-1].cached,
        )

    def stream(self, run: Run, request: ChatRequest) -> Iterator[ChatDelta]:
        """Ask and yield the reply as it comes; errors as ``chat``, some of them while iterating.

        Closing the iterator stops the generation; what was used until then is settled.
        """
        run.require_open()
        return self._stream(run, replace(request, model=self._catalog.resolve(request.model)))

    def weigh(self, run: Run, request: ChatRequest, words: Sequence[str]) -> tuple[float, ...]:
        """How probable each of ``words`` is as the first word of the reply, relative to the others.

        Generates one token. The shares sum to 1; words that are not among the likeliest 20 tokens
        get what is left below them. A server that tells no probabilities gives its word all.

        Raises:
            As ``chat``.
        """
        run.require_open()
        name = self._catalog.resolve(request.model)
        asked = replace(request, model=name, max_tokens=1, top_logprobs=_TOP_LOGPROBS)
        self._require_room(asked)
        key = self._key(run, asked)
        cached = self._cache.get(key) if key else None
        if cached is not None:
            run.counts.cache_hits += 1
            return _shares(json.loads(cached), words)
        reserved = estimate_tokens(asked) + 1
        run.meter.reserve(reserved)
        used = Usage()
        try:
            run.counts.model_calls += 1
            started_s = time.monotonic()
            pieces = list(self._pieces(run, asked))
            last = pieces[-1]
            used = Usage(last.prompt_tokens, last.output_tokens, time.monotonic() - started_s)
            _require_whole_prompt(asked, last)
            text = "".join(piece.text for piece in pieces)
            likely = next((piece.likely for piece in pieces if piece.likely), ((text, 0.0),))
            if key:
                self._cache.put(key, json.dumps(likely))
            return _shares(likely, words)
        finally:
            run.meter.settle(reserved, used)

    def embed(self, run: Run, texts: Sequence[str]) -> NDArray[np.float32]:
        """L2-normalised vectors, one row per text (n, dimensions), from ``config.embedding``.

        The run's time is checked; tokens are not charged, as reading a document costs a
        thousandth of what a chat model costs for it.

        Raises:
            As ``chat``.
        """
        import numpy as np

        run.require_open()
        model = self._catalog.resolve(self._config.embedding)
        batches = []
        for start in range(0, len(texts), _EMBED_BATCH_TEXTS):
            run.require_open()
            run.meter.reserve(0)
            batches.append(self._server.embed(model, texts[start : start + _EMBED_BATCH_TEXTS]))
            run.counts.model_calls += 1
        if not batches:
            return np.empty((0, 0), dtype=np.float32)
        vectors = np.concatenate(batches)
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not (np.isfinite(norms) & (norms > 0)).all():
            raise InvalidReply(
                "the embedding model returned a vector without a direction",
                value=model,
                next_step="Pull the model again, or choose another one for models.embedding.",
            )
        return np.asarray(vectors / norms, dtype=np.float32)

    def _stream(self, run: Run, request: ChatRequest) -> Iterator[ChatDelta]:
        run.require_open()
        self._require_room(request)
        prompt_tokens = estimate_tokens(request)
        reserved = prompt_tokens + request.max_tokens
        run.meter.reserve(reserved)
        used = Usage()
        try:
            key = self._key(run, request)
            cached = self._cache.get(key) if key else None
            if cached is not None:
                run.counts.cache_hits += 1
                yield ChatDelta(cached, Usage(), cached=True)
                return
            run.counts.model_calls += 1
            started_s = time.monotonic()
            used = Usage(prompt_tokens=prompt_tokens)
            texts: list[str] = []
            for piece in self._pieces(run, request):
                texts.append(piece.text)
                seconds = time.monotonic() - started_s
                if piece.done_reason is None:
                    used = Usage(prompt_tokens, len(texts), seconds)
                    yield ChatDelta(piece.text)
                    continue
                used = Usage(piece.prompt_tokens, piece.output_tokens, seconds)
                _require_whole_prompt(request, piece)
                # A reply that was cut off must not be given again as if it were the answer.
                if key and piece.done_reason == "stop":
                    self._cache.put(key, "".join(texts))
                yield ChatDelta(piece.text, used)
        finally:
            run.meter.settle(reserved, used)

    def _pieces(self, run: Run, request: ChatRequest) -> Iterator[ServerPiece]:
        for piece in self._server.stream(request, self._config.num_ctx):
            run.require_open()
            if run.meter.remaining_s <= 0:
                run.meter.reserve(0)
            yield piece

    def _key(self, run: Run, request: ChatRequest) -> str | None:
        if request.temperature > 0:
            return None
        parts = {
            "digest": self.digest(request.model),
            "prompt_version": request.prompt_version,
            "system": request.system,
            "user": request.user,
            "schema": request.schema,
            "max_tokens": request.max_tokens,
            "num_ctx": self._config.num_ctx,
            "seed": request.seed,
            "stop": request.stop,
            "top_logprobs": request.top_logprobs,
            "parts": dict(request.cache_parts),
        }
        return cache_key(run.scope, parts)

    def _require_room(self, request: ChatRequest) -> None:
        words = _words(request)
        if words > self._config.num_ctx:
            raise InvalidReply(
                "the prompt is too long for the model",
                value=f"{words:,} words or more tokens, num_ctx is {self._config.num_ctx:,}",
                next_step="Shorten it, or raise models.num_ctx in workbench.toml.",
            )


def _shares(likely: Sequence[Sequence[Any]], words: Sequence[str]) -> tuple[float, ...]:
    floor = math.exp(min(logprob for _, logprob in likely))
    chances = []
    for word in words:
        own = [p for token, p in likely if token.strip().casefold() == word.casefold()]
        chances.append(sum(map(math.exp, own)) if own else floor if len(likely) > 1 else 0.0)
    total = sum(chances)
    return tuple(chance / total if total else 1 / len(words) for chance in chances)


def estimate_tokens(request: ChatRequest) -> int:
    """About how many tokens the prompt has."""
    size = len(request.system.encode()) + len(request.user.encode())
    return size // _BYTES_PER_TOKEN + _TEMPLATE_TOKENS


def _words(request: ChatRequest) -> int:
    return len(request.system.split()) + len(request.user.split())


def _require_whole_prompt(request: ChatRequest, last: ServerPiece) -> None:
    # No tokenizer joins words, so fewer tokens than words mean that a server cut the prompt
    # silently to fit its context.
    words = _words(request)
    if 0 < last.prompt_tokens < words:
        raise InvalidReply(
            "the model server read only a part of the prompt",
            value=f"{last.prompt_tokens:,} tokens of at least {words:,}",
            next_step="Raise the context length that the server allows, or shorten the prompt.",
        )
