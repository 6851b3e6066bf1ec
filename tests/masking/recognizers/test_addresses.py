"""Street addresses, units, boxes and military post."""

from __future__ import annotations

import pytest

from workbench.masking.recognizers.addresses import STREET_ADDRESSES


def found(text: str) -> set[str]:
    return {
        text[s.start : s.end] for recognizer in STREET_ADDRESSES for s in recognizer.spans(text)
    }


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (
            "at 40 William St., Suite 350, Wellesley, Massachusetts 02481.",
            "40 William St., Suite 350, Wellesley, Massachusetts 02481",
        ),
        ("201 Broadway, 4th Floor", "201 Broadway, 4th Floor"),
        ("1800 F St NW", "1800 F St NW"),
        ("P.O. Box 255", "P.O. Box 255"),
        ("10 Downing Street, SW1A 2AA", "10 Downing Street, SW1A 2AA"),
        ("Bahnhofstraße 12, 10115 Berlin", "Bahnhofstraße 12, 10115 Berlin"),
        ("12 rue de Rivoli", "12 rue de Rivoli"),
        ("Via Roma 7", "Via Roma 7"),
        ("at the corner of First and Main Street.", "the corner of First and Main Street."),
        (
            "at the corner of ul. Dluga 80 and Aldersey Road",
            "the corner of ul. Dluga 80 and Aldersey Road",
        ),
        ("at 70112 31 Rue tachkent.", "31 Rue tachkent"),
        ("Via delle Rose 41", "Via delle Rose 41"),
        ("28111 Ekeby 55\n Apt. 297", "28111 Ekeby 55\n Apt. 297"),
        ("947 trg slobode 17 apt. 858", "947 trg slobode 17 apt. 858"),
        ("seen on Orchard Hill Street again", "Orchard Hill Street"),
        ("PSC 3294, Box 9168\nAPO AA 61487", "PSC 3294, Box 9168\nAPO AA 61487"),
    ],
)
def test_found(text: str, value: str) -> None:
    assert value in found(text)


@pytest.mark.parametrize(
    "text",
    [
        "Take 3 steps down the road",
        "In 2019 the Court ruled",
        "Chapter 7 Drive times",
        "the street is long",
        "Wall Street fell",
    ],
)
def test_left_alone(text: str) -> None:
    assert found(text) == set()
