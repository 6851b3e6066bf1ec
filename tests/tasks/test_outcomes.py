from __future__ import annotations

import pytest

from workbench.tasks.outcomes import has_outcome, tells_outcome


@pytest.mark.parametrize(
    ("text", "tells"),
    [
        ("The group decided to use rubber.", True),
        ("The discussion concluded that it is too expensive.", True),
        ("The decision is to have one button.", True),
        ("All agreed.", True),
        ("Some disagreed, and the soil settlement was undecidable.", False),
        ("The Industrial Designer prefers rubber.", False),
    ],
)
def test_a_sentence_tells_an_outcome(text: str, tells: bool) -> None:
    assert tells_outcome(text) is tells


@pytest.mark.parametrize(
    ("source", "has"),
    [
        ("Okay, so we'll go with rubber then.", True),
        ("Let's use one button.", True),
        ("We agreed on that last week.", True),
        ("I would like rubber. Maybe one button is enough.", False),
    ],
)
def test_a_source_has_an_outcome_in_its_own_words(source: str, has: bool) -> None:
    assert has_outcome(source) is has
