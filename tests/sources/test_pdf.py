from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.sources.builders import ENCRYPTED_PDF, form_pdf_bytes, pdf_bytes
from workbench.errors import CorruptFile, EncryptedFile
from workbench.sources.parsing import parse
from workbench.sources.pdf import join_line_hyphens, parse_pdf


def test_pages_are_kept_in_order() -> None:
    parsed = parse_pdf(pdf_bytes([(50, 700, "First page")], [(50, 700, "Second page")]))
    assert parsed.paged
    assert parsed.parts == ("First page", "Second page")


def test_page_offsets_point_at_their_text() -> None:
    data = pdf_bytes([(50, 700, "One")], [], [(50, 700, "Three")])
    parsed = parse(data, "a.pdf", max_chars=100)
    assert [parsed.text[page.start : page.end] for page in parsed.pages] == ["One", "", "Three"]
    assert [page.number for page in parsed.pages] == [1, 2, 3]
    assert parsed.metadata["pages_without_text"] == "2"


def test_what_was_typed_into_a_form_is_text() -> None:
    text = parse_pdf(form_pdf_bytes("Last name:", "Lovelace")).parts[0]
    assert "Last name:" in text
    assert "Lovelace" in text


def test_encrypted() -> None:
    with pytest.raises(EncryptedFile, match="password"):
        parse_pdf(ENCRYPTED_PDF.read_bytes())


def test_damaged() -> None:
    with pytest.raises(CorruptFile, match="cannot be read"):
        parse_pdf(b"%PDF-1.7\n" + b"garbage" * 50)


def test_labels_and_values_drawn_apart_are_joined_by_line() -> None:
    labels = [(300, 700 - 20 * i, label) for i, label in enumerate(["Date:", "Due:", "Total:"])]
    values = [(400, 700 - 20 * i, value) for i, value in enumerate(["1 May", "9 May", "$12"])]
    items = [(50, 600, "Service A"), (50, 580, "Service B")]
    parsed = parse_pdf(pdf_bytes([*items, *values, *labels]))
    assert parsed.parts[0].splitlines() == [
        "Date:\t1 May",
        "Due:\t9 May",
        "Total:\t$12",
        "Service A",
        "Service B",
    ]


def test_invoice_amounts_stand_beside_their_labels(sample_folder: Path) -> None:
    def lines(name: str) -> list[str]:
        text = parse_pdf((sample_folder / "invoices" / name).read_bytes()).parts[0]
        return [" ".join(line.split()) for line in text.splitlines()]

    assert "Total: $127.50" in lines("SammyMaystoneLinesTest.pdf")
    assert "TOTAL AMOUNT DUE ON August 3 , 2014 $4.11" in lines("AmazonWebServices.pdf")
    assert "Rechnungsnr. 30064443 Kundennr. 47774" in lines("QualityHosting.pdf")


def test_an_endless_word_takes_no_quadratic_time() -> None:
    before = time.process_time()
    assert join_line_hyphens(["a" * 500_000]) == ("a" * 500_000,)
    assert time.process_time() - before < 2


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ("the gover\ufffenment said", "the government said"),
        ("a well\ufffeknown fact, well-known", "a well-known fact, well-known"),
        ("number 2024\ufffe001", "number 2024-001"),
        ("ends in\ufffe", "ends in-"),
        ("gover\ufffe\nnment", "government"),
    ],
)
def test_hyphens_at_line_ends(page: str, expected: str) -> None:
    assert join_line_hyphens([page]) == (expected,)
