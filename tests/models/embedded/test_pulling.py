from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from workbench.errors import DownloadError
from workbench.models.catalog import CatalogModel, Part
from workbench.models.embedded.pulling import pull_events
from workbench.models.embedded.replies import ApiError
from workbench.models.wheels import PartFetcher, PipFetcher


class Broken:
    def fetch(self, part: Part, scratch: Path) -> bytes:
        raise DownloadError("the network is gone", next_step="Try again.")


async def collect(model: CatalogModel, models: Path, fetcher: PartFetcher) -> list[dict[str, Any]]:
    return [event async for event in pull_events(model, models, fetcher)]


def test_events_as_ollama_sends_them(
    tiny_model: CatalogModel, offline_env: dict[str, str], tmp_path: Path
) -> None:
    events = asyncio.run(collect(tiny_model, tmp_path, PipFetcher(offline_env)))
    assert events[0] == {"status": "pulling manifest"}
    assert events[-1] == {"status": "success"}
    for event in events[1:-1]:
        assert event["digest"] == f"sha256:{tiny_model.digest}"
        assert 0 <= event["completed"] <= event["total"] == tiny_model.size
    assert tiny_model.is_present(tmp_path)


def test_failure_is_an_error(tiny_model: CatalogModel, tmp_path: Path) -> None:
    with pytest.raises(ApiError, match="the network is gone"):
        asyncio.run(collect(tiny_model, tmp_path, Broken()))
