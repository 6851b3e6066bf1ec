"""Parts of an address become one value."""

from __future__ import annotations

from workbench.masking.addresses import join_addresses
from workbench.masking.spans import Span


def at(text: str, value: str, kind: str, score: float = 0.9) -> Span:
    start = text.index(value)
    return Span(start, start + len(value), kind, score)


def joined(text: str, words: list[Span], spans: list[Span]) -> list[tuple[str, str]]:
    return [(text[s.start : s.end], s.type) for s in join_addresses(text, words, spans)]


def test_the_lines_of_a_letter_are_one_address() -> None:
    text = "Lives at\n> 3037 Rynek 73\n> Apt. 946\n> Lodz\n> Poland 12345\nand works."
    words = [at(text, "Rynek", "STREET_WORD"), at(text, "Lodz", "PLACE_WORD")]
    assert joined(text, words, [at(text, "Poland", "LOCATION")]) == [
        ("Poland", "LOCATION"),
        ("3037 Rynek 73\n> Apt. 946\n> Lodz\n> Poland 12345", "STREET_ADDRESS"),
    ]


def test_a_lone_town_and_postcode_keep_their_types() -> None:
    text = "Wellesley has 02481."
    words = [at(text, "Wellesley", "PLACE_WORD"), at(text, "02481", "CODE_WORD")]
    assert joined(text, words, []) == [("Wellesley", "LOCATION"), ("02481", "ZIP_CODE")]


def test_one_word_or_no_number_is_no_address() -> None:
    assert joined("We at 18F work", [at("We at 18F work", "18F", "STREET_WORD")], []) == []
    assert joined("on Wall Street", [at("on Wall Street", "Wall", "STREET_WORD")], []) == []


def test_an_unlikely_word_starts_no_address() -> None:
    text = "12 Rynek 73"
    assert joined(text, [at(text, "Rynek", "STREET_WORD", 0.3)], []) == []


def test_town_and_state_without_a_postcode_belong_to_the_street() -> None:
    text = "sent to 40 William Street Wellesley Hills MA yesterday"
    street = at(text, "40 William Street", "STREET_ADDRESS")
    assert joined(text, [], [street]) == [
        ("40 William Street Wellesley Hills MA", "STREET_ADDRESS")
    ]


def test_a_telephone_number_below_is_not_part_of_it() -> None:
    text = "40 William Street, PA 73161\nMobile: 432 03 163"
    phone = at(text, "432 03 163", "PHONE_NUMBER")
    words = [at(text, "03", "STREET_WORD")]
    assert joined(text, words, [at(text, "40 William Street", "STREET_ADDRESS"), phone]) == [
        ("432 03 163", "PHONE_NUMBER"),
        ("40 William Street, PA 73161", "STREET_ADDRESS"),
    ]


def test_lines_down_to_the_postcode_belong_to_it_whatever_the_alphabet() -> None:
    text = (
        "58 Rynek 89\n\u0391\u0393\u039b\u0391 (\u0391\u0393)\n, NI\n Cyprus (Greek) 78891\nHello"
    )
    words = [at(text, "Rynek", "STREET_WORD")]
    assert joined(text, words, []) == [(text.removesuffix("\nHello"), "STREET_ADDRESS")]


def test_a_town_behind_the_unit_belongs_to_it() -> None:
    text = "at 9 Rynek 18. Apt. 417 Nowy Targ"
    assert joined(text, [at(text, "Rynek", "STREET_WORD")], []) == [
        ("9 Rynek 18. Apt. 417 Nowy Targ", "STREET_ADDRESS")
    ]
