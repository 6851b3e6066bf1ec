from __future__ import annotations

import importlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.app.conftest import TIMEOUT_S
from workbench import Sentence, SummaryProgress
from workbench.results.summary import Verdict
from workbench.values import Citation

CITED = Citation("a.md", "file:///a.md", None, 0, 5, "words", 1)
HELD = Sentence("It holds.", (CITED,), Verdict.SUPPORTED, 1.0)
JOINED = Sentence("It is the text.", (CITED,), Verdict.SUPPORTED, 1.0)
GONE = Sentence("It is invented.", (), Verdict.REMOVED, 0.0)


@pytest.fixture
def summarising() -> Callable[..., Any]:
    kind: Callable[..., Any] = importlib.import_module("summarising").Summarising
    return kind


class Scripted:
    """A session that tells ``parts`` and waits before the last of them until ``go_on`` is set."""

    def __init__(self, *parts: object) -> None:
        self.parts = parts
        self.waits, self.go_on = threading.Event(), threading.Event()
        self.asked: tuple[object, object] | None = None

    def summarise_stream(self, documents: object, **wishes: object) -> Iterator[object]:
        self.asked = (documents, wishes)
        *first, last = self.parts
        yield from first
        self.waits.set()
        assert self.go_on.wait(TIMEOUT_S)
        yield last


def test_only_what_holds_is_there_to_be_shown(summarising: Callable[..., Any]) -> None:
    session = Scripted(SummaryProgress(1, 4, 12, 6.0, 18.0), GONE, HELD, GONE, HELD)
    job = summarising(session, [], {"style": "brief"}).start()
    assert session.waits.wait(TIMEOUT_S)
    assert job.sentences == (HELD,)
    assert (job.left_out, job.passages, job.share, job.left_s) == (2, 12, 0.25, 18.0)
    assert session.asked == (None, {"style": "brief"})
    job.stop()
    session.go_on.set()
    job.wait(TIMEOUT_S)
    assert job.stopped
    assert job.sentences == (HELD,)


def test_the_text_takes_the_place_of_its_points(summarising: Callable[..., Any]) -> None:
    joining = SummaryProgress(1, 2, 12, 6.0, 6.0, joining=True)
    session = Scripted(HELD, joining, JOINED, SummaryProgress(2, 2, 12))
    job = summarising(session, [3], {}).start()
    assert session.waits.wait(TIMEOUT_S)
    assert job.joining
    assert job.sentences == (JOINED,)
    job.stop()
    session.go_on.set()
