from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from workbench.errors import ModelUnavailable
from workbench.models.embedded import process
from workbench.models.embedded.process import ServeOptions, serve
from workbench.models.embedded.state import ServerState, read_state, server_lock, write_state
from workbench.models.messages import Endpoint
from workbench.models.server import answers


@contextmanager
def server_process(home: Path, repo_root: Path, *more: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "workbench.models.embedded", "--idle-stop-s", "60", *more]
    env = {**os.environ, "WORKBENCH_HOME": str(home)}
    with subprocess.Popen(
        command, cwd=repo_root, env=env, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def started(home: Path, timeout_s: float = 30) -> ServerState:
    deadline_s = time.monotonic() + timeout_s
    while time.monotonic() < deadline_s:
        state = read_state(home)
        if state is not None:
            return state
        time.sleep(0.05)
    pytest.fail("the server did not start")


@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_it_cleanly(tmp_path: Path, repo_root: Path, signal_number: int) -> None:
    with server_process(tmp_path, repo_root) as process:
        state = started(tmp_path)
        assert answers(Endpoint(state.address, state.key))
        process.send_signal(signal_number)
        process.wait(15)
    assert not (tmp_path / "server.json").exists()


def test_second_server_gives_up(tmp_path: Path, repo_root: Path) -> None:
    with server_lock(tmp_path), server_process(tmp_path, repo_root) as process:
        assert process.wait(20) == 1
        assert process.stderr is not None
        assert "already running" in process.stderr.read()


def test_port_in_use(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ModelUnavailable, match=rf"port cannot be used: {port}: .*--port"):
            serve(ServeOptions(tmp_path, port=port))


def test_port_can_be_chosen(tmp_path: Path, repo_root: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with server_process(tmp_path, repo_root, "--port", str(port)):
        assert started(tmp_path).address == f"http://127.0.0.1:{port}"


def test_listens_on_loopback_only(tmp_path: Path, repo_root: Path) -> None:
    with server_process(tmp_path, repo_root):
        state = started(tmp_path)
        listening = {
            conn.laddr.ip
            for conn in psutil.Process(state.pid).net_connections()
            if conn.status == "LISTEN"
        }
    assert listening == {"127.0.0.1"}
    assert len(state.key) >= 40


def test_left_state_file_is_removed_before_it_looks_alive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_state(tmp_path, ServerState("http://127.0.0.1:1", "old", os.getpid(), "0"))
    seen: list[ServerState | None] = []
    monkeypatch.setattr(process, "_serve_on", lambda *_: seen.append(read_state(tmp_path)))
    serve(ServeOptions(tmp_path))
    assert seen == [None]
