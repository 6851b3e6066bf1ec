"""Fixtures of everything above the rooms: a workbench over fakes, and a few documents."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from workbench.config import Config
from workbench.masking.detection import Patterns
from workbench.masking.masker import Masker
from workbench.masking.placeholders import MemoryPlaceholders
from workbench.masking.recognizers import RECOGNIZERS
from workbench.models.fake import FakeServer
from workbench.models.governed import Models
from workbench.models.messages import ChatRequest
from workbench.workbench import Workbench

MakeWorkbench = Callable[..., Workbench]


@pytest.fixture
def make_workbench(tmp_path: Path) -> MakeWorkbench:
    """A workbench over ``tmp_path``: scripted chat, pattern masking only, everything else real."""

    def make(
        reply: Callable[[ChatRequest], str] | None = None,
        *,
        config: Config | None = None,
        server: FakeServer | None = None,
    ) -> Workbench:
        settings = config or Config()
        fake = server or FakeServer(agreeing(reply) if reply else None)
        masker = Masker(
            settings.masking,
            MemoryPlaceholders(),
            key=bytes(32),
            detectors=[Patterns(RECOGNIZERS)],
        )
        return Workbench(
            tmp_path / "workspace",
            settings,
            {},
            connect_models=lambda cache: Models(fake, settings.models, cache),
            masker=masker,
        )

    return make


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three small documents."""
    files = {
        "leave.md": "# Leave\n\nEmployees earn 4 hours of sick leave per pay period.\n"
        "Annual leave depends on years of service.\n",
        "badges.md": "# Badges\n\nThe office processes new badges every Wednesday.\n",
        "travel.txt": "Book flights through the travel portal. Receipts over 75 dollars are kept.",
    }
    root = tmp_path / "documents"
    root.mkdir()
    for name, text in files.items():
        (root / name).write_text(text, encoding="utf-8")
    return root


def agreeing(reply: Callable[[ChatRequest], str]) -> Callable[[ChatRequest], str]:
    """``reply`` for drafts; what asks for a verdict gets a yes."""
    return lambda request: "yes" if asks_for_verdict(request) else reply(request)


def asks_for_verdict(request: ChatRequest) -> bool:
    """Whether yes or no is wanted."""
    return request.prompt_version.startswith(("relevance@", "groundedness@"))


def question_of(request: ChatRequest) -> str:
    """The question in a request's user part."""
    found = re.search(r"Question: (.*)", request.user)
    assert found is not None
    return found.group(1)


def sentence_with(request: ChatRequest, words: Sequence[str]) -> str:
    """The first line of the sources that holds all ``words``."""
    for line in request.user.splitlines():
        if all(word in line for word in words):
            return line
    raise AssertionError(f"no source line with {words}")
