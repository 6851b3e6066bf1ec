"""Finds a model server: the configured one, a local Ollama, or the embedded one, started here."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import psutil

import workbench
from workbench.config import ModelsConfig
from workbench.errors import ModelUnavailable
from workbench.guard.cache import ReplyCache
from workbench.models.catalog import full_name
from workbench.models.embedded.state import ServerState, is_locked, log_path, read_state
from workbench.models.governed import Models, NoCache
from workbench.models.home import home_directory
from workbench.models.messages import ChatRequest, Endpoint, ModelInfo, ServerPiece

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from workbench.models.ollama import OllamaServer

_OLLAMA_PORT = 11434
OLLAMA_ADDRESS = f"http://127.0.0.1:{_OLLAMA_PORT}"
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
    return Models(
        LazyServer(config, env),
        config,
        NoCache() if cache is None else cache,
        running_digests=lambda: running_digests(config, env),
    )


class LazyServer:
    """Ollama's client, imported and connected at the first call: the import alone takes longer
    than telling that nothing changed."""

    def __init__(self, config: ModelsConfig, env: Mapping[str, str]) -> None:
        self._config = config
        self._env = env

    @cached_property
    def _client(self) -> OllamaServer:
        from workbench.models.ollama import OllamaServer

        return OllamaServer(lambda: find(self._config, self._env), timeout_s=self._config.timeout_s)

    @property
    def address(self) -> str:
        """See ``ModelServer``."""
        return self._client.address

    @property
    def is_embedded(self) -> bool:
        """See ``ModelServer``."""
        return self._client.is_embedded

    def close(self) -> None:
        """See ``ModelServer``."""
        if "_client" in vars(self):
            self._client.close()

    def models(self) -> list[ModelInfo]:
        """See ``ModelServer``."""
        return self._client.models()

    def stream(self, request: ChatRequest, num_ctx: int) -> Iterator[ServerPiece]:
        """See ``ModelServer``."""
        return self._client.stream(request, num_ctx)

    def embed(self, model: str, texts: Sequence[str]) -> NDArray[np.float32]:
        """See ``ModelServer``."""
        return self._client.embed(model, texts)


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
    return "version" in _told(endpoint, "/api/version")


def running_digests(config: ModelsConfig, env: Mapping[str, str]) -> dict[str, str]:
    """Digests by full name of the models of the server that ``find_running`` finds."""
    endpoint = find_running(config, env)
    if endpoint is None:
        return {}
    models = _told(endpoint, "/api/tags").get("models")
    if isinstance(models, list):
        return {full_name(str(each["name"])): str(each["digest"]) for each in models}
    return {}


def _told(endpoint: Endpoint, path: str) -> dict[str, Any]:
    """The JSON object at ``path``, empty if there is none. Ollama's client is not used: importing
    it takes longer than this."""
    parts = urlsplit(endpoint.address if "//" in endpoint.address else f"//{endpoint.address}")
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    headers = {"authorization": f"Bearer {endpoint.key}"} if endpoint.key else {}
    try:
        port = parts.port or (443 if parts.scheme == "https" else _OLLAMA_PORT)
        connection = kind(parts.hostname or "127.0.0.1", port, timeout=_PROBE_TIMEOUT_S)
        with closing(connection):
            connection.request("GET", f"{parts.path.rstrip('/')}{path}", headers=headers)
            response = connection.getresponse()
            told = json.loads(response.read()) if response.status == http.HTTPStatus.OK else None
    except (OSError, http.client.HTTPException, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


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
