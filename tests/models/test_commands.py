from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from workbench.config import ModelsConfig
from workbench.errors import DownloadError, ModelNotFound, ModelUnavailable
from workbench.models import commands
from workbench.models import server as server_module
from workbench.models.catalog import Catalog, CatalogModel
from workbench.models.download import ignore_progress
from workbench.models.embedded.state import server_lock
from workbench.models.server import ensure_embedded, stop_embedded

from .conftest import PARTS, ScriptedServer, answer_bytes, answer_json

CONFIG = ModelsConfig()


@pytest.fixture(autouse=True)
def no_local_ollama(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "OLLAMA_ADDRESS", "http://127.0.0.1:1")


@pytest.fixture
def with_tiny(tiny_catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "load_catalog", lambda: tiny_catalog)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "home"
    stop_embedded(tmp_path / "home")


def ollama_with(server: ScriptedServer, *models: dict[str, Any]) -> ModelsConfig:
    server.answers["/api/tags"] = lambda h, _: answer_json(h, {"models": list(models)})
    return ModelsConfig(host=server.address)


def test_list_without_a_server(home: Path) -> None:
    rows = commands.list_models(CONFIG, {"WORKBENCH_HOME": str(home)})
    assert [(row.name, row.alias, row.kind, row.present) for row in rows] == [
        ("qwen2.5-coder:1.5b", "default", "chat", False),
        ("qwen2.5-coder:0.5b", "light", "chat", False),
        ("all-minilm", "embedding", "embedding", False),
    ]


def test_list_with_a_real_server_shows_what_it_has(
    home: Path, scripted_server: ScriptedServer
) -> None:
    config = ollama_with(
        scripted_server, {"model": "all-minilm:latest", "size": 5}, {"model": "llama:1b", "size": 7}
    )
    rows = commands.list_models(config, {"WORKBENCH_HOME": str(home)})
    assert {row.name: (row.present, row.source) for row in rows} == {
        "qwen2.5-coder:1.5b": (False, "catalogue"),
        "qwen2.5-coder:0.5b": (False, "catalogue"),
        "all-minilm": (True, "catalogue"),
        "llama:1b": (True, "Ollama"),
    }


@pytest.mark.usefixtures("with_tiny")
def test_pull_by_alias_then_list(offline_env: dict[str, str], tiny_model: CatalogModel) -> None:
    seen: list[str] = []
    commands.pull("tiny", CONFIG, offline_env, progress=lambda p: seen.append(p.status))
    assert seen[-1] == "success"
    assert [row.present for row in commands.list_models(CONFIG, offline_env)] == [True]


@pytest.mark.usefixtures("with_tiny")
def test_pull_from_a_local_file(home: Path, tmp_path: Path) -> None:
    source = tmp_path / "mine.gguf"
    source.write_bytes(b"".join(PARTS))
    env = {"WORKBENCH_HOME": str(home)}
    commands.pull("tiny:1b", CONFIG, env, progress=ignore_progress, source=source)
    assert [row.present for row in commands.list_models(CONFIG, env)] == [True]


def test_pull_through_a_real_server(home: Path, scripted_server: ScriptedServer) -> None:
    config = ollama_with(scripted_server)
    scripted_server.answers["/api/pull"] = lambda h, _: answer_bytes(h, b'{"status":"success"}\n')
    seen: list[str] = []
    env = {"WORKBENCH_HOME": str(home)}
    commands.pull("light", config, env, progress=lambda p: seen.append(p.status))
    assert seen == ["success"]
    assert scripted_server.requests[-1][1]["model"] == "qwen2.5-coder:0.5b"
    assert not home.exists()


def test_pull_of_what_is_not_there(offline_env: dict[str, str]) -> None:
    with pytest.raises(ModelNotFound, match="llama9"):
        commands.pull("llama9", CONFIG, offline_env, progress=ignore_progress)
    with pytest.raises(DownloadError, match="could not be fetched"):
        commands.pull("light", CONFIG, offline_env, progress=ignore_progress)


def test_status_starts_nothing(home: Path) -> None:
    status = commands.status(CONFIG, {"WORKBENCH_HOME": str(home)})
    assert (status.address, status.embedded, status.pid, status.available) == (
        None,
        False,
        None,
        (),
    )
    assert status.log == home / "server.log"


def test_status_of_a_running_server(home: Path) -> None:
    endpoint = ensure_embedded(home, 60)
    status = commands.status(CONFIG, {"WORKBENCH_HOME": str(home)})
    assert (status.address, status.embedded, status.available) == (endpoint.address, True, ())
    assert status.pid is not None


def test_status_of_a_configured_server_that_is_down(home: Path) -> None:
    with pytest.raises(ModelUnavailable):
        commands.status(ModelsConfig(host="127.0.0.1:1"), {"WORKBENCH_HOME": str(home)})


def test_serve_refuses_a_second_server(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workbench.models.embedded.process._LOCK_WAIT_S", 0.1)
    with server_lock(home), pytest.raises(ModelUnavailable, match="already running"):
        commands.serve(CONFIG, {"WORKBENCH_HOME": str(home)})
