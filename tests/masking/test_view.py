"""What the detectors read, and the way back to the original offsets."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from workbench.masking.view import plain_view


def test_odd_blanks_dashes_digits_and_hidden_characters_become_plain() -> None:
    view = plain_view("\uff14\uff11\u00a02\u20133 S\u200bmi\u00adth")
    assert view.text == "41 2-3 Smith"


def test_markup_goes_and_offsets_lead_back() -> None:
    text = "and **Jane** <b>Doe</b><td>x</td>"
    view = plain_view(text)
    assert view.text == "and Jane Doe\nx\n"
    start = view.text.index("Jane Doe")
    assert text[view.start(start) : view.end(start + 8)] == "Jane** <b>Doe"


def test_a_tag_with_attributes_is_read() -> None:
    text = '<a title="Jane Doe">x</a>'
    assert "Jane Doe" in plain_view(text).text


def test_the_private_use_mark_cannot_be_smuggled_in() -> None:
    assert plain_view("a\ue000b").text == "a b"


@given(st.text("ab*`<>/ \u200b\u00a0\u2013\ue000", max_size=60))
def test_every_character_of_the_view_comes_from_its_offset(text: str) -> None:
    view = plain_view(text)
    for offset, char in enumerate(view.text):
        original = text[view.start(offset)]
        assert char == original or not original.isalnum() or char == "\n"
        assert view.end(offset + 1) == view.start(offset) + 1


def test_a_social_security_number_is_seen_between_hidden_characters() -> None:
    text = "is 125\u200b17\u200b\u200b4954."
    view = plain_view(text)
    assert view.text == "is 125-17-4954."
    assert text[view.start(3) : view.end(14)] == text[3:-1]
    assert plain_view("1\u200b125\u200b17\u200b4954").text == "1125174954"
