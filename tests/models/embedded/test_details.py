from __future__ import annotations

import math
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from workbench.models.catalog import load_catalog
from workbench.models.embedded.details import listed, now, running, shown
from workbench.models.embedded.residents import Resident

MINILM = load_catalog().get("embedding")


@pytest.fixture
def models(tmp_path: Path) -> Path:
    for path in MINILM.paths(tmp_path):
        path.parent.mkdir(exist_ok=True)
        path.write_text("x")
    return tmp_path


def test_listed_by_its_full_name(models: Path) -> None:
    entry = listed(MINILM, models)
    assert (entry["name"], entry["model"]) == ("all-minilm:latest", "all-minilm:latest")
    assert entry["size"] == MINILM.size
    assert datetime.fromisoformat(entry["modified_at"]) <= datetime.now(UTC)


def test_shown_with_context_length_and_width(models: Path) -> None:
    answer = shown(MINILM, models)
    assert answer["model_info"] == {
        "general.architecture": "bert",
        "bert.context_length": 256,
        "bert.embedding_length": 384,
    }
    assert answer["capabilities"] == ["embedding"]


def test_running_until(models: Path) -> None:
    soon = running(Resident(MINILM, expires_at_s=time.monotonic() + 60))
    left = datetime.fromisoformat(soon["expires_at"]) - datetime.now(UTC)
    assert timedelta(seconds=55) < left <= timedelta(seconds=60)
    forever = running(Resident(MINILM, expires_at_s=math.inf))
    assert datetime.fromisoformat(forever["expires_at"]).year > 2200


def test_now_ends_with_z() -> None:
    assert now().endswith("Z")
    assert datetime.fromisoformat(now()).tzinfo is UTC
