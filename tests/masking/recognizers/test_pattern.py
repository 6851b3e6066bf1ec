"""A pattern that runs out of time stops the document."""

from __future__ import annotations

import pytest

from workbench.errors import MaskingError
from workbench.masking.recognizers import pattern
from workbench.masking.recognizers.pattern import Recognizer

SLOW = Recognizer(name="slow", type="SECRET", pattern=r"(?:a+)+$", score=1.0)


def test_a_timeout_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pattern, "TIMEOUT_S", 0.05)
    with pytest.raises(MaskingError, match="too long"):
        list(SLOW.spans("a" * 5_000 + "b"))


def test_the_value_group_is_the_span() -> None:
    named = Recognizer(name="n", type="SECRET", pattern=r"pin (?P<value>\d{4})", score=0.7)
    (span,) = named.spans("the pin 1234 is set")
    assert (span.start, span.end, span.score) == (8, 12, 0.7)
