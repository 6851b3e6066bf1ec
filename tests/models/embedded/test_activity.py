from __future__ import annotations

import time

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from workbench.models.embedded.activity import Activity, KeyRequired, Watched


async def hello(_: Request) -> PlainTextResponse:
    return PlainTextResponse("hello")


def app(*middleware: Middleware) -> TestClient:
    routes = [Route("/api/tags", hello), Route("/api/version", hello)]
    return TestClient(Starlette(routes=routes, middleware=list(middleware)))


def test_idle_time_counts_from_the_last_request() -> None:
    activity = Activity()
    time.sleep(0.02)
    assert activity.idle_s >= 0.02
    activity.begin()
    activity.begin()
    activity.end()
    assert activity.idle_s == 0
    activity.end()
    assert activity.idle_s < 0.02


def test_only_work_counts_as_activity() -> None:
    activity = Activity()
    client = app(Middleware(Watched, activity=activity))
    time.sleep(0.1)
    client.get("/api/version")
    assert activity.idle_s >= 0.1
    client.get("/api/tags")
    assert activity.idle_s < 0.1


def test_key_is_required() -> None:
    client = app(Middleware(KeyRequired, key="secret"))
    for header in ("", "Bearer", "Bearer wrong", "secret", "Basic secret"):
        response = client.get("/api/tags", headers={"authorization": header})
        assert (response.status_code, response.json()) == (401, {"error": "unauthorized"})
    assert client.get("/api/tags").status_code == 401
    assert client.get("/api/tags", headers={"authorization": "Bearer secret"}).text == "hello"
