"""``/api/chat`` and ``/api/generate``: from Ollama's request to the engine's and back."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any

from workbench.models.catalog import CatalogModel
from workbench.models.embedded.bodies import ChatBody, GenerateBody, Options
from workbench.models.embedded.details import now
from workbench.models.embedded.llama import LlamaModel, Piece
from workbench.models.embedded.replies import ApiError, Event
from workbench.models.embedded.residents import Residents

_NO_SEED = -1


async def chat_events(
    residents: Residents, model: CatalogModel, body: ChatBody
) -> AsyncGenerator[Event]:
    """The events of ``/api/chat``; without messages the model is only loaded or unloaded."""
    _refuse_unsupported(model, body, "chat")
    if body.tools:
        raise ApiError(400, f'"{body.wanted}" does not support tools')
    if any(message.images for message in body.messages):
        raise ApiError(400, f'"{body.wanted}" does not support images')

    def wrap(text: str) -> Event:
        return {"message": {"role": "assistant", "content": text}}

    request: dict[str, Any] | None = None
    if body.messages:
        request = {"messages": [m.model_dump(include={"role", "content"}) for m in body.messages]}
    async with aclosing(_run(residents, model, body, request)) as pieces:
        async for piece, extra in pieces:
            yield _event(body.wanted, wrap(piece.text), piece, extra)


async def generate_events(
    residents: Residents, model: CatalogModel, body: GenerateBody
) -> AsyncGenerator[Event]:
    """The events of ``/api/generate``; without a prompt the model is only loaded or unloaded."""
    _refuse_unsupported(model, body, "generate")
    for name in ("suffix", "template", "images"):
        if getattr(body, name):
            raise ApiError(400, f'"{body.wanted}" does not support {name}')
    request: dict[str, Any] | None = None
    if body.raw and body.prompt:
        request = {"prompt": body.prompt}
    elif body.prompt:
        system = [{"role": "system", "content": body.system}] if body.system else []
        request = {"messages": [*system, {"role": "user", "content": body.prompt}]}
    async with aclosing(_run(residents, model, body, request)) as pieces:
        async for piece, extra in pieces:
            yield _event(body.wanted, {"response": piece.text}, piece, extra)


def join_chat(events: list[Event]) -> Mapping[str, Any]:
    """One object for a chat that is not streamed."""
    text = "".join(event["message"]["content"] for event in events)
    return {**_joined(events), "message": {"role": "assistant", "content": text}}


def join_generate(events: list[Event]) -> Mapping[str, Any]:
    """One object for a generation that is not streamed."""
    return {**_joined(events), "response": "".join(event["response"] for event in events)}


def _joined(events: list[Event]) -> dict[str, Any]:
    logprobs = [each for event in events for each in event.get("logprobs", ())]
    return {**events[-1], **({"logprobs": logprobs} if logprobs else {})}


async def _run(
    residents: Residents,
    model: CatalogModel,
    body: ChatBody | GenerateBody,
    request: dict[str, Any] | None,
) -> AsyncGenerator[tuple[Piece, Event]]:
    started_ns = time.monotonic_ns()
    if request is None and body.keep_alive <= 0:
        await residents.unload(model)
        yield Piece("", done_reason="unload"), {}
        return
    num_ctx = min(body.options.num_ctx, model.context_length)
    async with residents.lease(model, num_ctx, keep_alive_s=body.keep_alive) as lease:
        if request is None or not isinstance(lease.runner, LlamaModel):
            yield Piece("", done_reason="load"), {}
            return
        call = {
            **request,
            **_engine_options(body.options),
            **_engine_format(body.format),
            **_engine_logprobs(body, chat="messages" in request),
        }
        async with aclosing(lease.runner.chat(call, num_ctx)) as pieces:
            async for piece in pieces:
                total_ns = time.monotonic_ns() - started_ns
                yield piece, {"total_duration": total_ns, "load_duration": lease.load_ns}


def _event(name: str, content: Event, piece: Piece, times: Event) -> Event:
    event = {"model": name, "created_at": now(), **content, "done": piece.done_reason is not None}
    if piece.logprobs:
        event["logprobs"] = list(piece.logprobs)
    if piece.done_reason is None:
        return event
    counts = {
        "prompt_eval_count": piece.prompt_tokens,
        "prompt_eval_duration": piece.prompt_ns,
        "eval_count": piece.output_tokens,
        "eval_duration": piece.output_ns,
    }
    return {**event, "done_reason": piece.done_reason, **times, **(counts if times else {})}


def _refuse_unsupported(model: CatalogModel, body: ChatBody | GenerateBody, verb: str) -> None:
    if model.kind != "chat":
        raise ApiError(400, f'"{body.wanted}" does not support {verb}')
    if body.think:
        raise ApiError(400, f'"{body.wanted}" does not support thinking')


def _engine_options(options: Options) -> dict[str, Any]:
    return {
        "max_tokens": options.num_predict if options.num_predict >= 0 else -1,
        "temperature": options.temperature,
        "top_p": options.top_p,
        "top_k": options.top_k,
        "min_p": options.min_p,
        "seed": _NO_SEED if options.seed is None else options.seed,
        "stop": list(options.stop),
        "cache_prompt": True,
        **options.model_dump(
            include={"repeat_penalty", "presence_penalty", "frequency_penalty"}, exclude_none=True
        ),
    }


def _engine_logprobs(body: ChatBody | GenerateBody, *, chat: bool) -> dict[str, Any]:
    if not body.logprobs:
        return {}
    # The two calls of the engine word it in OpenAI's two ways.
    return (
        {"logprobs": True, "top_logprobs": body.top_logprobs}
        if chat
        else {"logprobs": max(1, body.top_logprobs)}
    )


def _engine_format(wanted: str | dict[str, Any] | None) -> dict[str, Any]:
    if not wanted:
        return {}
    if wanted == "json":
        return {"response_format": {"type": "json_object"}}
    schema = {"type": "json_schema", "json_schema": {"name": "reply", "schema": wanted}}
    return {"response_format": schema}
