from __future__ import annotations

import pytest

from workbench.tasks.dates import UNDATED, first_date


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("The office opened on 2024-03-05.", (2024, 3, 5)),
        ("On March 5, 2024 it opened, in 2025 it closed.", (2024, 3, 5)),
        ("On the 5th of March 2024", (2024, 3, 5)),
        ("2024-03-05T10:00", (2024, 3, 5)),
        ("the year 2023-24", (2023, 0, 0)),
        ("Sept. 2024", (2024, 9, 0)),
        ("in 1961", (1961, 0, 0)),
        ("on 3 May", (9999, 5, 3)),
        ("May 3rd", (9999, 5, 3)),
        ("You may ask 12 people in room 1234567.", None),
        ("", None),
    ],
)
def test_the_first_date(text: str, date: object) -> None:
    assert first_date(text) == date


def test_dates_sort_by_time() -> None:
    texts = ["in 2023", "May 2024", "2024-05-02", "June 1, 2024", "2 February", "3 May"]
    dates = [first_date(text) or UNDATED for text in [*texts, "some day"]]
    assert dates == sorted(dates)
