"""A name that was found once is found everywhere in its document."""

from __future__ import annotations

from workbench.masking.names import Names


def values(names: Names, text: str) -> set[str]:
    return {text[span.start : span.end] for span in names.spans(text)}


def test_bare_surnames_and_first_names_follow_a_full_name() -> None:
    text = "Later Verhoeven and Tommy met. TOMMY  VERHOEVEN signed."
    names = Names(["Tommy Verhoeven"], [text])
    assert values(names, text) == {"Verhoeven", "Tommy", "TOMMY", "VERHOEVEN", "TOMMY  VERHOEVEN"}


def test_a_word_the_document_also_uses_is_not_a_name() -> None:
    text = "Will Page will turn the page. Page saw it."
    names = Names(["Will Page"], [text])
    assert values(names, text) == {"Will Page"}


def test_one_fitting_person_is_meant() -> None:
    names = Names(["Tommy James Smith", "Jane Doe"], [])
    assert names.canonical("Smith") == "tommy james smith"
    assert names.canonical("T. Smith") == "tommy james smith"
    assert names.canonical("Jane") == "jane doe"
    assert names.canonical("Roe") == "Roe"


def test_two_fitting_persons_stay_apart() -> None:
    names = Names(["Tommy Smith", "Jane Smith"], [])
    assert names.canonical("Smith") == "Smith"
    assert names.canonical("J. Smith") == "jane smith"


def test_a_single_name_is_not_spread() -> None:
    assert Names(["Madonna"], []).spans("Madonna sang.") == []
