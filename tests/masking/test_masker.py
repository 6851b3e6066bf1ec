"""Masker with the real detectors: documents, questions, pages, names, labels."""

from __future__ import annotations

import pytest

from workbench.config import MaskingConfig
from workbench.errors import MaskingError
from workbench.masking.masker import Masker
from workbench.masking.placeholders import MemoryPlaceholders
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
