"""How the detectors are weighed against each other, and words joined."""

from __future__ import annotations

import pytest

from workbench.masking.fusion import GUESS, fuse
from workbench.masking.spans import Span


def word(text: str, value: str, score: float, kind: str = "NAME_WORD") -> Span:
    start = text.index(value)
    return Span(start, start + len(value), kind, score)


def persons(text: str, *findings: Span) -> list[str]:
    return [text[s.start : s.end] for s in fuse(text, findings) if s.type == "PERSON"]


@pytest.mark.parametrize(("trace", "expected"), [(0.01, []), (0.03, ["Permitted Liens"])])
def test_a_guess_needs_a_trace(trace: float, expected: list[str]) -> None:
    text = "all Permitted Liens are"
    guess = Span(4, 19, GUESS, 0.85)
    assert persons(text, guess, word(text, "Liens", trace)) == expected


def test_a_contested_word_needs_more() -> None:
    text = "in Paris today"
    place = Span(3, 8, "LOCATION", 0.85)
    assert persons(text, word(text, "Paris", 0.3)) == ["Paris"]
    assert persons(text, word(text, "Paris", 0.3), place) == []
    assert persons(text, word(text, "Paris", 0.5), place) == ["Paris"]


def test_lower_case_counts_where_all_is_lower_case() -> None:
    text = "what did tommy say"
    assert persons(text, word(text, "tommy", 0.6)) == ["tommy"]
    assert persons("What did tommy say", word(text, "tommy", 0.6)) == []


def test_initials_join_their_names() -> None:
    text = "J. Tommy P. Verhoeven left"
    assert persons(text, word(text, "Tommy", 0.9)) == ["J. Tommy P. Verhoeven"]


def test_acronyms_in_prose_are_not_names() -> None:
    text = "The OPM says so"
    assert persons(text, word(text, "OPM", 0.6)) == []
    assert persons("OPM", word("OPM", "OPM", 0.6)) == ["OPM"]


def test_names_in_lines_stay_apart() -> None:
    text = "Jane Doe\nTommy Smith"
    hints = [word(text, value, 0.9) for value in ("Jane", "Doe", "Tommy", "Smith")]
    assert persons(text, Span(0, 20, GUESS, 0.85), *hints) == ["Jane Doe", "Tommy Smith"]


def test_number_words_join_to_one_number() -> None:
    text = "call 212 555 0187 now"
    hints = [word(text, value, 0.9, "PHONE_WORD") for value in ("212", "555", "0187")]
    (span,) = fuse(text, hints)
    assert (text[span.start : span.end], span.type) == ("212 555 0187", "PHONE_NUMBER")


def test_a_long_identifier_is_no_licence() -> None:
    text = "d/12E7VbV7YhRfBp5fRdcjfpdVSLPPCyKHe"
    assert fuse(text, [word(text, "12E7VbV7YhRfBp5fRdcjfpdVSLPPCyKHe", 0.9, "LICENSE_WORD")]) == []


def test_two_words_that_are_each_a_little_likely_are_a_name_together() -> None:
    text = "Then Irena Bila of Acme spoke"
    assert persons(text, word(text, "Irena", 0.05), word(text, "Bila", 0.04)) == ["Irena Bila"]
    assert persons(text, word(text, "Irena", 0.05), word(text, "Bila", 0.025)) == []
    assert persons(text, word(text, "Irena", 0.05), word(text, "Acme", 0.05)) == []
