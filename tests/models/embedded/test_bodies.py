from __future__ import annotations

import math
from typing import Any

import pytest
from pydantic import ValidationError

from workbench.models.embedded.bodies import ChatBody, EmbedBody, ModelBody, Options, keep_alive_s


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, 300),
        (0, 0),
        ("0", 0),
        (10, 10),
        (2.5, 2.5),
        ("5m", 300),
        ("1h30m", 5400),
        ("300ms", 0.3),
        ("1.5h", 5400),
        (-1, math.inf),
        ("-1", math.inf),
        ("-1m", math.inf),
    ],
)
def test_keep_alive(value: object, seconds: float) -> None:
    assert keep_alive_s(value) == pytest.approx(seconds)


@pytest.mark.parametrize("value", ["", "5", "5x", "m5", "5m3", "five minutes", "m"])
def test_keep_alive_that_is_no_duration(value: str) -> None:
    with pytest.raises(ValueError, match="invalid duration"):
        keep_alive_s(value)


def test_defaults_are_ollamas() -> None:
    options = ChatBody().options
    assert (options.num_ctx, options.num_predict, options.temperature) == (4096, -1, 0.8)
    assert ChatBody().stream is True


def test_null_means_not_given() -> None:
    body = ChatBody.model_validate(
        {"model": "m", "options": {"seed": None, "num_ctx": 1024, "stop": None}, "keep_alive": None}
    )
    assert (body.options.num_ctx, body.options.stop, body.keep_alive) == (1024, (), 300)
    assert EmbedBody.model_validate({"truncate": None}).truncate is True
    assert ChatBody.model_validate({"options": None}).options == Options()


def test_one_stop_word_or_many() -> None:
    assert Options.model_validate({"stop": "x"}).stop == ("x",)
    assert Options.model_validate({"stop": ["x", "y"]}).stop == ("x", "y")


@pytest.mark.parametrize(
    "body",
    [
        {"format": "yaml"},
        {"options": [1]},
        {"options": {"num_ctx": 0}},
        {"options": {"temperature": -1}},
        {"options": {"temperature": "hot"}},
        {"messages": "hello"},
        {"messages": [{"content": "no role"}]},
    ],
)
def test_bad_bodies(body: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ChatBody.model_validate(body)


def test_name_is_the_older_word_for_model() -> None:
    assert ModelBody(name="old").wanted == "old"
    assert ModelBody(model="new", name="old").wanted == "new"
