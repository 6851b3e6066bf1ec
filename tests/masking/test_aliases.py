"""A question's short form of a name is the one person it fits, with the real detectors."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.config import MaskingConfig
from workbench.masking.aliases import Aliases, short_forms
from workbench.masking.detection import Patterns
from workbench.masking.masker import Masker
from workbench.masking.placeholders import MemoryPlaceholders, digest
from workbench.masking.recognizers import RECOGNIZERS
from workbench.values import Document

KEY = b"k" * 32
NOTE = "The lease was signed by Anna Meyer in Hamburg."


def document(text: str) -> Document:
    return Document("file:///note.txt", "note.txt", "text/plain", "0", text, "internal")


@pytest.fixture(scope="module")
def real() -> Masker:
    return Masker(MaskingConfig(), MemoryPlaceholders(), key=KEY)


def people(text: str) -> list[str]:
    return re.findall(r"<PERSON_\d+>", text)


@pytest.mark.parametrize(
    "question",
    [
        "What did Meyer sign?",
        "What was Meyer's lease?",
        "What did Ms Meyer sign?",
        "What did A. Meyer sign?",
        "Did Anna Meyer sign?",
        "Meyer, Anna: what did she sign?",
    ],
)
def test_a_surname_is_the_one_person_it_fits(real: Masker, question: str) -> None:
    [anna] = people(real.mask(document(NOTE)).text)
    assert people(real.mask_text(question)) == [anna]


def test_a_number_given_before_the_full_name_was_known_gives_way() -> None:
    masker = Masker(MaskingConfig(), MemoryPlaceholders(), key=KEY)
    [before] = people(masker.mask_text("What did Mr Okonkwo sign?"))
    [chinua] = people(masker.mask(document("The lease was signed by Chinua Okonkwo.")).text)
    assert before != chinua
    assert people(masker.mask_text("What did Okonkwo sign?")) == [chinua]


def test_somebody_else_of_that_name_is_not_meant(real: Masker) -> None:
    [anna] = people(real.mask(document(NOTE)).text)
    assert anna not in real.mask_text("What did Hans Meyer sign?")


def test_a_month_and_a_first_word_are_no_surnames(real: Masker) -> None:
    real.mask(document("The speech was given by Theresa May and Jimmy Page."))
    assert real.mask_text("What was due in May 2020?") == "What was due in May 2020?"
    assert real.mask_text("Page 3 says what?") == "Page 3 says what?"


def test_short_forms_of_names() -> None:
    assert set(short_forms("Ms Anna Maria Meyer")) == {"meyer", "a meyer", "anna meyer"}
    assert {"berg", "van der berg", "jan berg"} <= set(short_forms("Jan van der Berg"))
    assert list(short_forms("Madonna")) == []
    assert list(short_forms("A. Meyer")) == []


FIRST = st.sampled_from(("Ann", "Bea", "Cy", "Dan"))
LAST = st.sampled_from(("Lee", "Ek", "Orr", "Moss"))


@given(st.lists(st.tuples(FIRST, LAST), min_size=1, max_size=8), LAST)
def test_one_person_is_meant_and_several_are_not(known: list[tuple[str, str]], asked: str) -> None:
    register = MemoryPlaceholders()
    masker = Masker(MaskingConfig(), register, key=KEY, detectors=[Patterns(RECOGNIZERS)])
    numbers = {
        pair: people(masker.mask(document(f"It was seen by Mr {' '.join(pair)}.")).text)[0]
        for pair in known
    }
    fitting = {number for (_, last), number in numbers.items() if last == asked and len(last) > 2}
    [found] = people(masker.mask_text(f"What did Mr {asked} see?"))
    assert ({found} == fitting) if len(fitting) == 1 else (found not in numbers.values())


def test_the_register_holds_digests_only() -> None:
    register = MemoryPlaceholders()
    aliases = Aliases(register, KEY)
    anna = digest(KEY, "PERSON", "Anna Meyer")
    aliases.learn({anna: "Anna Meyer"})
    assert aliases.keys(["Meyer", "Roe"]) == {"Meyer": ("PERSON", anna)}
    kept = [word for alias, known in register._aliases.items() for word in (alias, *known)]
    assert all(re.fullmatch("[0-9a-f]{64}", word) for word in kept)
