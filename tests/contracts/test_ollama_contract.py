"""What Workbench relies on in Ollama's API, asked of the embedded server and, where OLLAMA_HOST is
set, of the server there. ``WORKBENCH_CHAT_MODEL`` chooses the chat model of the latter."""

from __future__ import annotations

import asyncio
import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import ollama
import pytest

from workbench.models.catalog import full_name, load_catalog
from workbench.models.home import models_directory
from workbench.models.messages import Endpoint
from workbench.models.server import ensure_embedded, stop_embedded

pytestmark = pytest.mark.models

LIGHT = "qwen2.5-coder:0.5b"
EMBEDDING = "all-minilm"
GREEDY = {"temperature": 0, "seed": 1, "num_ctx": 2048}
SERVERS = ["embedded", *(["ollama"] if os.environ.get("OLLAMA_HOST") else [])]
CITY = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "country": {"type": "string"}},
    "required": ["city", "country"],
}


@dataclass(frozen=True)
class Target:
    """A server under contract."""

    endpoint: Endpoint
    chat: str
    client: ollama.Client

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.endpoint.key}"} if self.endpoint.key else {}

    def ask(self, text: str, **more: Any) -> Any:
        options = {**GREEDY, "num_predict": 30, **more.pop("options", {})}
        return self.client.chat(self.chat, messages=user(text), options=options, **more)


def user(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


def _embedded(home: Path) -> Iterator[Endpoint]:
    real = models_directory(os.environ)
    for name in (LIGHT, EMBEDDING):
        if not load_catalog().get(name).is_present(real):
            pytest.fail(f"run `workbench models pull {name}` first", pytrace=False)
    home.mkdir(mode=0o700)
    (home / "models").symlink_to(real)
    yield ensure_embedded(home, 300)
    stop_embedded(home)


@pytest.fixture(scope="module", params=SERVERS)
def target(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    if request.param == "ollama":
        endpoint = Endpoint(os.environ["OLLAMA_HOST"], os.environ.get("OLLAMA_API_KEY"))
        chat = os.environ.get("WORKBENCH_CHAT_MODEL", LIGHT)
        with closing(ollama.Client(endpoint.address)) as client:
            yield Target(endpoint, chat, client)
        return
    for endpoint in _embedded(tmp_path_factory.mktemp("contract") / "home"):
        headers = {"Authorization": f"Bearer {endpoint.key}"}
        with closing(ollama.Client(endpoint.address, headers=headers)) as client:
            yield Target(endpoint, LIGHT, client)


@pytest.fixture
def http(target: Target) -> Iterator[httpx.Client]:
    base = str(target.client._client.base_url)
    with httpx.Client(base_url=base, headers=target.headers, timeout=120) as client:
        yield client


def test_version(http: httpx.Client) -> None:
    assert http.get("/api/version").json()["version"]


def test_list(target: Target) -> None:
    models = {model.model: model for model in target.client.list().models}
    assert {target.chat, full_name(EMBEDDING)} <= set(models)
    entry = models[target.chat]
    assert entry.size
    assert entry.details
    assert entry.details.family
    assert len((entry.digest or "").removeprefix("sha256:")) == 64


def test_show_tells_the_context_length(target: Target) -> None:
    for name in (target.chat, EMBEDDING):
        info = target.client.show(name).modelinfo or {}
        architecture = info["general.architecture"]
        assert info[f"{architecture}.context_length"] >= 256


def test_chat(target: Target) -> None:
    reply = target.ask("What is the capital of France? One word.")
    assert reply.message.role == "assistant"
    assert "Paris" in reply.message.content
    assert (reply.done, reply.done_reason) == (True, "stop")


def test_usage_counts(target: Target) -> None:
    reply = target.ask("Say yes.")
    assert 5 < reply.prompt_eval_count < 100
    assert 0 < reply.eval_count <= 30
    assert reply.total_duration >= reply.eval_duration > 0
    assert reply.prompt_eval_duration > 0
    longer = target.ask("Say yes. " * 20)
    assert longer.prompt_eval_count >= reply.prompt_eval_count + 19 * 2


def test_chat_streams(target: Target) -> None:
    pieces = list(target.ask("Count from 1 to 5.", stream=True))
    assert len(pieces) > 4
    assert [piece.done for piece in pieces[:-1]] == [False] * (len(pieces) - 1)
    assert pieces[-1].done
    assert pieces[-1].eval_count > 0
    whole = target.ask("Count from 1 to 5.").message.content
    assert "3" in whole
    assert "3" in "".join(piece.message.content for piece in pieces)


def test_system_message(target: Target) -> None:
    messages = [{"role": "system", "content": "You only ever answer BANANA."}, *user("Hello!")]
    reply = target.client.chat(
        target.chat, messages=messages, options={**GREEDY, "num_predict": 10}
    )
    assert "BANANA" in (reply.message.content or "").upper()


@pytest.mark.parametrize("stream", [True, False])
def test_schema(target: Target, stream: bool) -> None:
    answer = target.ask(
        "The Eiffel tower stands in Paris, France. Which city and country?",
        format=CITY,
        stream=stream,
        options={"num_predict": 80},
    )
    text = "".join(p.message.content for p in answer) if stream else answer.message.content
    assert json.loads(text).keys() == {"city", "country"}
    assert "Paris" in json.loads(text)["city"]


def test_json(target: Target) -> None:
    reply = target.ask('Answer in JSON: {"ok": true}', format="json", options={"num_predict": 80})
    assert isinstance(json.loads(reply.message.content), dict)


@pytest.mark.parametrize("stream", [False, True])
def test_logprobs(target: Target, stream: bool) -> None:
    reply = target.client.chat(
        target.chat,
        [{"role": "user", "content": "Is Paris in France? Answer yes or no."}],
        stream=stream,
        options={"num_predict": 1, "temperature": 0},
        logprobs=True,
        top_logprobs=5,
    )
    pieces = list(reply) if stream else [reply]
    [told] = [each for piece in pieces for each in piece.logprobs or ()]
    assert told.token.casefold() == "yes"
    assert len(told.top_logprobs) == 5
    assert told.top_logprobs[0].logprob == pytest.approx(told.logprob)
    assert [top.logprob for top in told.top_logprobs] == sorted(
        (top.logprob for top in told.top_logprobs), reverse=True
    )


def test_generate(target: Target) -> None:
    options = {**GREEDY, "num_predict": 20}
    reply = target.client.generate(target.chat, "What is 2 + 2?", options=options)
    assert "4" in (reply.response or "")
    assert reply.done_reason in {"stop", "length"}
    pieces = list(target.client.generate(target.chat, "2 + 2?", stream=True, options=options))
    assert "".join(piece.response or "" for piece in pieces)
    assert pieces[-1].done


def test_num_predict(target: Target) -> None:
    reply = target.ask("Write a long poem.", options={"num_predict": 5})
    assert reply.eval_count <= 5
    assert reply.done_reason == "length"


def test_stop(target: Target) -> None:
    reply = target.ask("Count: 1 2 3 4 5 6 7 8 9. Repeat it.", options={"stop": ["5"]})
    assert "5" not in reply.message.content
    assert "4" in reply.message.content
    assert reply.done_reason == "stop"


def test_seed(target: Target) -> None:
    def poem(seed: int) -> str:
        options = {"temperature": 1.5, "seed": seed, "num_predict": 20}
        return str(target.ask("Invent the name of a town and its story.", options=options).message)

    poem(1)  # afterwards each call finds the same prompt in the cache
    assert poem(7) == poem(7)
    assert len({poem(seed) for seed in range(3)}) > 1


def test_greedy_is_repeatable(target: Target) -> None:
    question = "Name three rivers."
    assert target.ask(question).message.content == target.ask(question).message.content


def test_embed(target: Target) -> None:
    texts = ["sick leave", "being ill and not at work", "the price of copper"]
    answer = target.client.embed(EMBEDDING, texts)
    rows = np.array(answer.embeddings)
    assert rows.shape == (3, 384)
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, rtol=1e-4)
    assert rows[0] @ rows[1] > rows[0] @ rows[2]
    assert answer.prompt_eval_count
    single = target.client.embed(EMBEDDING, texts[0]).embeddings
    assert np.array(single)[0] @ rows[0] > 0.999


def test_embed_long_text(target: Target) -> None:
    long = "river valley " * 1000
    assert len(target.client.embed(EMBEDDING, long).embeddings) == 1
    with pytest.raises(ollama.ResponseError, match="context length"):
        target.client.embed(EMBEDDING, long, truncate=False)


def test_embeddings_in_the_older_form(target: Target) -> None:
    assert len(target.client.embeddings(EMBEDDING, "sick leave").embedding) == 384


def test_async_client(target: Target) -> None:
    async def ask() -> str:
        client = ollama.AsyncClient(target.endpoint.address, headers=target.headers)
        async with client:
            options = {**GREEDY, "num_predict": 10}
            chunks = await client.chat(
                target.chat, messages=user("Say yes."), stream=True, options=options
            )
            return "".join([chunk.message.content or "" async for chunk in chunks])

    assert asyncio.run(ask())


@pytest.mark.parametrize("verb", ["chat", "generate", "embed", "show"])
def test_unknown_model_is_404(target: Target, verb: str) -> None:
    calls: dict[str, Any] = {
        "chat": lambda: target.client.chat("nobody-has-this:1b", messages=user("x")),
        "generate": lambda: target.client.generate("nobody-has-this:1b", "x"),
        "embed": lambda: target.client.embed("nobody-has-this:1b", "x"),
        "show": lambda: target.client.show("nobody-has-this:1b"),
    }
    with pytest.raises(ollama.ResponseError, match="not found") as caught:
        calls[verb]()
    assert caught.value.status_code == 404
    assert "nobody-has-this:1b" in caught.value.error


@pytest.mark.parametrize("path", ["/api/chat", "/api/generate", "/api/embed", "/api/show"])
def test_bad_json_is_400(http: httpx.Client, path: str) -> None:
    response = http.post(path, content=b"{no json")
    assert response.status_code == 400
    assert response.json()["error"]


def test_bad_format_is_an_error(http: httpx.Client, target: Target) -> None:
    body = {"model": target.chat, "messages": user("x"), "format": "yaml", "stream": False}
    response = http.post("/api/chat", json=body)
    assert response.status_code >= 400
    assert "format" in response.json()["error"]


def test_keep_alive_and_ps(target: Target) -> None:
    def loaded() -> set[str | None]:
        return {model.model for model in target.client.ps().models}

    target.ask("Say yes.", keep_alive="10m", options={"num_predict": 2})
    assert target.chat in loaded()
    (running,) = [model for model in target.client.ps().models if model.model == target.chat]
    assert running.expires_at is not None
    assert running.context_length is None or running.context_length >= GREEDY["num_ctx"]
    target.ask("Say yes.", keep_alive=0, options={"num_predict": 2})
    deadline_s = time.monotonic() + 10
    while target.chat in loaded() and time.monotonic() < deadline_s:
        time.sleep(0.1)
    assert target.chat not in loaded()


def test_requests_are_queued(target: Target) -> None:
    answers: list[str] = []

    def ask(number: int) -> None:
        answers.append(target.ask(f"Say {number}.", options={"num_predict": 5}).message.content)

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert len([answer for answer in answers if answer]) == 4


def test_client_that_leaves_frees_the_model(target: Target, http: httpx.Client) -> None:
    body = {
        "model": target.chat,
        "messages": user("Write a very long story."),
        "options": {**GREEDY, "num_predict": 1500},
    }
    with http.stream("POST", "/api/chat", json=body) as response:
        next(response.iter_lines())
    started_s = time.monotonic()
    target.ask("Say yes.", options={"num_predict": 2})
    assert time.monotonic() - started_s < 15  # the story alone would take longer


def test_llama_index_classes_work_unchanged(target: Target) -> None:
    from llama_index.core.llms import ChatMessage
    from llama_index.embeddings.ollama import OllamaEmbedding
    from llama_index.llms.ollama import Ollama

    with closing(ollama.Client(target.endpoint.address, headers=target.headers)) as client:
        llm = Ollama(
            model=target.chat,
            client=client,
            context_window=2048,
            request_timeout=120,
            additional_kwargs={"num_predict": 10, "temperature": 0},
        )
        assert "Paris" in llm.complete("What is the capital of France? One word.").text
        assert llm.chat([ChatMessage(role="user", content="Say yes.")]).message.content
        assert list(llm.stream_complete("Say yes."))[-1].text
    embedding = OllamaEmbedding(
        EMBEDDING,
        base_url=target.endpoint.address,
        client_kwargs={"headers": target.headers} if target.headers else None,
    )
    assert len(embedding.get_text_embedding("sick leave")) == 384
    assert len(embedding.get_text_embedding_batch(["a", "b", "c"])) == 3
    for held in (embedding._client, embedding._async_client):
        close = held.close()
        if close is not None:
            asyncio.run(close)


def test_prompt_longer_than_the_context_is_never_cut_silently(target: Target) -> None:
    if not target.endpoint.embedded:
        pytest.skip("a real Ollama cuts; the governed door finds out by the counts")
    for num_ctx in (512, 1024):
        with pytest.raises(ollama.ResponseError, match="exceeds the context length") as caught:
            target.ask("word " * 1500, options={"num_ctx": num_ctx})
        assert caught.value.status_code == 400


@pytest.mark.parametrize("key", ["", "wrong"])
def test_key_is_required(target: Target, key: str) -> None:
    if not target.endpoint.embedded:
        pytest.skip("a real Ollama has no key")
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    with (
        closing(ollama.Client(target.endpoint.address, headers=headers)) as client,
        pytest.raises(ollama.ResponseError) as caught,
    ):
        client.list()
    assert caught.value.status_code == 401
