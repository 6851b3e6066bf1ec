from __future__ import annotations

import dataclasses

import pytest

from workbench.models.messages import ChatDelta, ChatRequest


def test_requests_are_frozen_and_greedy_by_default() -> None:
    request = ChatRequest("m", "s", "u", None, 10, "v1")
    assert (request.temperature, request.seed, request.stop) == (0.0, 0, ())
    assert dict(request.cache_parts) == {}
    with pytest.raises(dataclasses.FrozenInstanceError):
        request.user = "other"  # type: ignore[misc]


def test_requests_share_no_cache_parts() -> None:
    with pytest.raises(TypeError):
        ChatRequest("m", "s", "u", None, 10, "v1").cache_parts["x"] = 1  # type: ignore[index]


def test_only_the_last_delta_has_usage() -> None:
    assert ChatDelta("text").usage is None
