from __future__ import annotations

import inspect
import pickle

import pytest

from workbench import errors
from workbench.errors import FileTooLarge, WorkbenchError

KINDS = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, WorkbenchError)
]


def test_a_message_says_fact_value_and_next_step() -> None:
    error = FileTooLarge("the file is too large", value="9 GB", next_step="Split it.")
    assert str(error) == "the file is too large: 9 GB. Split it."


def test_a_message_without_a_value() -> None:
    assert (
        str(WorkbenchError("nothing found", next_step="Try again.")) == "nothing found. Try again."
    )


def test_a_value_that_is_empty_is_still_shown() -> None:
    assert str(WorkbenchError("no", value=0, next_step="Go.")) == "no: 0. Go."


@pytest.mark.parametrize(("length", "shown"), [(200, "x" * 200 + "."), (201, "x" * 197 + "...")])
def test_a_long_value_is_shortened(length: int, shown: str) -> None:
    error = WorkbenchError("long", value="x" * length, next_step="Go.")
    assert str(error) == f"long: {shown} Go."
    assert error.value == "x" * length


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_survives_another_process(kind: type[WorkbenchError]) -> None:
    error = pickle.loads(pickle.dumps(kind("what", value=3, next_step="Next.")))  # noqa: S301
    assert type(error) is kind
    assert (error.what, error.value, error.next_step) == ("what", 3, "Next.")


def test_next_step_is_required() -> None:
    with pytest.raises(TypeError, match="next_step"):
        WorkbenchError("what")  # type: ignore[call-arg]
