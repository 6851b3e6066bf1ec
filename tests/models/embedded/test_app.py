from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from workbench.models.catalog import Catalog, CatalogModel, load_catalog
from workbench.models.embedded.activity import Activity
from workbench.models.embedded.app import ServerParts, build_app
from workbench.models.embedded.residents import Residents
from workbench.models.wheels import PipFetcher

from ..conftest import PARTS
from .conftest import EchoLoader

ASK = {"model": "tiny:1b", "messages": [{"role": "user", "content": "hello there"}]}


@pytest.fixture
def loader() -> EchoLoader:
    return EchoLoader()


@pytest.fixture
def client(
    tiny_model: CatalogModel, offline_env: dict[str, str], tmp_path: Path, loader: EchoLoader
) -> Iterator[TestClient]:
    models = tmp_path / "models"
    parts = ServerParts(
        catalog=Catalog(model=(tiny_model, load_catalog().get("embedding"))),
        models=models,
        residents=Residents(models, loader),
        fetcher=PipFetcher(offline_env),
        version="1.2.3",
        key="secret",
    )
    path = tiny_model.paths(models)[0]
    path.parent.mkdir(parents=True)
    path.write_bytes(b"".join(PARTS))
    headers = {"authorization": "Bearer secret"}
    app = build_app(parts, Activity())
    with TestClient(app, base_url="http://127.0.0.1:5000", headers=headers) as client:
        yield client


def test_version_tags_ps_show(client: TestClient, tiny_model: CatalogModel) -> None:
    assert client.get("/api/version").json() == {"version": "1.2.3"}
    (listed,) = client.get("/api/tags").json()["models"]
    assert (listed["name"], listed["digest"]) == ("tiny:1b", tiny_model.digest)
    assert client.get("/api/ps").json() == {"models": []}
    shown = client.post("/api/show", json={"model": "tiny:1b"}).json()
    assert shown["model_info"]["qwen2.context_length"] == 32768
    assert "Apache License" in shown["license"]


def test_chat_joined(client: TestClient, loader: EchoLoader) -> None:
    answer = client.post("/api/chat", json={**ASK, "stream": False}).json()
    assert answer["message"] == {"role": "assistant", "content": "HELLO THERE "}
    assert (answer["done"], answer["done_reason"]) == (True, "stop")
    assert (answer["prompt_eval_count"], answer["eval_count"]) == (11, 22)
    assert (answer["prompt_eval_duration"], answer["eval_duration"]) == (33, 44)
    assert answer["total_duration"] >= answer["load_duration"] > 0
    assert loader.loaded[0].num_ctx == 4096


def test_unloading_and_loading_without_a_question(client: TestClient, loader: EchoLoader) -> None:
    empty = {"model": "tiny:1b", "messages": [], "stream": False}
    assert client.post("/api/chat", json=empty).json()["done_reason"] == "load"
    assert len(client.get("/api/ps").json()["models"]) == 1
    answer = client.post("/api/generate", json={"model": "tiny:1b", "keep_alive": 0})
    assert answer.json()["done_reason"] == "unload"
    assert client.get("/api/ps").json() == {"models": []}
    assert loader.loaded[0].calls == []


@pytest.mark.parametrize("path", ["chat", "generate", "show", "embed", "embeddings"])
def test_models_that_are_not_there(client: TestClient, path: str) -> None:
    for name in ("nope", "all-minilm"):  # unknown, and known but not downloaded
        response = client.post(f"/api/{path}", json={"model": name})
        assert response.status_code == 404
        assert response.json() == {"error": f'model "{name}" not found, try pulling it first'}


def test_half_downloaded_model_is_not_there(
    client: TestClient, tiny_model: CatalogModel, tmp_path: Path
) -> None:
    path = tiny_model.paths(tmp_path / "models")[0]
    path.rename(path.with_name("model.gguf.partial"))
    assert client.get("/api/tags").json() == {"models": []}
    assert client.post("/api/chat", json=ASK).status_code == 404


@pytest.mark.parametrize("path", ["chat", "generate", "show", "embed", "embeddings", "pull"])
@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "missing request body"), (b"{", "invalid JSON"), (b"[1]", "valid dictionary")],
)
def test_bad_requests(client: TestClient, path: str, content: bytes, message: str) -> None:
    response = client.post(f"/api/{path}", content=content)
    assert response.status_code == 400
    assert message in response.json()["error"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": ""}, "model is required"),
        ({"format": "yaml"}, 'invalid format: "yaml"'),
        ({"options": {"num_ctx": "many"}}, "options.num_ctx"),
        ({"keep_alive": "5x"}, "invalid duration"),
        ({"tools": [{}]}, "does not support tools"),
        ({"think": True}, "does not support thinking"),
        ({"messages": [{"role": "user", "content": "", "images": ["x"]}]}, "not support images"),
    ],
)
def test_requests_that_cannot_be_served(
    client: TestClient, change: dict[str, Any], message: str
) -> None:
    response = client.post("/api/chat", json={**ASK, **change})
    assert response.status_code == 400
    assert message in response.json()["error"]


def test_chat_models_do_not_embed(client: TestClient) -> None:
    response = client.post("/api/embed", json={"model": "tiny:1b", "input": "x"})
    assert response.status_code == 400
    assert response.json() == {"error": '"tiny:1b" does not support embeddings'}


def test_only_key_holders_on_this_machine(client: TestClient) -> None:
    assert client.get("/api/tags", headers={"authorization": "Bearer no"}).status_code == 401
    for host in ("evil.example", "evil.example:5000", "127.0.0.1.evil.example", ""):
        assert client.get("/api/tags", headers={"host": host}).status_code == 400
    response = client.get("/api/tags", headers={"origin": "http://evil.example"})
    assert not [name for name in response.headers if name.startswith("access-control")]


def test_unknown_path_and_method(client: TestClient) -> None:
    assert client.get("/api/nothing").status_code == 404
    assert client.get("/api/chat").status_code == 405
    assert "error" in client.get("/api/chat").json()


def test_unexpected_error_is_told_as_json(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("secret words of a document")

    monkeypatch.setattr("workbench.models.embedded.app.shown", fail)
    quiet = TestClient(client.app, base_url="http://127.0.0.1", raise_server_exceptions=False)
    headers = {"authorization": "Bearer secret"}
    response = quiet.post("/api/show", json={"model": "tiny:1b"}, headers=headers)
    assert response.status_code == 500
    assert response.json() == {"error": "unexpected ZeroDivisionError, see the server's log"}


def test_delete_then_pull(client: TestClient) -> None:
    assert client.request("DELETE", "/api/delete", json={"model": "tiny:1b"}).status_code == 200
    assert client.get("/api/tags").json() == {"models": []}
    response = client.post("/api/pull", json={"model": "tiny:1b", "stream": False})
    assert response.json() == {"status": "success"}
    assert len(client.get("/api/tags").json()["models"]) == 1
    assert client.post("/api/pull", json={"model": "nope"}).status_code == 404
