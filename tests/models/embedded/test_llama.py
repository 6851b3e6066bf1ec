from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from workbench.models.catalog import load_catalog
from workbench.models.embedded.llama import LlamaModel, Piece, _api_error, thread_count
from workbench.models.embedded.replies import ApiError

pytestmark = pytest.mark.models
HELLO = {"messages": [{"role": "user", "content": "Count from 1 to 9."}], "temperature": 0}


def with_model(path: Path, work: Callable[[LlamaModel], Awaitable[None]]) -> None:
    async def run() -> None:
        model = LlamaModel(path, num_ctx=1024)
        try:
            await work(model)
        finally:
            await model.close()

    asyncio.run(run())


@pytest.fixture
def path(real_models: Path) -> Path:
    return load_catalog().get("light").paths(real_models)[0]


async def reply(model: LlamaModel, body: dict[str, Any], num_ctx: int = 1024) -> list[Piece]:
    return [piece async for piece in model.chat({"max_tokens": 20, **body}, num_ctx)]


def test_chat_completion_and_prefix_cache(path: Path) -> None:
    async def work(model: LlamaModel) -> None:
        pieces = await reply(model, HELLO)
        assert "1" in "".join(piece.text for piece in pieces)
        assert pieces[-1].prompt_tokens > 30
        assert 0 < pieces[-1].output_tokens <= 20
        long = "The river is long. " * 60
        first = await reply(model, {"messages": [{"role": "user", "content": long + "A?"}]})
        again = await reply(model, {"messages": [{"role": "user", "content": long + "B?"}]})
        assert again[-1].prompt_tokens == first[-1].prompt_tokens
        assert again[-1].prompt_ns < first[-1].prompt_ns / 3
        raw = await reply(model, {"prompt": "1, 2, 3, 4,", "temperature": 0})
        assert "5" in "".join(piece.text for piece in raw)

    with_model(path, work)


def test_prompts_that_do_not_fit(path: Path) -> None:
    async def work(model: LlamaModel) -> None:
        long = {"messages": [{"role": "user", "content": "word " * 2000}]}
        with pytest.raises(ApiError, match="exceeds the context length of 1024"):
            await reply(model, long)
        middle = {"messages": [{"role": "user", "content": "word " * 600}]}
        for body in (middle, {"prompt": "word " * 600}):
            with pytest.raises(ApiError, match="exceeds the context length of 512"):
                await reply(model, body, num_ctx=512)

    with_model(path, work)


def test_small_context_bounds_the_reply(path: Path) -> None:
    async def work(model: LlamaModel) -> None:
        content = "word " * 480 + "Write a very long poem."
        body = {"messages": [{"role": "user", "content": content}], "max_tokens": -1}
        pieces = await reply(model, body, num_ctx=530)
        assert pieces[-1].done_reason == "length"
        assert pieces[-1].prompt_tokens + pieces[-1].output_tokens <= 530

    with_model(path, work)


def test_errors_of_the_engine_are_told() -> None:
    too_long = {"type": "exceed_context_size_error", "n_prompt_tokens": 9, "n_ctx": 5}
    assert "9 tokens and exceeds the context length of 5" in _api_error(too_long).message
    assert _api_error({"code": 503, "message": "busy"}).status == 503
    assert _api_error({}).status == 500


def test_left_reply_stops_within_a_batch(path: Path) -> None:
    async def work(model: LlamaModel) -> None:
        body = {"messages": [{"role": "user", "content": "word " * 600}], "max_tokens": 2}
        started_s = time.monotonic()
        whole = await reply(model, body)
        whole_s = time.monotonic() - started_s
        assert whole[-1].prompt_tokens > 600
        body["messages"] = [{"role": "user", "content": "other " * 600}]
        started_s = time.monotonic()
        with anyio.move_on_after(whole_s / 20):
            await reply(model, body)
        assert time.monotonic() - started_s < whole_s / 2

    with_model(path, work)


def test_bad_schema_is_refused(path: Path) -> None:
    async def work(model: LlamaModel) -> None:
        schema = {"type": "json_schema", "json_schema": {"schema": {"type": "objekt"}}}
        with pytest.raises(ApiError, match="objekt") as caught:
            await reply(model, {**HELLO, "response_format": schema})
        assert caught.value.status == 400

    with_model(path, work)


def test_threads_are_cores() -> None:
    assert 1 <= thread_count() <= (os.cpu_count() or 1)
