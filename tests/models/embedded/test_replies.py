from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from workbench.models.embedded.replies import ApiError, Event, EventReply


class Client:
    """The other end of an ASGI connection; ``leave`` makes it go away."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.gone = asyncio.Event()

    async def receive(self) -> dict[str, Any]:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        self.sent.append(dict(message))

    @property
    def status(self) -> int:
        return int(self.sent[0]["status"])

    @property
    def lines(self) -> list[Any]:
        body = b"".join(message.get("body", b"") for message in self.sent[1:])
        return [json.loads(line) for line in body.splitlines()]


async def two_events() -> AsyncGenerator[Event]:
    yield {"n": 1}
    yield {"n": 2}


async def fails_at_once() -> AsyncGenerator[Event]:
    raise ApiError(404, "no such model")
    yield {}


async def fails_later() -> AsyncGenerator[Event]:
    yield {"n": 1}
    raise ApiError(500, "out of memory")


async def run(events: AsyncGenerator[Event], *, stream: bool, client: Client) -> Client:
    reply = EventReply(events, stream=stream, join=lambda all_events: {"all": all_events})
    await reply({"type": "http"}, client.receive, client.send)
    return client


async def answer(events: AsyncGenerator[Event], *, stream: bool) -> tuple[int, list[Any]]:
    client = await run(events, stream=stream, client=Client())
    return client.status, client.lines


@pytest.mark.parametrize(
    ("events", "stream", "expected"),
    [
        (two_events, True, (200, [{"n": 1}, {"n": 2}])),
        (two_events, False, (200, [{"all": [{"n": 1}, {"n": 2}]}])),
        (fails_at_once, True, (404, [{"error": "no such model"}])),
        (fails_at_once, False, (404, [{"error": "no such model"}])),
        (fails_later, True, (200, [{"n": 1}, {"error": "out of memory"}])),
        (fails_later, False, (500, [{"error": "out of memory"}])),
    ],
)
def test_replies(events: Any, stream: bool, expected: tuple[int, list[Any]]) -> None:
    assert asyncio.run(answer(events(), stream=stream)) == expected


@pytest.mark.parametrize("stream", [True, False])
def test_work_stops_when_the_client_goes_away(stream: bool) -> None:
    stopped: list[str] = []

    async def endless() -> AsyncGenerator[Event]:
        try:
            yield {"n": 1}
            await asyncio.sleep(60)
        finally:
            stopped.append("stopped")

    async def leave() -> None:
        client = Client()
        task = asyncio.create_task(run(endless(), stream=stream, client=client))
        await asyncio.sleep(0.05)
        assert stopped == []
        client.gone.set()
        await asyncio.wait_for(task, 5)

    asyncio.run(leave())
    assert stopped == ["stopped"]
