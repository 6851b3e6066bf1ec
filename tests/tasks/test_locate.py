from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.tasks.locate import locate

PASSAGES = [
    "The lease begins on 1 March 2024. Rent is due monthly.",
    "Employees earn four hours of sick leave\nper pay period — no more.",
    "Termination needs ninety days’ written notice by either party.",  # noqa: RUF001
]


def words_at(quote: str, passages: list[str] = PASSAGES) -> str | None:
    place = locate(quote, passages)
    return passages[place.index][place.start : place.end] if place else None


def test_exact_words_are_found_at_their_place() -> None:
    place = locate("Rent is due monthly.", PASSAGES)
    assert place is not None
    assert (place.index, place.score) == (0, 100.0)
    assert PASSAGES[0][place.start : place.end] == "Rent is due monthly"


@pytest.mark.parametrize(
    "quote",
    [
        "employees earn four hours of SICK leave per pay period",
        "Employees earn  four hours of sick leave per pay period - no more",
    ],
)
def test_case_space_and_dashes_do_not_matter(quote: str) -> None:
    found = words_at(quote)
    assert found is not None
    assert found.startswith("Employees earn")
    assert "sick leave\nper pay period" in found


def test_small_slips_are_found_fuzzily_and_whole_words_are_cited() -> None:
    found = words_at("Termination need ninety days written notice by either party")
    assert found == "Termination needs ninety days’ written notice by either party."  # noqa: RUF001


def test_a_changed_number_is_not_the_same_words() -> None:
    assert locate("The lease begins on 1 March 2025. Rent is due monthly.", PASSAGES) is None


@pytest.mark.parametrize(
    ("quote", "passage"),
    [
        ("5,000 euros per year", "The fee is 15,000 euros per year."),
        ("000 euros per year", "The fee is 15,000 euros per year."),
        ("The yearly fee is 15", "The yearly fee is 15,000 euros."),
        ("The yearly fee is 1", "The yearly fee is 15 euros."),
    ],
)
def test_a_part_of_a_number_is_another_number(quote: str, passage: str) -> None:
    assert words_at(quote, [passage]) is None


def test_a_part_of_a_word_is_cited_as_the_whole_word() -> None:
    passage = "It is illegal to park here."
    assert words_at("legal to park here", [passage]) == "illegal to park here."


def test_words_without_spaces_between_them_are_found_inside() -> None:
    passage = "员工每个工资期可获得四小时病假，不得结转。"  # noqa: RUF001
    assert words_at("每个工资期可获得四小时病假", [passage]) == "每个工资期可获得四小时病假"


@pytest.mark.parametrize("quote", ["", "the", "   ", "Pigs can fly over the moon tonight"])
def test_nothing_or_other_words_are_not_found(quote: str) -> None:
    assert locate(quote, PASSAGES) is None


def test_a_short_quote_counts_only_as_a_whole_passage() -> None:
    assert locate("Total 9", ["Total 9", "and more"]) is not None
    assert locate("Total 9", ["The Total 9 of them"]) is None


@given(st.text(min_size=1), st.integers(0, 200), st.integers(0, 200))
def test_any_span_of_a_text_is_located_as_itself(text: str, start: int, length: int) -> None:
    quote = text[start : start + length]
    place = locate(quote, [text])
    if place is not None:
        assert 0 <= place.start < place.end <= len(text)
        assert place.score == 100.0 or quote not in text


@given(st.text(), st.lists(st.text(), max_size=4))
def test_no_text_breaks_it(quote: str, passages: list[str]) -> None:
    place = locate(quote, passages)
    if place is not None:
        assert passages[place.index][place.start : place.end].strip()
