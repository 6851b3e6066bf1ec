"""Words stay with who spoke them."""

from __future__ import annotations

import pytest

from workbench.tasks.speakers import unlabelled, wrong_speaker

VISIT = """Doctor: Good news, your son is up to date on his immunizations.
Guest_family: That is a relief.
Doctor: Does anyone in the family have diabetes or hypertension?
Guest_family: No, nobody. I am afraid of needles, though."""

MEETING = """Project Manager: The target price is twenty five Euros.

Marketing: People find the buttons confusing. There are too many of them on the remote control.

The Chair: Shall we change the colour of the cover?

User Interface: A bright colour of the cover would attract younger people."""


@pytest.mark.parametrize(
    "sentence",
    [
        "The guest family expresses good news about the son's immunizations being up to date.",
        "The guest family asks whether anyone has diabetes or hypertension.",
        "Doctor says he is afraid of needles.",
        "The doctor tells good news, and the doctor adds that he is afraid of needles.",
    ],
)
def test_the_words_of_another_speaker_are_refused(sentence: str) -> None:
    assert wrong_speaker(sentence, [VISIT])


@pytest.mark.parametrize(
    "sentence",
    [
        "The doctor tells the good news that the son's immunizations are up to date.",
        "The doctor asks whether anyone in the family has diabetes or hypertension.",
        "The guest family says that nobody in the family has diabetes or hypertension.",
        "Guest_family mentions being afraid of needles.",
        "The doctor asks about diabetes in the family, and the guest family mentions needles.",
        "The son is up to date on his immunizations.",
        "The guest family is relieved about the immunizations of the son.",
        "The doctor says so.",
    ],
)
def test_who_speaks_replies_or_is_not_named_passes(sentence: str) -> None:
    assert not wrong_speaker(sentence, [VISIT])


def test_speakers_are_told_apart_in_meetings() -> None:
    buttons = "{} thought the remote control had too many buttons and was confusing."
    assert wrong_speaker(buttons.format("The Project Manager"), [MEETING])
    assert not wrong_speaker(buttons.format("Marketing"), [MEETING])
    colour = "The {} suggested a bright colour that would attract younger people."
    assert wrong_speaker(colour.format("Chair"), [MEETING])
    assert not wrong_speaker(colour.format("User Interface"), [MEETING])


def test_words_before_the_first_label_may_be_anybodys() -> None:
    cut = (
        "too many buttons on it, which is confusing.\n\nMarketing: I see.\n\nProject Manager: Yes."
    )
    claim = "The Project Manager said that too many buttons are confusing."
    assert not wrong_speaker(claim, [cut])
    assert wrong_speaker(claim, [f"Marketing: There are {cut}"])


def test_turns_of_all_passages_count() -> None:
    first, second = MEETING.split("\n\nMarketing")
    claim = "Marketing said that people find the buttons confusing."
    assert not wrong_speaker(claim, [first, f"Marketing{second}"])
    assert wrong_speaker(
        claim.replace("Marketing", "Project Manager"), [first, f"Marketing{second}"]
    )


@pytest.mark.parametrize("text", ["", "Note: bring your badge.", "No transcript, just prose. Two."])
def test_what_is_no_transcript_has_no_speakers(text: str) -> None:
    assert not wrong_speaker("Note says bring another badge and a visitor pass.", [text])


def test_labels_are_taken_off() -> None:
    assert unlabelled("The Chair: Shall we? I say: yes.\nMarketing: No.") == (
        "Shall we? I say: yes.\nNo."
    )
