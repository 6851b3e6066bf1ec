from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from workbench.config import ModelsConfig
from workbench.errors import InvalidReply, ModelNotFound, ModelUnavailable
from workbench.models import server as server_module
from workbench.models.catalog import load_catalog
from workbench.models.embedded.state import ServerState, read_state, server_lock, write_state
from workbench.models.messages import ChatRequest, Endpoint
from workbench.models.server import (
    answers,
    connect,
    ensure_embedded,
    find,
    find_running,
    running_digests,
    stop_embedded,
)

from .conftest import OpenRun, ScriptedServer, answer_bytes, answer_json

IDLE_STOP_S = 60


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "home"
    yield folder
    stop_embedded(folder)


@pytest.fixture(autouse=True)
def no_local_ollama(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "OLLAMA_ADDRESS", "http://127.0.0.1:1")


def env_of(home: Path) -> dict[str, str]:
    return {"WORKBENCH_HOME": str(home)}


def test_configured_host_wins_without_being_asked(home: Path) -> None:
    assert find(ModelsConfig(host="10.0.0.9:11434"), env_of(home)) == Endpoint("10.0.0.9:11434")
    env = {**env_of(home), "OLLAMA_HOST": "10.0.0.8"}
    assert find(ModelsConfig(), env) == Endpoint("10.0.0.8")
    assert not home.exists()


def test_ollama_on_its_default_port_wins(
    home: Path, scripted_server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "OLLAMA_ADDRESS", scripted_server.address)
    scripted_server.answers["/api/version"] = lambda h, _: answer_json(h, {"version": "0.13"})
    assert find(ModelsConfig(), env_of(home)) == Endpoint(scripted_server.address)


@pytest.mark.parametrize("content", [b"<html>", b"[]", b"{}", b"3"])
def test_something_else_on_the_port_is_no_ollama(
    scripted_server: ScriptedServer, content: bytes
) -> None:
    scripted_server.answers["/api/version"] = lambda h, _: answer_bytes(h, content)
    assert not answers(Endpoint(scripted_server.address))


def test_embedded_is_started_once_and_shared(home: Path) -> None:
    assert find_running(ModelsConfig(), env_of(home)) is None
    first = find(ModelsConfig(), env_of(home))
    assert first.embedded
    assert find(ModelsConfig(), env_of(home)) == first
    assert find_running(ModelsConfig(), env_of(home)) == first
    assert not answers(Endpoint(first.address, "wrong key"))


def test_state_file_is_for_this_user_only(home: Path) -> None:
    ensure_embedded(home, IDLE_STOP_S)
    assert (home / "server.json").stat().st_mode & 0o777 == 0o600
    assert home.stat().st_mode & 0o777 == 0o700


def test_killed_server_is_replaced_behind_the_callers_back(home: Path) -> None:
    with closing(connect(ModelsConfig(), env=env_of(home))) as models:
        assert models.available() == []
        before = read_state(home)
        assert before is not None
        os.kill(before.pid, signal.SIGKILL)
        assert models.available() == []
    after = read_state(home)
    assert after is not None
    assert after.pid != before.pid
    assert after.key != before.key


def test_stale_state_file_is_recognised(home: Path, scripted_server: ScriptedServer) -> None:
    # Another program answers on the dead server's port: it must not be given the key.
    scripted_server.answers["/api/version"] = lambda h, _: answer_json(h, {"version": "evil"})
    home.mkdir(mode=0o700)
    write_state(home, ServerState(scripted_server.address, "secret", os.getpid(), "0"))
    assert read_state(home) is None
    assert ensure_embedded(home, IDLE_STOP_S).address != scripted_server.address
    assert scripted_server.requests == []


def test_outdated_server_is_replaced(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ensure_embedded(home, IDLE_STOP_S)
    old = read_state(home)
    assert old is not None
    write_state(home, ServerState(old.address, old.key, old.pid, "0.0.1"))
    assert find_running(ModelsConfig(), env_of(home)) is None
    ensure_embedded(home, IDLE_STOP_S)
    new = read_state(home)
    assert new is not None
    assert new.pid != old.pid
    assert not psutil.pid_exists(old.pid)


def test_stop(home: Path) -> None:
    assert not stop_embedded(home)
    ensure_embedded(home, IDLE_STOP_S)
    state = read_state(home)
    assert state is not None
    assert stop_embedded(home)
    assert read_state(home) is None
    assert not (home / "server.json").exists()


def test_idle_server_stops_by_itself(home: Path) -> None:
    ensure_embedded(home, idle_stop_s=0.2)
    deadline_s = time.monotonic() + 20
    while server_is_up(home) and time.monotonic() < deadline_s:
        time.sleep(0.1)
    assert not server_is_up(home)
    assert not (home / "server.json").exists()


def server_is_up(home: Path) -> bool:
    return read_state(home) is not None


def test_server_that_dies_at_once_is_explained(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = home.parent / "python"
    broken.write_text("#!/bin/sh\necho no such engine >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(broken))
    with pytest.raises(ModelUnavailable, match=r"did not start: no such engine.*server\.log"):
        ensure_embedded(home, IDLE_STOP_S)


def test_server_that_hangs_is_not_waited_for_endlessly(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "_START_TIMEOUT_S", 0.3)
    with (
        server_lock(home),
        pytest.raises(ModelUnavailable, match="did not start: its log cannot be read"),
    ):
        ensure_embedded(home, IDLE_STOP_S)


def test_home_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ModelUnavailable, match="cannot be"):
        ensure_embedded(tmp_path / "file" / "home", IDLE_STOP_S)


def test_start_does_not_import_from_the_working_directory(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.mkdir(mode=0o700)
    (home / "starlette.py").write_text("raise SystemExit('hostile')")
    monkeypatch.chdir(home)
    assert ensure_embedded(home, IDLE_STOP_S).embedded


def test_connect_is_lazy(home: Path) -> None:
    connect(ModelsConfig(), env=env_of(home)).close()
    assert not home.exists()


def test_state_names_address_key_pid_version(home: Path) -> None:
    ensure_embedded(home, IDLE_STOP_S)
    state = json.loads((home / "server.json").read_text())
    assert set(state) == {"address", "key", "pid", "version"}
    assert state["address"].startswith("http://127.0.0.1:")


@pytest.fixture
def home_with_models(home: Path, real_models: Path) -> Path:
    home.mkdir(mode=0o700)
    (home / "models").symlink_to(real_models)
    return home


ASK = ChatRequest("light", "Be brief.", "What is the capital of France?", None, 20, "v1")


@pytest.mark.models
def test_governed_calls_survive_a_crash_of_the_server(
    home_with_models: Path, open_run: OpenRun
) -> None:
    run = open_run()
    config = ModelsConfig(chat="light", num_ctx=1024)
    with closing(connect(config, env=env_of(home_with_models))) as models:
        assert "Paris" in models.chat(run, ASK).text
        kill_server(home_with_models)
        assert "Paris" in models.chat(run, ASK).text
        kill_server(home_with_models)
        assert models.embed(run, ["sick leave", "budget"]).shape == (2, 384)
        pieces = models.stream(run, replace(ASK, user="Count to one hundred.", max_tokens=300))
        assert next(pieces).text
        kill_server(home_with_models)
        with pytest.raises(ModelUnavailable):
            list(pieces)
        assert "Paris" in models.chat(run, ASK).text
    assert run.counts.model_calls == 5
    assert run.meter.usage.output_tokens > 3


def kill_server(home: Path) -> None:
    state = read_state(home)
    assert state is not None
    os.kill(state.pid, signal.SIGKILL)


@pytest.mark.models
def test_governed_reply_follows_a_schema(home_with_models: Path, open_run: OpenRun) -> None:
    schema = {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    }
    config = ModelsConfig(chat="light", num_ctx=1024)
    with closing(connect(config, env=env_of(home_with_models))) as models:
        reply = models.chat(open_run(), replace(ASK, schema=schema, max_tokens=40))
        assert "Paris" in json.loads(reply.text)["city"]
        long = replace(ASK, user="word, " * 900)
        with pytest.raises(InvalidReply, match=r"too long.*models\.num_ctx"):
            models.chat(open_run(), long)


@pytest.mark.models
def test_half_downloaded_model_says_how_to_complete_it(
    home: Path, real_models: Path, open_run: OpenRun
) -> None:
    half = home / "models" / "qwen2.5-coder-0.5b"
    half.mkdir(parents=True)
    whole = load_catalog().get("light").paths(real_models)[0]
    with whole.open("rb") as stream:
        (half / "model.gguf.partial").write_bytes(stream.read(1000))
        (half / "model.gguf").write_bytes(stream.read(1000))
    with (
        closing(connect(ModelsConfig(), env=env_of(home))) as models,
        pytest.raises(ModelNotFound, match=r"workbench models pull qwen2\.5-coder:0\.5b"),
    ):
        models.chat(open_run(), ASK)


STARTER = """
import os, sys
from contextlib import closing
from workbench.config import ModelsConfig
from workbench.models import server
server.OLLAMA_ADDRESS = "http://127.0.0.1:1"
with closing(server.connect(ModelsConfig(), env=os.environ)) as models:
    models.available()
print(server.read_state(server.home_directory(os.environ)).pid)
"""


def test_processes_that_start_together_share_one_server(home: Path, repo_root: Path) -> None:
    env = {**os.environ, **env_of(home)}
    starters = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", STARTER],
            cwd=repo_root,
            env=env,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    pids = {starter.communicate(timeout=60)[0] for starter in starters}
    assert [starter.returncode for starter in starters] == [0] * 4
    assert len(pids) == 1


def test_digests_of_a_running_server_are_told_without_a_client(
    home: Path, scripted_server: ScriptedServer
) -> None:
    listed = {"models": [{"name": "all-minilm", "digest": "abc"}, {"name": "x:1", "digest": "d"}]}
    scripted_server.answers["/api/tags"] = lambda h, _: answer_json(h, listed)
    config = ModelsConfig(host=scripted_server.address.removeprefix("http://"))
    assert running_digests(config, env_of(home)) == {"all-minilm:latest": "abc", "x:1": "d"}
    scripted_server.answers["/api/tags"] = lambda h, _: answer_bytes(h, b"<html>")
    assert running_digests(config, env_of(home)) == {}
    assert running_digests(ModelsConfig(), env_of(home)) == {}
    assert not home.exists()
