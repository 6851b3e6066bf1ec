"""A chat model in memory: llama.cpp through ``xllamacpp``, in this process.

Generation goes through calls in the process, which cost far less than a second HTTP hop. The
engine also opens a port of its own, on loopback and with a random key; it is used only to count
tokens, which has no call.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import threading
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import httpx
import psutil

from workbench.models.embedded.replies import ApiError

_CACHE_RAM_MIB = 256
# A request can be cancelled between two batches; larger ones were not faster.
_BATCH_TOKENS = 128
_ERRORS_ONLY = 1
_COUNT_TIMEOUT_S = 60


@dataclass(frozen=True, slots=True)
class Piece:
    """Some text of a reply. The last piece has a ``done_reason`` and the counts; times in ns.

    ``logprobs`` has one entry per token of the text where they were asked for, as Ollama words it.
    """

    text: str
    done_reason: str | None = None
    prompt_tokens: int = 0
    output_tokens: int = 0
    prompt_ns: int = 0
    output_ns: int = 0
    logprobs: tuple[dict[str, Any], ...] = ()


class LlamaModel:
    """One loaded GGUF file with a context of ``num_ctx`` tokens."""

    def __init__(self, path: Path, *, num_ctx: int) -> None:
        """Loads the file; takes seconds.

        Raises:
            ApiError: if llama.cpp cannot load it.
        """
        # Spinning OpenMP threads starve each other on a busy machine: 1 instead of 40 tokens/s.
        os.environ.setdefault("OMP_WAIT_POLICY", "passive")
        import xllamacpp

        key = secrets.token_hex(16)
        try:
            self._server = xllamacpp.Server(engine_parameters(path, num_ctx=num_ctx, key=key))
        except RuntimeError as error:
            raise ApiError(500, f"llama.cpp cannot load {path.name}: {error}") from error
        self.num_ctx = num_ctx
        self._http = httpx.AsyncClient(
            base_url=self._server.listening_address,
            headers={"authorization": f"Bearer {key}"},
            timeout=_COUNT_TIMEOUT_S,
            trust_env=False,
        )

    async def close(self) -> None:
        """Free the memory."""
        await self._http.aclose()
        del self._server

    async def chat(self, body: dict[str, Any], num_ctx: int) -> AsyncGenerator[Piece]:
        """Stream the reply to ``body["messages"]``, or to ``body["prompt"]`` taken as it is.

        Raises:
            ApiError: 400 if the prompt does not fit into ``num_ctx`` tokens.
        """
        if num_ctx < self.num_ctx:
            body = await self._capped(body, num_ctx)
        reason = "stop"
        async with aclosing(self._events(body)) as events:
            async for event in events:
                if "error" in event:
                    raise _api_error(event["error"])
                for choice in event["choices"]:
                    reason = choice.get("finish_reason") or reason
                    text = choice.get("text") or choice.get("delta", {}).get("content")
                    if text:
                        yield Piece(text, logprobs=_logprobs(choice))
                if usage := event.get("usage"):
                    yield _last_piece(reason, usage, event.get("timings", {}))

    async def _events(self, body: dict[str, Any]) -> AsyncGenerator[dict[str, Any]]:
        # Progress events come once per batch of the prompt, and each event is a chance to stop.
        request = {**body, "stream": True, "return_progress": True}
        request["stream_options"] = {"include_usage": True}
        handle = (
            self._server.handle_chat_completions
            if "messages" in body
            else self._server.handle_completions
        )
        queue: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        loop = asyncio.get_running_loop()
        stopped = threading.Event()

        def on_event(event: dict[str, Any]) -> bool:
            loop.call_soon_threadsafe(queue.put_nowait, event)
            return stopped.is_set()

        def work() -> None:
            try:
                handle(request, on_event)
            except ValueError as error:
                on_event({"error": {"code": 400, "message": str(error)}})
            except RuntimeError as error:
                on_event({"error": {"code": 500, "message": str(error)}})
            finally:
                loop.call_soon_threadsafe(queue.put_nowait, None)

        thread = asyncio.create_task(asyncio.to_thread(work))
        try:
            while (event := await queue.get()) is not None:
                yield event
        finally:
            stopped.set()
            # The model must not be unloaded or asked again before the engine has let go of it.
            with anyio.CancelScope(shield=True):
                await thread

    async def _capped(self, body: dict[str, Any], num_ctx: int) -> dict[str, Any]:
        # A context that was loaded larger must not hide that the asked one is too small.
        prompt = body.get("prompt")
        if prompt is None:
            answer = await self._post("/apply-template", {"messages": body["messages"]})
            prompt = answer["prompt"]
        tokens = await self._post("/tokenize", {"content": prompt, "parse_special": True})
        count = len(tokens["tokens"])
        if count >= num_ctx:
            raise _too_long(count, num_ctx)
        asked = body["max_tokens"]
        room = num_ctx - count
        return {**body, "max_tokens": room if asked < 0 else min(asked, room)}

    async def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        response = await self._http.post(path, json=body)
        answer: dict[str, Any] = response.json()
        if "error" in answer:
            raise _api_error(answer["error"])
        return answer


def engine_parameters(path: Path, *, num_ctx: int, key: str) -> Any:
    """The ``xllamacpp.CommonParams`` for one reader at a time and a port for ``key`` holders."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.n_ctx = num_ctx
    params.n_parallel = 1
    params.n_batch = params.n_ubatch = _BATCH_TOKENS
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = thread_count()
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.api_keys = [key]
    params.ui = False
    params.endpoint_slots = False
    params.cors_origins = ""
    params.cache_ram_mib = _CACHE_RAM_MIB
    params.verbosity = _ERRORS_ONLY
    return params


def thread_count() -> int:
    """Physical cores that this process may use."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    physical = psutil.cpu_count(logical=False) or os.cpu_count() or 1
    return min(physical, allowed or physical)


def _logprobs(choice: dict[str, Any]) -> tuple[dict[str, Any], ...]:
    told = (choice.get("logprobs") or {}).get("content") or ()
    return tuple(
        {**_token(each), "top_logprobs": [_token(top) for top in each["top_logprobs"]]}
        for each in told
    )


def _token(told: dict[str, Any]) -> dict[str, Any]:
    return {"token": told["token"], "logprob": told["logprob"]}


def _last_piece(reason: str, usage: dict[str, Any], timings: dict[str, Any]) -> Piece:
    return Piece(
        "",
        done_reason=reason,
        prompt_tokens=usage["prompt_tokens"],
        output_tokens=usage["completion_tokens"],
        prompt_ns=int(timings.get("prompt_ms", 0) * 1e6),
        output_ns=int(timings.get("predicted_ms", 0) * 1e6),
    )


def _too_long(tokens: int, num_ctx: int) -> ApiError:
    return ApiError(
        400,
        f"the prompt has {tokens} tokens and exceeds the context length of {num_ctx}: "
        "shorten it or raise options.num_ctx",
    )


def _api_error(error: dict[str, Any]) -> ApiError:
    if error.get("type") == "exceed_context_size_error":
        return _too_long(error["n_prompt_tokens"], error["n_ctx"])
    return ApiError(int(error.get("code", 500)), str(error.get("message", "llama.cpp failed")))
