"""Masker with the real detectors: documents, questions, pages, names, labels."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.config import MaskingConfig
from workbench.errors import MaskingError
from workbench.masking.detection import Patterns
from workbench.masking.masker import Masker
from workbench.masking.placeholders import MemoryPlaceholders
from workbench.masking.recognizers import RECOGNIZERS
from workbench.values import Document, Page

KEY = b"k" * 32
TEXT = """Dear Tommy Smith,
your card 4111 1111 1111 1111 was sent to 40 William St., Suite 350, Wellesley, MA 02481.
Call +1 212-555-0187 or mail tommy@corp.internal. Social security number 125-17-4954.
Smith agreed. <PERSON_99> says hi. <b>Jane Doe</b> met Maria Garcia.
"""


def document(
    text: str, *, name: str = "note.txt", label: str = "internal", **more: object
) -> Document:
    return Document("file:///note.txt", name, "text/plain", "0", text, label, **more)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def masker() -> Masker:
    return Masker(MaskingConfig(keep_labels=("public",)), MemoryPlaceholders(), key=KEY)


def test_nothing_raw_is_left(masker: Masker) -> None:
    masked = masker.mask(document(TEXT))
    for raw in ("Smith", "4111", "William", "02481", "555-0187", "corp.internal", "4954", "Doe"):
        assert raw not in masked.text
    assert masked.masked["PERSON"] >= 4


def test_one_person_has_one_number_everywhere(masker: Masker) -> None:
    first = masker.mask(document(TEXT)).text
    number = first.removeprefix("Dear ").partition(",")[0]
    assert f"{number} agreed." in first
    assert masker.mask(document("A letter from TOMMY  SMITH arrived.")).text.count(number) == 1
    assert number in masker.mask_text("What was promised to tommy smith in the letter?")


def test_a_question_names_the_people_of_the_documents(masker: Masker) -> None:
    note = "The travel desk is run by Margaret Thornbury. Mail her at m@example.com."
    assert "Thornbury" not in masker.mask(document(note)).text
    for asked in ("is it Margaret Thornbury?", "is it margaret thornbury", "Thornbury, Margaret?"):
        masked = masker.mask_text(f"Who runs the travel desk, {asked}")
        assert "thornbury" not in masked.casefold()
        assert "<PERSON_" in masked


def test_a_name_before_an_address_is_one_person(masker: Masker) -> None:
    row = masker.mask(document("Name: Nancy Edwards; Email: nancy@example.com"))
    asked = masker.mask_text("My name is Nancy Edwards, nancy@example.com. What may I do?")
    (person,) = re.findall(r"<PERSON_\d+>", row.text)
    assert asked.startswith(f"My name is {person}, <EMAIL_ADDRESS_")


def test_a_file_name_of_plain_words_is_kept(masker: Masker) -> None:
    named = document("Twelve weeks are paid.", name="paid-parental-leave.md")
    assert masker.mask(named).name == "paid-parental-leave.md"
    assert "Smith" not in masker.mask(document("A contract.", name="Tommy_Smith.pdf")).name


def test_forged_placeholders_are_escaped_in_documents_and_kept_in_questions(
    masker: Masker,
) -> None:
    assert "<PERSON_99>" not in masker.mask(document(TEXT)).text
    question = "What did <PERSON_1> agree to?"
    assert masker.mask_text(question) == question


def test_pages_keep_their_words(masker: Masker) -> None:
    first, second = "Tommy Smith wrote this page.\n", "Jane Doe wrote the second page.\n"
    pages = (Page(1, 0, len(first)), Page(2, len(first), len(first) + len(second)))
    masked = masker.mask(document(first + second, pages=pages))
    parts = [masked.text[page.start : page.end] for page in masked.pages]
    assert parts[0].endswith("wrote this page.\n")
    assert parts[1].endswith("wrote the second page.\n")
    assert "".join(parts) == masked.text


def test_name_and_metadata_are_masked(masker: Masker) -> None:
    masked = masker.mask(
        document(TEXT, name="Tommy_Smith-letter.pdf", metadata={"author": "J. Verhoeven"})
    )
    assert "Smith" not in masked.name
    assert masked.name.endswith("-letter.pdf")
    assert "Verhoeven" not in masked.metadata["author"]


def test_the_name_of_a_field_may_be_a_person(masker: Masker) -> None:
    metadata = {"title": "Budget", "tommy@example.org": "approver", "Last author": "J. Verhoeven"}
    masked = masker.mask(document("A text.", metadata=metadata))
    title, approver, last = masked.metadata
    assert (title, last) == ("title", "Last author")
    assert approver.startswith("<EMAIL_ADDRESS_")
    assert masked.metadata[approver] == "approver"
    assert masked.masked["EMAIL_ADDRESS"] == 1


def test_a_kept_label_passes_unmasked_but_escaped(masker: Masker) -> None:
    masked = masker.mask(document(TEXT, label="public"))
    assert "Tommy Smith" in masked.text
    assert "<PERSON_99>" not in masked.text
    assert masked.masked == {}


def test_a_failing_detector_stops_the_document() -> None:
    class Broken:
        version = "broken-1"

        def find(self, texts: object) -> list[list[object]]:
            raise ValueError("Tommy Smith")

    masker = Masker(MaskingConfig(), MemoryPlaceholders(), key=KEY, detectors=[Broken()])  # type: ignore[list-item]
    with pytest.raises(MaskingError) as failure:
        masker.mask(document(TEXT))
    assert "Tommy" not in str(failure.value)


def test_version_follows_the_settings() -> None:
    register = MemoryPlaceholders()
    first = Masker(MaskingConfig(), register, key=KEY).version
    assert first == Masker(MaskingConfig(), register, key=KEY).version
    assert first != Masker(MaskingConfig(threshold=0.6), register, key=KEY).version


VALUES = (
    "4111 1111 1111 1111",
    "5555-5555-5555-4444",
    "jane@example.org",
    "x@corp.internal",
    "078-05-1120",
    "DE89 3704 0044 0532 0130 00",
    "192.168.0.1",
    "Dr. Verhoeven",
    "AKIAIOSFODNN7EXAMPLE",
    "<PERSON_1>",
    "<b>Mrs. Doe</b>",
)
WORDS = ("the", "report", "says", "and", "\n", "- ", ". ", "\u200b", "**", "2019", "\u2013")


@pytest.fixture(scope="module")
def fast() -> Masker:
    """Patterns only: hundreds of documents a second."""
    return Masker(MaskingConfig(), MemoryPlaceholders(), key=KEY, detectors=[Patterns(RECOGNIZERS)])


@given(st.lists(st.sampled_from(VALUES + WORDS), max_size=30), st.integers(0, 400))
def test_no_found_value_is_left_and_pages_hold_together(
    fast: Masker, pieces: list[str], cut: int
) -> None:
    text = " ".join(pieces)
    cut = min(cut, len(text))
    pages = (Page(1, 0, cut), Page(2, cut, len(text)))
    escaped = text.replace("<PERSON_1>", "\u2039PERSON_1\u203a")
    found = [escaped[s.start : s.end] for s in fast.find([escaped])[0]]
    masked = fast.mask(document(text, pages=pages))
    # Shorter values, such as what a card's number leaves of a year, are not looked for elsewhere.
    assert not any(value in masked.text for value in found if len(value) >= 6)
    assert sum(masked.masked.values()) == len(found)
    assert masked.pages[0].start == 0
    assert masked.pages[0].end == masked.pages[1].start
    assert masked.pages[1].end == len(masked.text)
    kept = re.compile(r"<[A-Z_]+_\d+>")
    assert len(kept.findall(masked.text)) == len(found)


def test_masking_twice_changes_nothing(fast: Masker) -> None:
    once = fast.mask(document(" and ".join(VALUES)))
    assert fast.mask(document(" and ".join(VALUES))) == once


def test_cells_are_masked_one_by_one_and_escaped(fast: Masker) -> None:
    cells = ["jane@example.org", "<PERSON_1>", "jane@example.org", "42"]
    first, forged, again, plain = fast.mask_texts(cells)
    assert first == again != cells[0]
    assert "<PERSON_1>" not in forged
    assert plain == "42"


def test_a_value_only_the_name_holds_together_is_masked(fast: Masker) -> None:
    masked = fast.mask(document("x", name="scan of 078-05-1120.pdf"))
    assert "1120" not in masked.name
    assert masked.name.endswith(".pdf")


def test_handbook_prose_stays_readable(masker: Masker) -> None:
    prose = (
        "# Leave\n\nEmployees earn four hours of sick leave per pay period. Ask People Ops in\n"
        "Slack, file the request in Trello, and the Office of Personnel Management (OPM) decides.\n"
        "Annual leave depends on your years of Federal service; see the General Services\n"
        "Administration's handbook, section 4.2, before Thanksgiving.\n"
    )
    assert masker.mask(document(prose)).text == prose


def test_a_preview_shows_what_masking_would_replace_and_numbers_nothing(masker: Masker) -> None:
    register = MemoryPlaceholders()
    own = Masker(MaskingConfig(), register, key=KEY, detectors=[Patterns(RECOGNIZERS)])
    given = document(TEXT, metadata={"author": "Ann Lee"})
    spans = own.preview(given)
    assert register.numbers([("PERSON", "0")]) == {("PERSON", "0"): 1}
    masked = own.mask(given)
    rest = masked.text
    for span in spans:
        before, _, rest = rest.partition(f"<{span.type}_")
        rest = rest.partition(">")[2]
        assert TEXT[: span.start].endswith(before)
    assert len(spans) == sum(masked.masked.values()) - 1
    assert masker.preview(document(TEXT, label="public")) == []


def test_many_texts_at_once_are_read_as_one_by_one() -> None:
    texts = [
        *(f"Row {i}: Tommy Smith {i}, {i} Main Street, tommy{i}@example.org" for i in range(1, 20)),
        TEXT,
        "what did tove strand tell us about 4111 1111 1111 1111",
        "",
        "Ms. Lindqvist\n" * 40 + "met Rosalind Achterberg of Leyden.",
        "word " * 2_000 + "Maria Garcia, +49 30 901820",
        "Ärzte Łódź Ωmega 東京 " * 30,
    ]
    together = Masker(MaskingConfig(), MemoryPlaceholders(), key=KEY).find(texts)
    alone = Masker(MaskingConfig(), MemoryPlaceholders(), key=KEY)
    for text, spans in zip(texts, together, strict=True):
        own = alone.find([text])[0]
        assert [(s.start, s.end, s.type) for s in spans] == [(s.start, s.end, s.type) for s in own]
        assert [s.score for s in spans] == pytest.approx([s.score for s in own], abs=1e-3)
    assert any(spans for spans in together)
