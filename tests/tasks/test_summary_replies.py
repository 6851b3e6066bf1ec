"""What a model copies from the prompt's layout is no sentence."""

from __future__ import annotations

import pytest

from workbench.tasks.summary_replies import written_sentences


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ("", []),
        ("# Leave\nLeave is paid.", ["Leave is paid."]),
        ("- Leave is paid.\n2. Badges are blue.", ["Leave is paid.", "Badges are blue."]),
        ("Summary: Leave is\npaid.", ["Leave is", "paid."]),
        ("The text says that leave is paid.", ["Leave is paid."]),
        ("Leave is paid. And it", ["Leave is paid."]),
    ],
)
def test_marks_and_phrases_are_taken_off(reply: str, expected: list[str]) -> None:
    assert written_sentences(reply) == expected
