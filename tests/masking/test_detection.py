"""Windows lose nothing at their edges; failures stop the text; equal windows are read once."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import MaskingError
from workbench.masking.detection import (
    CORE_CHARS,
    MARGIN_CHARS,
    Detection,
    Patterns,
    windows,
)
from workbench.masking.recognizers import RECOGNIZERS
from workbench.masking.spans import Span

CARD = "4111 1111 1111 1111"


class Counting:
    """Finds nothing and counts what it was given."""

    version = "counting"

    def __init__(self) -> None:
        self.texts: list[str] = []

    def find(self, texts: Sequence[str]) -> list[list[Span]]:
        self.texts += texts
        return [[] for _ in texts]


class Forgetful(Counting):
    """Drops the last text."""

    def find(self, texts: Sequence[str]) -> list[list[Span]]:
        return super().find(texts)[:-1]


class Raising(Counting):
    """Fails with the text in its message."""

    def find(self, texts: Sequence[str]) -> list[list[Span]]:
        raise RuntimeError(f"cannot read {texts[0]}")


@given(st.text("ab \n.", max_size=200), st.integers(0, 60))
def test_cores_cover_the_text_once(piece: str, times: int) -> None:
    text = piece * times
    cores = [(window.core_start, window.core_end) for window in windows(text)]
    assert "".join(text[start:end] for start, end in cores) == text
    assert all(end - start <= CORE_CHARS for start, end in cores)
    assert all(
        w.start == max(0, w.core_start - MARGIN_CHARS)
        and w.end == min(len(text), w.core_end + MARGIN_CHARS)
        for w in windows(text)
    )


@pytest.mark.parametrize("shift", range(0, 40, 3))
@pytest.mark.parametrize("filler", ["x", " ", "word "])
def test_a_value_across_a_border_is_found_whole(shift: int, filler: str) -> None:
    detection = Detection([Patterns(RECOGNIZERS)], ("CREDIT_CARD",), 0.4)
    before = (filler * CORE_CHARS)[: CORE_CHARS - shift - 1] + " "
    text = before + CARD + " " + filler * 100
    assert [text[s.start : s.end] for s in detection.find([text])[0]] == [CARD]


def test_a_failure_stops_the_text_and_does_not_quote_it() -> None:
    with pytest.raises(MaskingError, match="RuntimeError") as failure:
        Detection([Counting(), Raising()], ("PERSON",), 0.4).find(["Tommy Smith"])
    assert "Tommy" not in str(failure.value)
    assert failure.value.__cause__ is None


def test_an_unread_text_is_an_error() -> None:
    with pytest.raises(MaskingError, match="unread"):
        Detection([Forgetful()], ("PERSON",), 0.4).find(["Tommy", "Smith"])


def test_equal_texts_are_read_once() -> None:
    counting = Counting()
    detection = Detection([counting], ("PERSON",), 0.4)
    detection.find(["a cell", "a cell", "another"])
    detection.find(["a cell"])
    assert sorted(counting.texts) == ["a cell", "another"]


def test_types_and_threshold_decide() -> None:
    patterns = Patterns(RECOGNIZERS)
    text = f"{CARD} or 030 901820"
    assert len(Detection([patterns], ("CREDIT_CARD", "PHONE_NUMBER"), 0.4).find([text])[0]) == 2
    assert len(Detection([patterns], ("CREDIT_CARD", "PHONE_NUMBER"), 0.6).find([text])[0]) == 1
    assert Detection([patterns], ("PERSON",), 0.4).find([text]) == [[]]


def test_threads_agree() -> None:
    detection = Detection([Patterns(RECOGNIZERS)], ("CREDIT_CARD",), 0.4)
    texts = [f"{i}: {CARD}" for i in range(50)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda text: detection.find([text])[0], texts * 4))
    assert all(len(spans) == 1 for spans in found)


def test_the_version_follows_the_patterns() -> None:
    assert Patterns(RECOGNIZERS).version != Patterns(RECOGNIZERS[1:]).version
