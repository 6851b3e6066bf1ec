"""Replies as Ollama gives them: newline-delimited JSON or one JSON object, and errors."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import Any

import anyio
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

Event = dict[str, Any]


class ApiError(Exception):
    """Becomes ``{"error": message}`` with ``status``."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def error_response(status: int, message: str) -> JSONResponse:
    """An error in Ollama's form."""
    return JSONResponse({"error": message}, status_code=status)


class EventReply:
    """Sends events as they come, or joined into one; stops the work when the client goes away.

    ``join`` makes the single object from all events. The events are an async generator, whose
    ``finally`` blocks run at once when the client disconnects.
    """

    def __init__(
        self,
        events: AsyncGenerator[Event],
        *,
        stream: bool,
        join: Callable[[list[Event]], Mapping[str, Any]],
    ) -> None:
        self._events = events
        self._stream = stream
        self._join = join

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the reply (ASGI)."""
        async with anyio.create_task_group() as group:

            async def cancel_on_disconnect() -> None:
                while (await receive())["type"] != "http.disconnect":
                    continue
                group.cancel_scope.cancel()

            group.start_soon(cancel_on_disconnect)
            async with aclosing(self._events) as events:
                if self._stream:
                    await self._send_lines(events, send)
                else:
                    await self._send_joined(events, scope, receive, send)
            group.cancel_scope.cancel()

    async def _send_joined(
        self, events: AsyncGenerator[Event], scope: Scope, receive: Receive, send: Send
    ) -> None:
        try:
            response = JSONResponse(self._join([event async for event in events]))
        except ApiError as error:
            response = error_response(error.status, error.message)
        await response(scope, receive, send)

    async def _send_lines(self, events: AsyncGenerator[Event], send: Send) -> None:
        started = False
        try:
            async for event in events:
                if not started:
                    await _start(send, 200, b"application/x-ndjson")
                    started = True
                await _line(send, event)
        except ApiError as error:
            # Once a line is out the status is fixed, so the error becomes a line, as in Ollama.
            if not started:
                await _start(send, error.status, b"application/json")
            await _line(send, {"error": error.message})
        await send({"type": "http.response.body", "body": b""})


async def _start(send: Send, status: int, media_type: bytes) -> None:
    headers = [(b"content-type", media_type)]
    await send({"type": "http.response.start", "status": status, "headers": headers})


async def _line(send: Send, event: Event) -> None:
    body = json.dumps(event, ensure_ascii=False).encode() + b"\n"
    await send({"type": "http.response.body", "body": body, "more_body": True})
