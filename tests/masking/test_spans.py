"""Overlaps become one cover, and nothing that was found is let through."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from workbench.masking.spans import Span, repeats, resolve, trim

TEXT = "Tommy Smith 4111 1111 1111 1111, 40 William St."


def test_a_certain_span_wins_and_the_rest_of_the_other_stays() -> None:
    spans = [Span(0, 21, "PERSON", 0.9), Span(12, 31, "CREDIT_CARD", 1.0)]
    assert resolve(TEXT, spans) == [
        Span(0, 11, "PERSON", 0.9),
        Span(12, 31, "CREDIT_CARD", 1.0),
    ]


def test_the_longer_of_two_uncertain_spans_wins() -> None:
    spans = [Span(0, 5, "PERSON", 0.9), Span(0, 11, "LOCATION", 0.5)]
    assert resolve(TEXT, spans) == [Span(0, 11, "LOCATION", 0.5)]


def test_trim_takes_blanks_and_marks_off() -> None:
    assert trim(TEXT, Span(11, 33, "X", 0.5)) == Span(12, 31, "X", 0.5)
    assert trim(TEXT, Span(31, 33, "X", 0.5)) is None


@given(
    st.text("ab 1,.<>'", min_size=1, max_size=40),
    st.lists(st.tuples(st.integers(0, 40), st.integers(1, 12), st.sampled_from([0.5, 0.99]))),
)
def test_every_letter_and_digit_stays_covered_once(
    text: str, drawn: list[tuple[int, int, float]]
) -> None:
    spans = [
        Span(start, min(len(text), start + length), kind, score)
        for (start, length, score), kind in zip(drawn, "ABCDEFGH" * 20, strict=False)
        if start < len(text)
    ]
    resolved = resolve(text, spans)
    covered = [i for span in resolved for i in range(span.start, span.end)]
    assert len(covered) == len(set(covered))
    wanted = {i for s in spans for i in range(s.start, s.end) if text[i].isalnum()}
    assert wanted <= set(covered)
    assert resolved == sorted(resolved, key=lambda span: span.start)


def test_a_value_found_once_is_found_at_every_place() -> None:
    text = "code AB-1234, then AB-1234x and AB-1234."
    assert repeats(text, [Span(5, 12, "X", 0.9)]) == [
        Span(5, 12, "X", 0.9),
        Span(32, 39, "X", 0.9),
    ]


def test_types_that_depend_on_context_are_not_repeated() -> None:
    text = "Subsidiary and Subsidiary"
    assert repeats(text, [Span(0, 10, "ORGANIZATION", 0.9)]) == []


def test_a_single_word_is_spread_only_if_it_is_mostly_a_name() -> None:
    text = "Trello, Trello, Trello"
    assert repeats(text, [Span(0, 6, "PERSON", 0.9)]) == []
    assert len(repeats(text, [Span(0, 6, "PERSON", 0.9), Span(8, 14, "PERSON", 0.9)])) == 3
