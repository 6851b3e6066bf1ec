"""A model that needs no engine: it echoes, slowly if told to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

from workbench.models.catalog import CatalogModel
from workbench.models.embedded.llama import LlamaModel, Piece


class EchoModel(LlamaModel):
    """Answers with the last message in capitals; records what it was asked."""

    def __init__(self, num_ctx: int, delay_s: float = 0) -> None:
        self.num_ctx = num_ctx
        self.delay_s = delay_s
        self.calls: list[dict[str, Any]] = []
        self.closed = False
        self.active = 0
        self.most_active = 0

    async def close(self) -> None:
        self.closed = True

    async def chat(self, body: dict[str, Any], num_ctx: int) -> AsyncGenerator[Piece]:
        self.calls.append({**body, "num_ctx": num_ctx})
        self.active += 1
        self.most_active = max(self.most_active, self.active)
        try:
            text = body.get("prompt") or body["messages"][-1]["content"]
            for word in text.upper().split():
                await asyncio.sleep(self.delay_s)
                yield Piece(word + " ")
            yield Piece("", "stop", 11, 22, 33, 44)
        finally:
            self.active -= 1


class EchoLoader:
    """Stands for ``load_runner`` and keeps what it loaded."""

    def __init__(self, delay_s: float = 0) -> None:
        self.delay_s = delay_s
        self.loaded: list[EchoModel] = []

    def __call__(self, model: CatalogModel, models: Path, num_ctx: int) -> EchoModel:
        self.loaded.append(EchoModel(num_ctx, self.delay_s))
        return self.loaded[-1]
