from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from workbench.models.catalog import load_catalog
from workbench.models.embedded.bodies import ChatBody, GenerateBody
from workbench.models.embedded.generation import (
    chat_events,
    generate_events,
    join_chat,
    join_generate,
)
from workbench.models.embedded.replies import ApiError
from workbench.models.embedded.residents import Residents

from .conftest import EchoLoader

LIGHT = load_catalog().get("light")
HELLO = [{"role": "user", "content": "hello"}]


def chat(tmp_path: Path, **body: Any) -> tuple[list[dict[str, Any]], EchoLoader]:
    loader = EchoLoader()
    request = ChatBody.model_validate({"model": "light", "messages": HELLO, **body})

    async def run() -> list[dict[str, Any]]:
        return [event async for event in chat_events(Residents(tmp_path, loader), LIGHT, request)]

    return asyncio.run(run()), loader


def generate(tmp_path: Path, **body: Any) -> tuple[list[dict[str, Any]], EchoLoader]:
    loader = EchoLoader()
    request = GenerateBody.model_validate({"model": "light", **body})

    async def run() -> list[dict[str, Any]]:
        events = generate_events(Residents(tmp_path, loader), LIGHT, request)
        return [event async for event in events]

    return asyncio.run(run()), loader


def test_chat_events_carry_counts_only_at_the_end(tmp_path: Path) -> None:
    events, _ = chat(tmp_path)
    assert [event["done"] for event in events] == [False, True]
    assert "eval_count" not in events[0]
    assert events[-1]["eval_count"] == 22
    assert join_chat(events)["message"]["content"] == "HELLO "


def test_every_option_reaches_the_engine(tmp_path: Path) -> None:
    options = {
        "num_ctx": 1024,
        "num_predict": 9,
        "temperature": 0.1,
        "top_p": 0.5,
        "top_k": 3,
        "seed": 7,
        "stop": ["x"],
        "repeat_penalty": 1.2,
    }
    _, loader = chat(tmp_path, options=options)
    (call,) = loader.loaded[0].calls
    assert call["num_ctx"] == 1024
    assert call["max_tokens"] == 9
    assert (call["temperature"], call["top_p"], call["top_k"]) == (0.1, 0.5, 3)
    assert (call["seed"], call["stop"], call["repeat_penalty"]) == (7, ["x"], 1.2)
    assert call["cache_prompt"] is True
    assert "presence_penalty" not in call


@pytest.mark.parametrize("num_predict", [-1, -2])
def test_no_limit_and_no_seed(tmp_path: Path, num_predict: int) -> None:
    _, loader = chat(tmp_path, options={"num_predict": num_predict})
    assert loader.loaded[0].calls[0]["max_tokens"] == -1
    assert loader.loaded[0].calls[0]["seed"] == -1


def test_formats(tmp_path: Path) -> None:
    schema = {"type": "object"}
    for wanted, sent in (
        ("json", {"type": "json_object"}),
        (schema, {"type": "json_schema", "json_schema": {"name": "reply", "schema": schema}}),
    ):
        _, loader = chat(tmp_path, format=wanted)
        assert loader.loaded[0].calls[0]["response_format"] == sent
    _, loader = chat(tmp_path, format="")
    assert "response_format" not in loader.loaded[0].calls[0]


def test_generate_uses_the_chat_template_unless_raw(tmp_path: Path) -> None:
    events, loader = generate(tmp_path, prompt="hi you", system="Be brief.")
    assert join_generate(events)["response"] == "HI YOU "
    assert loader.loaded[0].calls[0]["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "hi you"},
    ]
    _, loader = generate(tmp_path, prompt="hi you", raw=True)
    assert loader.loaded[0].calls[0]["prompt"] == "hi you"
    assert "messages" not in loader.loaded[0].calls[0]


@pytest.mark.parametrize("field", ["suffix", "template", "images"])
def test_generate_refuses_what_it_would_have_to_ignore(tmp_path: Path, field: str) -> None:
    with pytest.raises(ApiError, match=f"does not support {field}"):
        generate(tmp_path, prompt="hi", **{field: ["x"] if field == "images" else "x"})


def test_embedding_models_do_not_chat(tmp_path: Path) -> None:
    async def run() -> None:
        body = ChatBody(model="all-minilm")
        events = chat_events(Residents(tmp_path), load_catalog().get("embedding"), body)
        async for _ in events:
            pass

    with pytest.raises(ApiError, match='"all-minilm" does not support chat'):
        asyncio.run(run())


def test_one_generation_at_a_time(tmp_path: Path) -> None:
    async def run() -> int:
        loader = EchoLoader(delay_s=0.01)
        residents = Residents(tmp_path, loader)

        async def ask() -> None:
            async for _ in chat_events(
                residents, LIGHT, ChatBody.model_validate({"messages": HELLO})
            ):
                pass

        await asyncio.gather(*(ask() for _ in range(4)))
        assert len(loader.loaded) == 1
        return loader.loaded[0].most_active

    assert asyncio.run(run()) == 1


def test_probabilities_are_asked_for_in_the_words_of_each_call(tmp_path: Path) -> None:
    _, loader = chat(tmp_path, logprobs=True, top_logprobs=5)
    assert (loader.loaded[0].calls[0]["logprobs"], loader.loaded[0].calls[0]["top_logprobs"]) == (
        True,
        5,
    )
    _, loader = generate(tmp_path, prompt="hello", raw=True, logprobs=True)
    assert loader.loaded[0].calls[0]["logprobs"] == 1
    _, loader = chat(tmp_path, logprobs=None, top_logprobs=None)
    assert "logprobs" not in loader.loaded[0].calls[0]


def test_probabilities_of_all_pieces_are_joined() -> None:
    told = [{"token": t, "logprob": -1.0, "top_logprobs": []} for t in ("a", "b")]
    events = [
        {"message": {"content": "a"}, "logprobs": told[:1]},
        {"message": {"content": "b"}, "logprobs": told[1:]},
        {"message": {"content": ""}, "done": True},
    ]
    assert join_chat(events)["logprobs"] == told
    assert "logprobs" not in join_chat(events[-1:])
