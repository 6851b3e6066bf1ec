from __future__ import annotations

import pytest

from workbench.tasks.attribute import (
    Draft,
    attribute,
    carried_by,
    content_words,
    coverage,
    facts,
    is_question,
    located_quotes,
    sentences,
)
from workbench.values import Chunk, Hit

LEAVE = "Employees earn 4 hours of sick leave per pay period. Annual leave needs approval."
BADGE = "The office processes new badges every Wednesday."


def hit(text: str, *, start: int = 0, page: int | None = None, document_id: int = 1) -> Hit:
    chunk = Chunk(0, start, start + len(text), text, page=page, id=1, document_id=document_id)
    return Hit(chunk, f"doc-{document_id}", f"file:///{document_id}", "internal", 1.0)


def test_citations_count_from_the_beginning_of_the_document() -> None:
    (citation,) = located_quotes(["Annual leave needs approval."], [hit(LEAVE, start=500, page=3)])
    at = 500 + LEAVE.index("Annual")
    assert (citation.start, citation.end) == (at, at + len("Annual leave needs approval"))
    assert (citation.page, citation.quote) == (3, "Annual leave needs approval")


def test_a_quote_that_stands_nowhere_is_left_out() -> None:
    assert located_quotes(["Sick leave is unlimited for everyone."], [hit(LEAVE)]) == []


@pytest.mark.parametrize(
    ("quote", "whole"),
    [
        ("Leave takes 12 weeks. Refer to the", "Leave takes 12 weeks."),
        ("Refer to the", 'Refer to the "leave page" or ask.'),
        ("Leave takes 12", "Leave takes 12"),
    ],
)
def test_a_quote_that_ended_at_a_quotation_mark_stops_at_no_piece_of_a_sentence(
    quote: str, whole: str
) -> None:
    text = 'Leave takes 12 weeks. Refer to the "leave page" or ask. It is free.'
    (citation,) = located_quotes([quote], [hit(text)])
    assert citation.quote == whole


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (LEAVE[:-1], ["Employees earn 4 hours of sick leave per pay period."]),
        ("4 hours of sick leave", ["4 hours of sick leave"]),
        ("- sick leave\n- annual leave", ["- sick leave", "- annual leave"]),
    ],
)
def test_an_answer_that_breaks_off_ends_with_its_last_whole_sentence(
    answer: str, told: list[str]
) -> None:
    claims = attribute(Draft((), answer), "How much?", [hit(LEAVE)])
    assert [claim.text for claim in claims] == told


def test_the_answer_is_cited_and_its_quote_is_not_said_twice() -> None:
    draft = Draft(
        ("Employees earn 4 hours of sick leave per pay period.",),
        "They earn 4 hours of sick leave per pay period.",
    )
    (claim,) = attribute(draft, "How much sick leave?", [hit(LEAVE)])
    assert claim.supported
    assert claim.citations[0].quote in LEAVE


def test_a_short_answer_is_followed_by_the_words_it_comes_from() -> None:
    draft = Draft(("The office processes new badges every Wednesday.",), "On Wednesday.")
    first, second = attribute(draft, "When are badges processed?", [hit(LEAVE), hit(BADGE)])
    assert first.text == "On Wednesday."
    assert second.text == "The office processes new badges every Wednesday"
    assert first.citations == second.citations


def test_a_sentence_that_no_source_carries_is_unsupported() -> None:
    draft = Draft((BADGE,), "Visitors must wear a red helmet.")
    unsupported, quote = attribute(draft, "When are badges processed?", [hit(BADGE)])
    assert not unsupported.supported
    assert quote.supported


def test_a_wrong_number_is_unsupported() -> None:
    draft = Draft((), "Employees earn 40 hours of sick leave per pay period.")
    (claim,) = attribute(draft, "How much?", [hit(LEAVE)])
    assert not claim.supported


def test_a_number_that_the_question_gave_needs_its_source() -> None:
    draft = Draft((), "Employees do earn 40 hours of sick leave per pay period.")
    (claim,) = attribute(draft, "Is it 40?", [hit(LEAVE)])
    assert not claim.supported


def test_a_wrong_name_is_unsupported() -> None:
    source = "The Berlin office issues new badges for visitors."
    draft = Draft((), "The London office issues new badges for visitors.")
    (claim,) = attribute(draft, "Who issues badges?", [hit(source)])
    assert not claim.supported


def test_a_name_that_the_question_gave_needs_no_source() -> None:
    source = "The play was written by William Shakespeare around 1600."
    draft = Draft((), "The play Hamlet was written by William Shakespeare.")
    (claim,) = attribute(draft, "Who wrote Hamlet?", [hit(source)])
    assert claim.supported


@pytest.mark.parametrize(
    ("source", "answer"),
    [
        ("Annual leave may not be carried over.", "Annual leave may be carried over."),
        ("Annual leave may be carried over.", "Annual leave cannot be carried over."),
        ("Visitors don't need a badge for the lobby.", "Visitors need a badge for the lobby."),
    ],
)
def test_a_sentence_that_turns_its_source_around_is_unsupported(source: str, answer: str) -> None:
    claims = attribute(Draft((), answer), "What about it?", [hit(source)])
    assert [claim.supported for claim in claims] == [False]


@pytest.mark.parametrize(
    ("source", "answer"),
    [
        ("Annual leave may not be carried over.", "You can't carry over annual leave."),
        ("Employees earn leave, but contractors do not.", "Employees earn leave."),
        ("There is no limit on sick leave.", "Sick leave has no limit."),
    ],
)
def test_the_same_negation_and_one_elsewhere_are_no_contradiction(source: str, answer: str) -> None:
    (claim,) = attribute(Draft((), answer), "What about it?", [hit(source)])
    assert claim.supported


def test_an_answer_without_quotes_is_traced_to_a_source_sentence() -> None:
    draft = Draft((), "New badges are processed every Wednesday by the office.")
    (claim,) = attribute(draft, "When?", [hit(LEAVE), hit(BADGE, document_id=2)])
    assert [c.document_id for c in claim.citations] == [2]


def test_the_question_said_again_is_no_claim() -> None:
    draft = Draft((BADGE,), "New badges processed")
    claims = attribute(draft, "When are new badges processed?", [hit(BADGE)])
    assert [claim.text for claim in claims] == ["The office processes new badges every Wednesday"]


def test_sentences_end_at_marks_and_line_breaks() -> None:
    assert sentences("One. Two! Three?\nFour costs 4.50 now") == [
        "One.",
        "Two!",
        "Three?",
        "Four costs 4.50 now",
    ]


def test_coverage_counts_content_words() -> None:
    assert coverage("the badges of Wednesday", BADGE) == 1.0
    assert coverage("helmets on Monday", BADGE) == 0.0
    assert coverage("the of", BADGE) == 0.0


@pytest.mark.parametrize(
    ("text", "asks"),
    [
        ("Do you smoke?", True),
        ('"Do you smoke?"', True),
        ("Have you ever got exposed to asbestos, chemicals, or industrial gases.", True),
        ("Doctor: Is there any history of stroke in the family", True),
        ("Have the report ready by Friday.", False),
        ("Have it ready by Friday.", False),
        ("Do your timesheet by Friday.", False),
        ("Should you need help, call the desk.", False),
        ("You have been exposed to asbestos.", False),
        ("Will is the chair of the board.", False),
    ],
)
def test_a_question_states_nothing(text: str, asks: bool) -> None:
    assert is_question(text) is asks


def test_spoken_numbers_and_years_of_age_carry_written_ones() -> None:
    said = [hit("Patient: I am fifty one years old and was diagnosed in two thousand seven.")]
    assert carried_by("The patient is 51 years old and was diagnosed in 2007.", said).supported
    assert carried_by("The 51-year-old patient was diagnosed in 2007.", said).supported
    assert not carried_by("The patient is 52 years old and was diagnosed in 2007.", said).supported


def test_scripts_without_spaces_are_compared_by_pairs_of_characters() -> None:
    source = "\u7559\u5b66\u751f\u53ef\u4ee5\u5728\u56fe\u4e66\u9986\u501f\u4e66"
    said = "\u7559\u5b66\u751f\u5728\u56fe\u4e66\u9986\u501f\u4e66"
    assert coverage(said, source) > 0.8
    assert coverage("\u5929\u6c14\u5f88\u597d", source) == 0
    assert "2024" in content_words("2024\u5e74\u5ea6\u62a5\u544a")


def test_facts_are_numbers_and_names() -> None:
    assert facts("In 2021 the Harbour Office sold tickets.") == {"2021", "harbour", "office"}
    assert facts("They sold tickets.") == set()
