from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from http.server import BaseHTTPRequestHandler
from typing import Any

import httpx
import numpy as np
import ollama
import pytest

from workbench.errors import (
    DownloadError,
    InvalidReply,
    ModelError,
    ModelNotFound,
    ModelTimeout,
    ModelUnavailable,
)
from workbench.models.messages import ChatRequest, Endpoint
from workbench.models.ollama import OllamaServer

from .conftest import ScriptedServer, answer_bytes, answer_json

REQUEST = ChatRequest(
    "m:1b", "Be brief.", "Hello?", {"type": "object"}, 7, "v1", temperature=0.5, seed=3, stop=("#",)
)
LAST = {"done": True, "done_reason": "stop", "prompt_eval_count": 5, "eval_count": 2}


@pytest.fixture
def server(scripted_server: ScriptedServer) -> Iterator[OllamaServer]:
    found = Endpoint(scripted_server.address)
    with closing(OllamaServer(lambda: found, timeout_s=0.5)) as it:
        yield it


def chat_lines(*events: dict[str, Any]) -> bytes:
    return b"".join(json.dumps({"model": "m", **event}).encode() + b"\n" for event in events)


def said(text: str) -> dict[str, Any]:
    return {"message": {"role": "assistant", "content": text}, "done": False}


def final() -> dict[str, Any]:
    return {**said(""), **LAST}


def test_stream_sends_every_parameter(
    scripted_server: ScriptedServer, server: OllamaServer
) -> None:
    scripted_server.answers["/api/chat"] = lambda h, _: answer_bytes(
        h, chat_lines(said("Hel"), said("lo"), final())
    )
    pieces = list(server.stream(REQUEST, 2048))
    assert "".join(piece.text for piece in pieces) == "Hello"
    assert (pieces[-1].done_reason, pieces[-1].prompt_tokens, pieces[-1].output_tokens) == (
        "stop",
        5,
        2,
    )
    (_, body) = scripted_server.requests[0]
    assert body["model"] == "m:1b"
    assert body["format"] == {"type": "object"}
    assert body["options"] == {
        "num_ctx": 2048,
        "num_predict": 7,
        "temperature": 0.5,
        "seed": 3,
        "stop": ["#"],
    }
    assert [message["role"] for message in body["messages"]] == ["system", "user"]


def test_list_and_embed(scripted_server: ScriptedServer, server: OllamaServer) -> None:
    listed = {"model": "a:latest", "digest": "sha256:ab", "size": 5, "details": {"family": "bert"}}
    scripted_server.answers["/api/tags"] = lambda h, _: answer_json(h, {"models": [listed]})
    scripted_server.answers["/api/embed"] = lambda h, body: answer_json(
        h, {"embeddings": [[1.0, 2.0]] * len(body["input"])}
    )
    (info,) = server.models()
    assert (info.name, info.digest, info.size, info.family) == ("a:latest", "ab", 5, "bert")
    vectors = server.embed("a", ["x", "y", "z"])
    assert vectors.shape == (3, 2)
    assert vectors.dtype == np.float32


@pytest.mark.parametrize(
    "rows", [[], [[1.0]], [[1.0], [2.0], [3.0]], [[1.0, 2.0], [1.0]], [[], []], [[1.0], ["x"]]]
)
def test_vectors_that_do_not_fit_the_texts(
    scripted_server: ScriptedServer, server: OllamaServer, rows: Any
) -> None:
    scripted_server.answers["/api/embed"] = lambda h, _: answer_json(h, {"embeddings": rows})
    with pytest.raises(InvalidReply):
        server.embed("a", ["x", "y"])


@pytest.mark.parametrize(
    "content",
    [
        b"<html>It works!</html>",
        b"[]",
        b'"text"',
        b"{}",
        b"\xff\xfe",
        b'{"models": 3, "embeddings": 3, "message": 3}',
        b"",
    ],
)
@pytest.mark.parametrize("path", ["/api/chat", "/api/tags", "/api/embed"])
def test_server_that_speaks_something_else(
    scripted_server: ScriptedServer, server: OllamaServer, path: str, content: bytes
) -> None:
    scripted_server.answers[path] = lambda h, _: answer_bytes(h, content)
    with pytest.raises(InvalidReply):
        call(server, path)


def call(server: OllamaServer, path: str) -> object:
    if path == "/api/chat":
        return list(server.stream(REQUEST, 512))
    return server.models() if path == "/api/tags" else server.embed("a", ["x"])


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (404, 'model "m:1b" not found', ModelNotFound),
        (400, "the input length exceeds the context length", InvalidReply),
        (400, "invalid format", InvalidReply),
        (500, "out of memory", InvalidReply),
        (403, "forbidden", ModelUnavailable),
        (503, "server busy", ModelUnavailable),
    ],
)
@pytest.mark.parametrize("path", ["/api/chat", "/api/embed"])
def test_error_statuses(
    scripted_server: ScriptedServer,
    server: OllamaServer,
    path: str,
    status: int,
    message: str,
    kind: type[ModelError],
) -> None:
    scripted_server.answers[path] = lambda h, _: answer_json(h, {"error": message}, status)
    with pytest.raises(kind):
        call(server, path)


def test_a_damaged_model_says_how_to_mend_it(scripted_server: ScriptedServer) -> None:
    why = "llama.cpp cannot load model.gguf"
    scripted_server.answers["/api/chat"] = lambda h, _: answer_json(h, {"error": why}, 500)
    find = partial(Endpoint, scripted_server.address, embedded=True)
    with (
        closing(OllamaServer(find, timeout_s=1)) as server,
        pytest.raises(InvalidReply, match="`workbench models pull m:1b`"),
    ):
        call(server, "/api/chat")


def test_unknown_model_says_how_to_get_it(scripted_server: ScriptedServer) -> None:
    scripted_server.answers["/api/chat"] = lambda h, _: answer_json(h, {"error": "no"}, 404)
    for embedded, step in ((False, "`ollama pull m:1b`"), (True, "`workbench models pull m:1b`")):
        find = partial(Endpoint, scripted_server.address, embedded=embedded)
        with (
            closing(OllamaServer(find, timeout_s=1)) as server,
            pytest.raises(ModelNotFound) as caught,
        ):
            list(server.stream(REQUEST, 512))
        assert step in caught.value.next_step


def test_error_in_the_middle_of_a_stream(
    scripted_server: ScriptedServer, server: OllamaServer
) -> None:
    scripted_server.answers["/api/chat"] = lambda h, _: answer_bytes(
        h, chat_lines(said("Hel")) + b'{"error": "out of memory"}\n'
    )
    pieces = server.stream(REQUEST, 512)
    assert next(pieces).text == "Hel"
    with pytest.raises(InvalidReply, match="out of memory"):
        next(pieces)


def test_stream_that_breaks_off(scripted_server: ScriptedServer, server: OllamaServer) -> None:
    scripted_server.answers["/api/chat"] = lambda h, _: answer_bytes(h, chat_lines(said("Hel")))
    with pytest.raises(InvalidReply, match="broke off"):
        list(server.stream(REQUEST, 512))


def test_connection_lost_in_the_middle_is_not_retried(
    scripted_server: ScriptedServer, server: OllamaServer
) -> None:
    def cut(handler: BaseHTTPRequestHandler, _: Any) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "10000")
        handler.end_headers()
        handler.wfile.write(chat_lines(said("Hel")))
        handler.close_connection = True

    scripted_server.answers["/api/chat"] = cut
    pieces = server.stream(REQUEST, 512)
    assert next(pieces).text == "Hel"
    with pytest.raises(ModelUnavailable):
        next(pieces)
    assert len(scripted_server.requests) == 1


@pytest.mark.parametrize("path", ["/api/chat", "/api/tags", "/api/embed"])
def test_silent_server(scripted_server: ScriptedServer, server: OllamaServer, path: str) -> None:
    released = threading.Event()
    scripted_server.answers[path] = lambda *_: released.wait(10)  # type: ignore[assignment]
    started_s = time.monotonic()
    try:
        with pytest.raises(ModelTimeout, match=r"0\.5 s"):
            call(server, path)
    finally:
        released.set()
    assert time.monotonic() - started_s < 5


def test_nobody_listens() -> None:
    with closing(OllamaServer(lambda: Endpoint("127.0.0.1:1"), timeout_s=1)) as server:
        for path in ("/api/chat", "/api/tags", "/api/embed"):
            with pytest.raises(ModelUnavailable, match=r"127\.0\.0\.1:1"):
                call(server, path)


@pytest.mark.parametrize("address", ["127.0.0.1:port", "http://[::1", "ftp://127.0.0.1:1"])
def test_address_that_is_none(address: str) -> None:
    with (
        closing(OllamaServer(lambda: Endpoint(address), timeout_s=1)) as server,
        pytest.raises(ModelUnavailable),
    ):
        server.models()


@pytest.mark.parametrize("scheme", ["http://", ""])
def test_no_proxy_stands_between_this_machine_and_itself(
    scripted_server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    scripted_server.answers["/api/tags"] = lambda h, _: answer_json(h, {"models": []})
    address = scheme + scripted_server.address.removeprefix("http://")
    with closing(OllamaServer(lambda: Endpoint(address), timeout_s=1)) as server:
        assert server.models() == []


def test_lost_server_is_looked_for_again(scripted_server: ScriptedServer) -> None:
    scripted_server.answers["/api/tags"] = lambda h, _: answer_json(h, {"models": []})
    places = iter([Endpoint("127.0.0.1:1"), Endpoint(scripted_server.address)])
    with closing(OllamaServer(lambda: next(places), timeout_s=1)) as server:
        assert server.models() == []


def test_new_key_is_looked_for_after_401(scripted_server: ScriptedServer) -> None:
    def guarded(handler: BaseHTTPRequestHandler, _: Any) -> None:
        known = handler.headers["Authorization"] == "Bearer new"
        answer_json(handler, {"models": []} if known else {"error": "no"}, 200 if known else 401)

    scripted_server.answers["/api/tags"] = guarded
    places = iter([Endpoint(scripted_server.address, key) for key in ("old", "new", "none")])
    with closing(OllamaServer(lambda: next(places), timeout_s=1)) as server:
        assert server.models() == []
    with (
        closing(OllamaServer(lambda: Endpoint(scripted_server.address), timeout_s=1)) as server,
        pytest.raises(ModelUnavailable),
    ):
        server.models()


def test_closing_a_stream_closes_the_connection(
    scripted_server: ScriptedServer, server: OllamaServer
) -> None:
    broken = threading.Event()

    def endless(handler: BaseHTTPRequestHandler, _: Any) -> None:
        handler.send_response(200)
        handler.end_headers()
        try:
            while True:
                handler.wfile.write(chat_lines(said("x")))
                time.sleep(0.01)
        except OSError:
            broken.set()

    scripted_server.answers["/api/chat"] = endless
    pieces = server.stream(REQUEST, 512)
    assert next(pieces).text == "x"
    pieces.close()  # type: ignore[attr-defined]
    assert broken.wait(5)


def test_pull_tells_progress(scripted_server: ScriptedServer, server: OllamaServer) -> None:
    lines = b'{"status": "pulling", "completed": 1, "total": 2}\n{"status": "success"}\n'
    scripted_server.answers["/api/pull"] = lambda h, _: answer_bytes(h, lines)
    seen: list[tuple[str, int, int]] = []
    server.pull("m", progress=lambda p: seen.append((p.status, p.done_bytes, p.total_bytes)))
    assert seen == [("pulling", 1, 2), ("success", 0, 0)]
    scripted_server.answers["/api/pull"] = lambda h, _: answer_bytes(h, b'{"error": "no such"}\n')
    with pytest.raises(DownloadError, match="no such"):
        server.pull("m", progress=lambda _: None)


def _foreign() -> list[Exception]:
    transport = [
        kind("boom")
        for kind in vars(httpx).values()
        if isinstance(kind, type) and issubclass(kind, httpx.RequestError)
    ]
    return [*transport, ollama.ResponseError("boom", 500), ConnectionError("boom"), ValueError()]


@pytest.mark.parametrize("error", _foreign(), ids=lambda error: type(error).__name__)
def test_no_foreign_exception_escapes(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(ollama.Client, "list", fail)
    with (
        closing(OllamaServer(lambda: Endpoint("127.0.0.1:1"), timeout_s=1)) as server,
        pytest.raises(ModelError),
    ):
        server.models()
