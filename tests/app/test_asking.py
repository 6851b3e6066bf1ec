from __future__ import annotations

import importlib
import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.app.conftest import QUESTION, SENTENCE, TIMEOUT_S, MakeWorkbench
from workbench.errors import UsageError

Asking = Callable[[Any, str], Any]


@pytest.fixture
def asking() -> Asking:
    kind: Asking = importlib.import_module("asking").Asking
    return kind


class Scripted:
    """A session whose answer is written here."""

    def __init__(self, parts: Callable[[], Iterator[Any]]) -> None:
        self._parts = parts

    def ask_stream(self, question: str) -> Iterator[Any]:
        return self._parts()


def test_an_answer_arrives_in_the_background(use: MakeWorkbench, asking: Asking) -> None:
    asked = asking(use().session(), QUESTION).start()
    asked.wait(TIMEOUT_S)
    assert not asked.running
    assert asked.error is None
    assert asked.draft == SENTENCE
    assert asked.first_words_s is not None
    assert 0 < asked.first_words_s <= asked.took_s
    assert asked.answer.text == SENTENCE


def test_an_error_is_kept(use: MakeWorkbench, asking: Asking) -> None:
    asked = asking(use().session(), "  ").start()
    asked.wait(TIMEOUT_S)
    assert isinstance(asked.error, UsageError)


def test_what_nobody_foresaw_is_logged_and_told(
    asking: Asking, caplog: pytest.LogCaptureFixture
) -> None:
    def parts() -> Iterator[Any]:
        yield "a draft"
        raise ZeroDivisionError

    with caplog.at_level(logging.ERROR):
        asked = asking(Scripted(parts), QUESTION).start()
        asked.wait(TIMEOUT_S)
    assert "did not foresee" in str(asked.error)
    assert "ZeroDivisionError" in caplog.text


def test_stopping_ends_the_run(asking: Asking) -> None:
    go_on, ended = threading.Event(), threading.Event()

    def parts() -> Iterator[Any]:
        try:
            yield "one"
            go_on.wait(TIMEOUT_S)
            yield "two"
            pytest.fail("the stopped question went on")
        finally:
            ended.set()

    asked = asking(Scripted(parts), QUESTION).start()
    asked.stop()
    assert not asked.running
    go_on.set()
    assert ended.wait(TIMEOUT_S)
    asked.wait(TIMEOUT_S)
    assert (asked.answer, asked.error) == (None, None)
