"""LlamaIndex's LLM and embedding classes over the governed door; imported only when asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseGen,
    CompletionResponse,
    CompletionResponseGen,
    LLMMetadata,
    MessageRole,
)
from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.llms.callbacks import llm_chat_callback, llm_completion_callback
from llama_index.core.llms.custom import CustomLLM

from workbench.guard.run import Run
from workbench.models.governed import Models
from workbench.models.messages import ChatRequest

OpenRun = Callable[[], AbstractContextManager[Run]]
"""Opens the run that a call belongs to, and audits it when the call is over."""

Mask = Callable[[str], str]
"""Replaces personal data: LlamaIndex puts the question into its prompts as it was typed."""

_PROMPT_VERSION = "llama-index"
_MAX_TOKENS = 512


class GovernedLLM(CustomLLM):
    """A LlamaIndex LLM each of whose calls is one run over a masked prompt."""

    model: str
    num_ctx: int
    max_tokens: int = _MAX_TOKENS
    _models: Models = PrivateAttr()
    _open_run: OpenRun = PrivateAttr()
    _mask: Mask = PrivateAttr()

    def __init__(self, models: Models, open_run: OpenRun, *, mask: Mask, **fields: Any) -> None:
        super().__init__(**fields)
        self._models = models
        self._open_run = open_run
        self._mask = mask

    @property
    def metadata(self) -> LLMMetadata:
        """What LlamaIndex needs to size its prompts."""
        return LLMMetadata(
            context_window=self.num_ctx,
            num_output=self.max_tokens,
            is_chat_model=True,
            model_name=self.model,
        )

    @llm_completion_callback()
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """Answer a prompt."""
        with self._open_run() as run:
            reply = self._models.chat(run, self._request("", prompt))
        return CompletionResponse(text=reply.text)

    @llm_completion_callback()
    def stream_complete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponseGen:
        """Answer a prompt piece by piece."""
        return self._stream("", prompt)

    @llm_chat_callback()
    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """Answer a conversation."""
        system, user = _split(messages)
        with self._open_run() as run:
            reply = self._models.chat(run, self._request(system, user))
        return ChatResponse(message=_assistant(reply.text))

    @llm_chat_callback()
    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        """Answer a conversation piece by piece."""
        pieces = self._stream(*_split(messages))
        return (ChatResponse(message=_assistant(p.text), delta=p.delta) for p in pieces)

    def _stream(self, system: str, user: str) -> CompletionResponseGen:
        text = ""
        with self._open_run() as run:
            for delta in self._models.stream(run, self._request(system, user)):
                text += delta.text
                yield CompletionResponse(text=text, delta=delta.text)

    def _request(self, system: str, user: str) -> ChatRequest:
        return ChatRequest(
            model=self.model,
            system=self._mask(system),
            user=self._mask(user),
            schema=None,
            max_tokens=self.max_tokens,
            prompt_version=_PROMPT_VERSION,
        )


class GovernedEmbedding(BaseEmbedding):
    """A LlamaIndex embedding each of whose calls is one run over masked texts."""

    _models: Models = PrivateAttr()
    _open_run: OpenRun = PrivateAttr()
    _mask: Mask = PrivateAttr()

    def __init__(self, models: Models, open_run: OpenRun, *, mask: Mask, **fields: Any) -> None:
        super().__init__(**fields)
        self._models = models
        self._open_run = open_run
        self._mask = mask

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        with self._open_run() as run:
            masked = [self._mask(text) for text in texts]
            rows: list[list[float]] = self._models.embed(run, masked).tolist()
        return rows

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._get_text_embeddings([text])[0]

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embedding(query)

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embedding(query)


def as_llm(models: Models, open_run: OpenRun, *, mask: Mask) -> GovernedLLM:
    """The configured chat model as a LlamaIndex LLM."""
    config = models.config
    return GovernedLLM(models, open_run, mask=mask, model=config.chat, num_ctx=config.num_ctx)


def as_embedding(models: Models, open_run: OpenRun, *, mask: Mask) -> GovernedEmbedding:
    """The configured embedding model as a LlamaIndex embedding."""
    return GovernedEmbedding(models, open_run, mask=mask, model_name=models.config.embedding)


def _split(messages: Sequence[ChatMessage]) -> tuple[str, str]:
    system = [m.content or "" for m in messages if m.role == MessageRole.SYSTEM]
    turns = [m for m in messages if m.role != MessageRole.SYSTEM]
    if len(turns) == 1:
        return "\n".join(system), turns[0].content or ""
    return "\n".join(system), "\n\n".join(f"{m.role.value}: {m.content or ''}" for m in turns)


def _assistant(text: str) -> ChatMessage:
    return ChatMessage(role=MessageRole.ASSISTANT, content=text)
