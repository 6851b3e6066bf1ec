from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.extraction.locating import (
    Context,
    Match,
    Place,
    Source,
    label_words,
    locate,
    locate_value,
)
from workbench.extraction.schema import FieldType

RECEIPT = """BOOK TALK (TAMAN DAYA) SDN BHD
81100 JOHOR BAHRU,
JOHOR.
SUBTOTAL\t9.00
ROUNDING\t0.00
TOTAL\t9.00
CASH\t10.00
CHANGE\t1.00
The gover-
ning law is that of Florida."""
TOTAL = Context(label_words("total", "amount to pay"))


def words(place: Place | None, text: str = RECEIPT) -> str | None:
    return text[place.start : place.end] if place else None


def test_exact_words_stand_where_they_are() -> None:
    place = locate("JOHOR BAHRU", Source(RECEIPT), Context())
    assert place is not None
    assert (words(place), place.match, place.score) == ("JOHOR BAHRU", Match.EXACT, 100)


@pytest.mark.parametrize(
    ("said", "stands"),
    [
        ("81100 Johor Bahru, Johor.", "81100 JOHOR BAHRU,\nJOHOR."),
        ("81100 JOHOR BAHRU JOHOR", "81100 JOHOR BAHRU,\nJOHOR"),
        ("governing law", "gover-\nning law"),
        ("BOOK TALK(TAMAN DAYA)SDN BHD", "BOOK TALK (TAMAN DAYA) SDN BHD"),
    ],
)
def test_case_space_hyphens_and_marks_are_forgiven(said: str, stands: str) -> None:
    place = locate(said, Source(RECEIPT), Context())
    assert place is not None
    assert (words(place), place.match) == (stands, Match.NORMALISED)


def test_noise_of_recognition_is_forgiven_but_no_changed_digit() -> None:
    place = locate("BOOK TA1K (TAMAM DAYA) SDN BND", Source(RECEIPT), Context())
    assert place is None
    place = locate("BOOK TALX (TAMAN DAYA) SDN BND", Source(RECEIPT), Context())
    assert words(place) == "BOOK TALK (TAMAN DAYA) SDN BHD"
    assert place is not None
    assert place.match is Match.FUZZY
    assert place.score < 100
    assert locate("81200 JOHOR BAHRU", Source(RECEIPT), Context()) is None


def test_of_several_mentions_the_labelled_one_is_meant() -> None:
    place = locate("9.00", Source(RECEIPT), TOTAL)
    assert place is not None
    assert RECEIPT[: place.start].endswith("\nTOTAL\t")
    assert place.mentions == 2


def test_a_neighbour_decides_where_labels_do_not() -> None:
    text = "A\t5.00\nB\t1.00\nC\t5.00\nD\t2.00"
    near = text.index("D")
    place = locate("5.00", Source(text), Context(placed=((near, near + 1),)))
    assert place is not None
    assert place.start == text.rindex("5.00")


def test_only_what_was_shown_counts() -> None:
    second = RECEIPT.rindex("9.00")
    place = locate("9.00", Source(RECEIPT), Context(within=((second - 2, second + 6),)))
    assert place is not None
    assert place.start == second


def test_parts_of_numbers_and_words_are_no_mentions() -> None:
    assert locate("5.00", Source("15.00 and 5.001"), Context()) is None
    assert locate("legal", Source("this is illegal"), Context()) is None
    assert locate("...", Source(RECEIPT), Context()) is None
    assert locate("", Source(RECEIPT), Context()) is None


def test_a_value_is_found_in_another_form() -> None:
    text = "Total 1,234.50\nPaid 10.00"
    place = locate_value(Decimal("1234.50"), FieldType.MONEY, Source(text), Context())
    assert words(place, text) == "1,234.50"
    assert locate_value(Decimal(7), FieldType.MONEY, Source(text), Context()) is None


@given(st.text(max_size=200), st.integers(0, 200), st.integers(1, 60))
def test_whatever_stands_in_a_text_lies_inside_it(text: str, start: int, length: int) -> None:
    place = locate(text[start : start + length], Source(text), Context())
    if place is not None:
        assert 0 <= place.start < place.end <= len(text)


@given(st.text(max_size=120), st.text(max_size=40))
def test_any_words_and_any_text(text: str, said: str) -> None:
    place = locate(said, Source(text), Context(within=((0, len(text) // 2),)))
    assert place is None or 0 <= place.start < place.end <= len(text)
