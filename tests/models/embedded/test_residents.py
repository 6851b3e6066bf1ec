from __future__ import annotations

import asyncio
import math
from pathlib import Path

import pytest

from workbench.models.catalog import CatalogModel, load_catalog
from workbench.models.embedded.replies import ApiError
from workbench.models.embedded.residents import Residents, load_runner

from .conftest import EchoLoader

MODEL = load_catalog().get("light")


async def use(residents: Residents, num_ctx: int, keep_alive_s: float = 60) -> None:
    async with residents.lease(MODEL, num_ctx, keep_alive_s=keep_alive_s):
        pass


def test_loads_once_and_again_for_a_larger_context(tmp_path: Path) -> None:
    async def scenario() -> list[int]:
        loader = EchoLoader()
        residents = Residents(tmp_path, loader)
        for num_ctx in (1024, 512, 1024, 2048, 2048):
            await use(residents, num_ctx)
        assert [each.num_ctx for each in residents.loaded()] == [2048]
        assert [runner.closed for runner in loader.loaded] == [True, False]
        return [runner.num_ctx for runner in loader.loaded]

    assert asyncio.run(scenario()) == [1024, 2048]


def test_context_is_capped_at_what_the_model_knows(tmp_path: Path) -> None:
    async def scenario() -> None:
        loader = EchoLoader()
        residents = Residents(tmp_path, loader)
        await use(residents, 10_000_000)
        await use(residents, 10_000_000)
        assert [runner.num_ctx for runner in loader.loaded] == [MODEL.context_length]

    asyncio.run(scenario())


def test_keep_alive_zero_unloads_at_once(tmp_path: Path) -> None:
    async def scenario() -> None:
        loader = EchoLoader()
        residents = Residents(tmp_path, loader)
        await use(residents, 512, keep_alive_s=0)
        assert loader.loaded[0].closed
        assert residents.loaded() == []

    asyncio.run(scenario())


def test_expired_models_are_unloaded_but_not_busy_or_eternal_ones(tmp_path: Path) -> None:
    async def scenario() -> None:
        residents = Residents(tmp_path, EchoLoader())
        async with residents.lease(MODEL, 512, keep_alive_s=0.01):
            await residents.unload_expired()
            assert len(residents.loaded()) == 1
        await asyncio.sleep(0.03)
        await residents.unload_expired()
        assert residents.loaded() == []
        await use(residents, 512, keep_alive_s=math.inf)
        await residents.unload_expired()
        assert len(residents.loaded()) == 1
        await residents.close()
        assert residents.loaded() == []

    asyncio.run(scenario())


def test_one_request_at_a_time_in_order(tmp_path: Path) -> None:
    async def scenario() -> list[int]:
        residents = Residents(tmp_path, EchoLoader())
        order: list[int] = []
        inside = 0

        async def request(number: int) -> None:
            nonlocal inside
            async with residents.lease(MODEL, 512, keep_alive_s=60):
                inside += 1
                assert inside == 1
                await asyncio.sleep(0.01)
                order.append(number)
                inside -= 1

        await asyncio.gather(*(request(n) for n in range(5)))
        return order

    assert asyncio.run(scenario()) == [0, 1, 2, 3, 4]


def test_request_that_gives_up_waiting_leaves_the_queue(tmp_path: Path) -> None:
    async def scenario() -> None:
        residents = Residents(tmp_path, EchoLoader())
        async with residents.lease(MODEL, 512, keep_alive_s=60):
            waiting = asyncio.create_task(use(residents, 512))
            await asyncio.sleep(0)
            waiting.cancel()
        await asyncio.wait_for(use(residents, 512), 5)

    asyncio.run(scenario())


def test_failed_load_leaves_nothing_behind(tmp_path: Path) -> None:
    def fail(*_: object) -> EchoLoader:
        raise ApiError(500, "llama.cpp cannot load model.gguf")

    async def scenario() -> None:
        residents = Residents(tmp_path, fail)  # type: ignore[arg-type]
        for _ in range(2):
            with pytest.raises(ApiError):
                await use(residents, 512)
        assert residents.loaded() == []

    asyncio.run(scenario())


@pytest.mark.models
def test_damaged_model_is_an_error(tmp_path: Path) -> None:
    model: CatalogModel = MODEL
    path = model.paths(tmp_path)[0]
    path.parent.mkdir(parents=True)
    path.write_bytes(b"GGUF" + b"\0" * 1000)
    with pytest.raises(ApiError, match=r"cannot load model\.gguf"):
        load_runner(model, tmp_path, 512)
