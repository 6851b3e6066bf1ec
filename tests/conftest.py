"""What tests of several rooms share: where things lie. Rooms keep their own fixtures."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

pytest_plugins = ["tests.workbenches", "tests.store.servers"]

ROOT = Path(__file__).resolve().parent.parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where two processes share the suite they do so by files, but all that run models go to one:
    two models at a time would only wait for each other."""
    for item in items:
        models = item.get_closest_marker("models") is not None
        group = "models" if models else str(item.path.relative_to(ROOT))
        item.add_marker(pytest.mark.xdist_group(group))


@pytest.fixture(scope="session")
def repo_root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def sample_folder() -> Path:
    """The committed sample corpus."""
    return ROOT / "data" / "sample"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Larger labelled data sets that lie beside the checkout on some machines."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("no folder ../shared/data beside this checkout")
    return folder


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser for page tests; `scripts/ensure_chromium.sh` installs it where it may."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        path = shutil.which(name)
        if path is not None:
            return path
    pytest.skip("no Chromium on PATH")
