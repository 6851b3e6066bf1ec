from __future__ import annotations

import pytest

from workbench.evaluation.evidence import NAMES, PART_BYTES, WHOLE_BYTES, about, signals

TEXT = (
    "The office opened in 1998. Ann Lee leads the office and hires clerks. "
    "Employees may not carry annual leave over."
)


def against(claim: str) -> dict[str, float]:
    found = signals(claim, TEXT)
    assert set(found) == set(NAMES)
    return {name: value for name, value in found.items() if value}


def test_the_texts_own_words_have_nothing_against_them() -> None:
    assert against("The office opened in 1998.") == {}


@pytest.mark.parametrize(
    ("claim", "name"),
    [
        ("The office opened in 1999.", "number"),
        ("The office, Bob Lee says, hires clerks.", "name"),
        ("Employees may carry annual leave over, Ann says not hires.", "negation"),
        ("The office never hires clerks.", "turn"),
        ("The office sells boats to clerks.", "unsaid"),
        ("Ann Lee opened in 1998 annual leave.", "uncovered"),
    ],
)
def test_each_signal_speaks_up(claim: str, name: str) -> None:
    assert against(claim)[name] > 0


@pytest.mark.parametrize("reply", ["No.", "Patient: No, I don't.", "Uh, no.", "Never."])
def test_a_question_answered_with_no_is_negated(reply: str) -> None:
    claim = "The patient does not have any known allergies."
    found = signals(claim, f"Doctor: Do you have any known allergies?\n{reply}")
    assert (found["negation"], found["turn"]) == (0, 0)
    affirmed = signals(claim, "Doctor: Do you have any known allergies?\nPatient: Yes, two.")
    assert affirmed["negation"] > 0
    assert affirmed["turn"] > 0
    elsewhere = signals(claim, f"Do you smoke?\n{reply}\nAny known allergies?\nPatient: Yes.")
    assert elsewhere["turn"] > 0


@pytest.mark.parametrize(
    "text",
    [
        "Doctor: How is your urine? Any blood? Any diarrhea?\nPatient: None, thankfully.",
        "Doctor: Any diarrhea or blood?\nPatient: You mean now?\nPatient: No, I do not.",
        "Doctor: Any diarrhea or blood?\nPatient: Oh, nothing like that.",
        "Doctor: Any diarrhea or blood?\nPatient: I haven't.",
    ],
)
def test_no_answers_all_that_was_asked_before_it(text: str) -> None:
    claim = "The patient has no blood and never had diarrhea."
    assert signals(claim, text)["negation"] == 0


def test_no_answers_nothing_that_was_answered_already() -> None:
    text = "Doctor: Any diarrhea?\nPatient: Yes.\nDoctor: Any blood?\nPatient: No."
    assert signals("The patient never had diarrhea.", text)["negation"] > 0


@pytest.mark.parametrize("reply", ["I don't know.", "Um, not sure.", "No idea, really.", "Yes."])
def test_who_does_not_know_denies_nothing(reply: str) -> None:
    text = f"Doctor: Any diarrhea?\nPatient: {reply}\nDoctor: Any blood?\nPatient: No."
    assert signals("The patient never had diarrhea.", text)["negation"] > 0


def test_a_negation_ends_with_its_clause() -> None:
    text = "Doctor: What about the family?\nGuest: At this point, we don't have it.\nDoctor: Okay."
    assert signals("The guest does not have it at this point.", text)["negation"] == 0


@pytest.mark.parametrize(("claim", "text"), [("", ""), ("...", TEXT), ("Boats sail.", "")])
def test_empty_claims_and_texts(claim: str, text: str) -> None:
    assert set(signals(claim, text)) == set(NAMES)


def test_a_short_text_is_read_whole_and_of_a_long_one_what_the_claim_is_about() -> None:
    assert about("anything", ["One.", "Two."]) == "One.\n\nTwo."
    filler = [f"Filler number {n} says nothing of note. " for n in range(300)]
    long = "".join([*filler[:150], "Ann Lee leads the river office. ", *filler[150:]])
    assert len(long) > WHOLE_BYTES
    part = about("Who leads the river office? Ann Lee.", [long])
    assert "Ann Lee leads the river office." in part
    assert "Filler number 149" in part
    assert len(part) <= PART_BYTES + 100


@pytest.mark.parametrize("text", ["no full stop " * 900, "ไม่มีจุด" * 900])
def test_a_text_without_sentences_is_cut_to_what_fits(text: str) -> None:
    part = about("a claim", [text])
    assert part
    assert text.startswith(part)
    assert len(part.encode()) <= PART_BYTES
