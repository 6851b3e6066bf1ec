"""Which models are in memory, for how long, and one request at a time for each."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import anyio

from workbench.models.catalog import CatalogModel
from workbench.models.embedded.embedder import OnnxEmbedder
from workbench.models.embedded.llama import LlamaModel

Runner = LlamaModel | OnnxEmbedder
Load = Callable[[CatalogModel, Path, int], Runner]


def load_runner(model: CatalogModel, models: Path, num_ctx: int) -> Runner:
    """Load ``model`` from the models directory; blocks for seconds."""
    paths = model.paths(models)
    if model.kind == "chat":
        return LlamaModel(paths[0], num_ctx=min(num_ctx, model.context_length))
    return OnnxEmbedder(paths[0], paths[1], max_tokens=model.context_length)


@dataclass(slots=True)
class Resident:
    """A model that is or was in memory. ``expires_at_s`` is on the monotonic clock."""

    model: CatalogModel
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    runner: Runner | None = None
    num_ctx: int = 0
    expires_at_s: float = math.inf


@dataclass(frozen=True, slots=True)
class Lease:
    """A loaded model that belongs to one request; ``load_ns`` is what loading took."""

    runner: Runner
    load_ns: int


class Residents:
    """Loads models when they are asked for and unloads them when their time is over."""

    def __init__(self, models: Path, load: Load = load_runner) -> None:
        self._models = models
        self._load = load
        self._residents: dict[str, Resident] = {}

    def loaded(self) -> list[Resident]:
        """The models in memory now."""
        return [each for each in self._residents.values() if each.runner is not None]

    @asynccontextmanager
    async def lease(
        self, model: CatalogModel, num_ctx: int, *, keep_alive_s: float
    ) -> AsyncIterator[Lease]:
        """Wait for the model's turn, load it if need be, and hold it for one request.

        A context larger than the loaded one reloads the model; a smaller one does not.
        """
        resident = self._residents.setdefault(model.name, Resident(model))
        num_ctx = min(num_ctx, model.context_length)
        async with resident.lock:
            started = time.monotonic_ns()
            if resident.runner is None or num_ctx > resident.num_ctx:
                await _unload(resident)
                resident.runner = await asyncio.to_thread(self._load, model, self._models, num_ctx)
                resident.num_ctx = num_ctx
            try:
                yield Lease(resident.runner, time.monotonic_ns() - started)
            finally:
                resident.expires_at_s = time.monotonic() + keep_alive_s
                if keep_alive_s <= 0:
                    with anyio.CancelScope(shield=True):
                        await _unload(resident)

    async def unload(self, model: CatalogModel) -> None:
        """Unload a model after the requests before this one."""
        resident = self._residents.get(model.name)
        if resident is not None:
            async with resident.lock:
                await _unload(resident)

    async def unload_expired(self) -> None:
        """Unload the idle models whose time is over."""
        now = time.monotonic()
        for resident in self.loaded():
            if resident.expires_at_s <= now and not resident.lock.locked():
                async with resident.lock:
                    await _unload(resident)

    async def close(self) -> None:
        """Unload everything once its request is over."""
        for resident in self.loaded():
            await self.unload(resident.model)


async def _unload(resident: Resident) -> None:
    runner, resident.runner, resident.num_ctx = resident.runner, None, 0
    if isinstance(runner, LlamaModel):
        await runner.close()
