"""Finds a model server: the configured one, a local Ollama, or the embedded one, started here."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path

import httpx
import psutil

import workbench
from workbench.config import ModelsConfig
from workbench.errors import ModelUnavailable
from workbench.guard.cache import ReplyCache
from workbench.models.embedded.state import ServerState, is_locked, log_path, read_state
from workbench.models.governed import Models, NoCache
from workbench.models.home import home_directory
from workbench.models.ollama import Endpoint, OllamaServer

OLLAMA_ADDRESS = "http://127.0.0.1:11434"
"""Where Ollama listens by default."""

_PROBE_TIMEOUT_S = 3.0
_START_TIMEOUT_S = 90.0
_STOP_TIMEOUT_S = 15.0
_POLL_S = 0.05
_LOG_BYTES = 2_000_000


def connect(
    config: ModelsConfig, *, env: Mapping[str, str], cache: ReplyCache | None = None
) -> Models:
    """The governed door to a model server, which is found at the first call.

    A server at ``config.host`` or ``OLLAMA_HOST`` wins, then one on Ollama's default port;
    otherwise the embedded server is used, and started if it does not run.
    """
    server = OllamaServer(lambda: find(config, env), timeout_s=config.timeout_s)
    return Models(
        server,
        config,
        NoCache() if cache is None else cache,
        is_running=lambda: find_running(config, env) is not None,
    )


def find(config: ModelsConfig, env: Mapping[str, str]) -> Endpoint:
    """Where the model server is; starts the embedded one if there is no other.

    Raises:
        ModelUnavailable: if the embedded server does not start.
    """
    return find_running(config, env) or ensure_embedded(home_directory(env), config.idle_stop_s)


def find_running(config: ModelsConfig, env: Mapping[str, str]) -> Endpoint | None:
    """Like ``find``, but starts nothing. A configured host is taken at its word."""
    host = config.host or env.get("OLLAMA_HOST")
    if host:
        return Endpoint(host)
    if answers(Endpoint(OLLAMA_ADDRESS)):
        return Endpoint(OLLAMA_ADDRESS)
    state = read_state(home_directory(env))
    if state is None or state.version != workbench.__version__ or not answers(_endpoint(state)):
        return None
    return _endpoint(state)


def answers(endpoint: Endpoint) -> bool:
    """Whether something that speaks Ollama's API answers there within seconds."""
    headers = {"authorization": f"Bearer {endpoint.key}"} if endpoint.key else None
    try:
        with httpx.Client(trust_env=False, timeout=_PROBE_TIMEOUT_S, headers=headers) as client:
            response = client.get(f"{endpoint.address}/api/version")
            return response.is_success and "version" in response.json()
    except (httpx.HTTPError, ValueError, TypeError):
        return False


def ensure_embedded(home: Path, idle_stop_s: float) -> Endpoint:
    """The embedded server of ``home``, started if it does not run, replaced if outdated.

    Raises:
        ModelUnavailable: if it does not start; the message holds the end of its log.
    """
    process: subprocess.Popen[bytes] | None = None
    deadline_s = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < deadline_s:
        state = read_state(home)
        if state is not None and answers(_endpoint(state)):
            if state.version == workbench.__version__:
                if process is not None and process.pid != state.pid:
                    # Another process started one at the same moment, and that one was first.
                    process.terminate()
                return _endpoint(state)
            stop_embedded(home)
        elif process is None and not is_locked(home):
            process = _start(home, idle_stop_s)
        elif process is not None and process.poll() is not None and not is_locked(home):
            break
        time.sleep(_POLL_S)
    raise ModelUnavailable(
        "the embedded model server did not start",
        value=_last_line(log_path(home)),
        next_step=f"Look into {log_path(home)}, then try again.",
    )


def stop_embedded(home: Path) -> bool:
    """Ask the embedded server of ``home`` to stop and wait for it; False if there was none."""
    state = read_state(home)
    if state is None:
        return False
    try:
        os.kill(state.pid, signal.SIGTERM)
        psutil.Process(state.pid).wait(_STOP_TIMEOUT_S)
    except (ProcessLookupError, psutil.NoSuchProcess):
        return True
    except psutil.TimeoutExpired as error:
        raise ModelUnavailable(
            "the embedded model server does not stop",
            value=f"process {state.pid}",
            next_step=f"End process {state.pid} yourself.",
        ) from error
    return True


def _endpoint(state: ServerState) -> Endpoint:
    return Endpoint(state.address, state.key, embedded=True)


def _start(home: Path, idle_stop_s: float) -> subprocess.Popen[bytes]:
    package_parent = str(Path(workbench.__file__).resolve().parent.parent)
    paths = [package_parent, os.environ.get("PYTHONPATH", "")]
    env = {
        **os.environ,
        "WORKBENCH_HOME": str(home),
        "PYTHONPATH": os.pathsep.join(path for path in paths if path),
    }
    # -P keeps modules that lie in the working directory out of the server.
    command = [sys.executable, "-P", "-m", "workbench.models.embedded"]
    command += ["--idle-stop-s", str(idle_stop_s)]
    log = log_path(home)
    try:
        mode = "wb" if log.exists() and log.stat().st_size > _LOG_BYTES else "ab"
        with log.open(mode) as output:
            process = subprocess.Popen(
                command,
                env=env,
                cwd=home,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
    except OSError as error:
        raise ModelUnavailable(
            "the embedded model server cannot be started",
            value=error,
            next_step="Check that the directory can be written; WORKBENCH_HOME moves it.",
        ) from error
    # It outlives the caller's interest; someone has to collect it when it ends.
    threading.Thread(target=process.wait, daemon=True).start()
    return process


def _last_line(log: Path) -> str:
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError:
        return "its log cannot be read"
    written = [line for line in lines if line.strip()]
    return written[-1] if written else "its log is empty"
