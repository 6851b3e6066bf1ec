"""What is said between Workbench and a model server, and the protocol that servers fulfil."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

from workbench.values import Usage

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_NONE: Mapping[str, object] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One question to a chat model.

    ``schema`` is a JSON schema that the reply must follow, or None for free text. ``max_tokens``
    bounds the reply. ``prompt_version`` and ``cache_parts`` (the corpus version, for one) tell
    replies in the cache apart; they are not sent. ``top_logprobs`` asks for the likeliest tokens at
    each place of the reply, at most 20.
    """

    model: str
    system: str
    user: str
    schema: Mapping[str, object] | None
    max_tokens: int
    prompt_version: str
    temperature: float = 0.0
    seed: int = 0
    stop: tuple[str, ...] = ()
    top_logprobs: int = 0
    cache_parts: Mapping[str, object] = field(default_factory=lambda: _NONE)


@dataclass(frozen=True, slots=True)
class ChatReply:
    """A whole reply. From the cache it costs nothing: ``usage`` is zero."""

    text: str
    usage: Usage
    model: str
    cached: bool


@dataclass(frozen=True, slots=True)
class ChatDelta:
    """A piece of a reply as it comes. Only the last one has ``usage``; its text may be empty."""

    text: str
    usage: Usage | None = None
    cached: bool = False


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model that a server has. ``digest`` is a SHA-256; ``size`` in bytes."""

    name: str
    digest: str
    size: int
    family: str
    parameter_size: str
    quantization: str


@dataclass(frozen=True, slots=True)
class ServerPiece:
    """A piece of text from a server. The last one has ``done_reason`` and the token counts.

    ``likely`` are the likeliest tokens where the piece begins and their log probabilities, if they
    were asked for and the server tells them.
    """

    text: str
    done_reason: str | None = None
    prompt_tokens: int = 0
    output_tokens: int = 0
    likely: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a server is. The embedded one has a key; a real Ollama needs none."""

    address: str
    key: str | None = None
    embedded: bool = False


class ModelServer(Protocol):
    """An ungoverned server; nothing outside this room holds one."""

    @property
    def address(self) -> str:
        """Where the server is, for messages."""
        ...

    @property
    def is_embedded(self) -> bool:
        """Whether Workbench started it itself."""
        ...

    def close(self) -> None:
        """Close the connections."""
        ...

    def models(self) -> list[ModelInfo]:
        """The models it has. Raises ModelUnavailable, ModelTimeout or InvalidReply."""
        ...

    def stream(self, request: ChatRequest, num_ctx: int) -> Iterator[ServerPiece]:
        """The reply in pieces. Raises ModelError subclasses."""
        ...

    def embed(self, model: str, texts: Sequence[str]) -> NDArray[np.float32]:
        """One row per text (n, dimensions). Raises ModelError subclasses."""
        ...
