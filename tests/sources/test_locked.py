from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.sources.builders import ENCRYPTED_PDF, docx_bytes, paragraph, xlsx_bytes
from tests.sources.compound import locked_office
from workbench.config import LimitsConfig
from workbench.errors import EncryptedFile
from workbench.sources.files import FileSource
from workbench.sources.locked import unlocked

Write = Callable[[str, bytes | str], Path]
SECRET = "opens-2026"
# The library that seals the files does so only from 4 KiB on.
NOISE = [[random.Random(line).randbytes(30).hex()] for line in range(400)]


@pytest.mark.parametrize("name", ["plan.xlsx", "plan.docx"])
def test_office_files_open_with_their_password(write: Write, name: str) -> None:
    plain = (
        xlsx_bytes(("Cups", [["Team", "Cups"], ["Blues", 1], *NOISE]))
        if name.endswith("xlsx")
        else docx_bytes(paragraph("Blues") + "".join(paragraph(*line) for line in NOISE))
    )
    path = write(name, locked_office(plain, SECRET))
    source = FileSource(LimitsConfig())
    assert "Blues" in source.read(path, label="x", password=SECRET).text
    with pytest.raises(EncryptedFile, match="protected by a password"):
        source.read(path, label="x")
    with pytest.raises(EncryptedFile, match="does not open the file") as caught:
        source.read(path, label="x", password="wrong")
    assert "wrong" not in str(caught.value)
    source.close()


def test_other_data_passes() -> None:
    assert unlocked(b"plain", None) == b"plain"
    assert unlocked(b"plain", SECRET) == b"plain"


def test_a_pdf_says_what_to_do(write: Write) -> None:
    source = FileSource(LimitsConfig())
    path = write("a.pdf", ENCRYPTED_PDF.read_bytes())
    with pytest.raises(EncryptedFile, match="Give it as the ingest's password"):
        source.read(path, label="x")
    with pytest.raises(EncryptedFile, match="does not open the PDF"):
        source.read(path, label="x", password="wrong")
    source.close()


def test_passwords_by_name_or_pattern(write: Write) -> None:
    plain = docx_bytes(paragraph("Blues") + "".join(paragraph(*line) for line in NOISE))
    one, two = (
        write("one.docx", locked_office(plain, "1")),
        write("b.docx", locked_office(plain, "2")),
    )
    source = FileSource(LimitsConfig())
    items = source.listing([one, two], {"one.docx": "1", "*.docx": "2"}).items
    assert [item.read("x").text[:5] for item in items] == ["Blues", "Blues"]
    source.close()


def test_the_parsers_set_with_its_passwords(shared_data: Path) -> None:
    folder = shared_data / "docs-parsers-a"
    lines = (folder / "manifest.jsonl").read_text(encoding="utf-8").splitlines()
    entries = [entry for entry in map(json.loads, lines) if entry["password"]]
    source = FileSource(LimitsConfig())
    for entry in entries:
        path = folder / entry["file"]
        document = source.read(path, label="x", password=entry["password"])
        assert len(document.text) >= 0.45 * entry["chars"], entry["file"]
    assert len(entries) == 2
    source.close()
