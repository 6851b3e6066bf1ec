"""Fixtures of the sources' tests; the files themselves are made by ``builders``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from workbench.config import LimitsConfig
from workbench.sources.files import FileSource


@pytest.fixture(scope="session")
def source() -> Iterator[FileSource]:
    files = FileSource(LimitsConfig())
    yield files
    files.close()


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, bytes | str], Path]:
    """Write a file below the test's folder and return its path."""

    def written(name: str, content: bytes | str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return written
