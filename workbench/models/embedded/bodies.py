"""Request bodies of Ollama's API. Unknown fields are ignored, as Ollama does."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field, field_validator

_DEFAULT_KEEP_ALIVE_S = 300.0
_UNIT_S = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"([0-9]*\.?[0-9]+)(ns|us|µs|ms|s|m|h)")


def keep_alive_s(value: object) -> float:
    """Seconds to keep a model loaded: "5m", "1h30m" or a number; negative means forever.

    Raises:
        ValueError: if ``value`` is not a duration.
    """
    if value is None:
        return _DEFAULT_KEEP_ALIVE_S
    if isinstance(value, int | float) and not isinstance(value, bool):
        return math.inf if value < 0 else float(value)
    text = str(value)
    sign, digits = (-1, text[1:]) if text.startswith("-") else (1, text)
    if digits in {"0", "1"} and (sign < 0 or digits == "0"):
        return math.inf if sign < 0 else 0.0
    pieces = _DURATION.findall(digits)
    if not pieces or "".join(number + unit for number, unit in pieces) != digits:
        raise ValueError(f'time: invalid duration "{text}"')
    seconds = sum(float(number) * _UNIT_S[unit] for number, unit in pieces)
    return math.inf if sign < 0 else seconds


KeepAlive = Annotated[float, BeforeValidator(keep_alive_s)]


class Options(BaseModel):
    """How to generate. ``num_ctx`` and ``num_predict`` in tokens; defaults are Ollama's."""

    num_ctx: int = Field(4096, gt=0)
    num_predict: int = -1
    temperature: float = Field(0.8, ge=0)
    top_p: float = Field(0.9, gt=0, le=1)
    top_k: int = 40
    min_p: float = Field(0.0, ge=0, le=1)
    seed: int | None = None
    stop: tuple[str, ...] = ()
    repeat_penalty: float | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None

    @field_validator("stop", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value or ()


class ModelBody(BaseModel):
    """A request about a model; older clients say ``name`` instead of ``model``."""

    model: str = ""
    name: str = ""

    @property
    def wanted(self) -> str:
        return self.model or self.name


class PullBody(ModelBody):
    """``POST /api/pull``."""

    stream: bool = True


class _Generation(ModelBody):
    stream: bool = True
    format: str | dict[str, Any] | None = None
    options: Options = Options()
    keep_alive: KeepAlive = _DEFAULT_KEEP_ALIVE_S
    think: bool | str | None = None
    logprobs: bool = False
    top_logprobs: int = Field(0, ge=0, le=20)

    @field_validator("logprobs", "top_logprobs", mode="before")
    @classmethod
    def _nothing_asked(cls, value: object) -> object:
        return 0 if value is None else value

    @field_validator("options", mode="before")
    @classmethod
    def _only_given(cls, value: object) -> object:
        # Clients send null for what they did not set; those keep their defaults.
        if isinstance(value, Mapping):
            return {key: item for key, item in value.items() if item is not None}
        return {} if value is None else value

    @field_validator("format")
    @classmethod
    def _known_format(cls, value: str | dict[str, Any] | None) -> str | dict[str, Any] | None:
        if isinstance(value, str) and value not in {"", "json"}:
            raise ValueError(f'invalid format: "{value}"; expected "json" or a JSON schema')
        return value


class Message(BaseModel):
    """One turn of a chat."""

    role: str
    content: str = ""
    images: list[Any] | None = None


class ChatBody(_Generation):
    """``POST /api/chat``."""

    messages: list[Message] = []
    tools: list[Any] | None = None


class GenerateBody(_Generation):
    """``POST /api/generate``."""

    prompt: str = ""
    system: str = ""
    suffix: str = ""
    template: str = ""
    raw: bool = False
    images: list[Any] | None = None


class EmbedBody(ModelBody):
    """``POST /api/embed``."""

    input: str | list[str] = Field(default_factory=list)
    truncate: bool = True
    dimensions: int | None = Field(None, gt=0)
    keep_alive: KeepAlive = _DEFAULT_KEEP_ALIVE_S

    @field_validator("truncate", mode="before")
    @classmethod
    def _default_truncate(cls, value: object) -> object:
        return True if value is None else value


class EmbeddingsBody(ModelBody):
    """``POST /api/embeddings``, the older form for one text."""

    prompt: str = ""
    keep_alive: KeepAlive = _DEFAULT_KEEP_ALIVE_S
