from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from tests.sources.builders import docx_bytes, paragraph
from workbench.errors import CorruptFile
from workbench.sources.docx import parse_docx
from workbench.sources.parsing import parse

_ROW = "<w:tr>{}</w:tr>"
_CELL = "<w:tc>{}</w:tc>"


def cells(*texts: str) -> str:
    return _ROW.format("".join(_CELL.format(paragraph(text)) for text in texts))


def test_headings_and_tables_are_markdown() -> None:
    body = (
        paragraph("Leave", style="Heading1")
        + paragraph("Take it.")
        + f"<w:tbl>{cells('Kind', 'Days')}{cells('Sick', '13')}</w:tbl>"
    )
    text = parse(docx_bytes(body), "a.docx", max_chars=1000).text
    assert text == "# Leave\n\nTake it.\n\n| Kind | Days |\n| --- | --- |\n| Sick | 13 |"


def test_page_headers_and_footers_are_kept_once() -> None:
    data = docx_bytes(
        paragraph("Body"),
        header1=paragraph("ACME Corp"),
        header2=paragraph("ACME Corp"),
        footer1=paragraph("Confidential"),
    )
    assert parse(data, "a.docx", max_chars=1000).text == "ACME Corp\n\nBody\n\nConfidential"


def test_entity_bomb_is_refused() -> None:
    entities = "".join(
        f'<!ENTITY e{n} "{f"&e{n - 1};" * 10 if n else "ha" * 10}">' for n in range(12)
    )
    data = docx_bytes(paragraph("&e11;"), prolog=f"<!DOCTYPE d [{entities}]>")
    with pytest.raises(CorruptFile):
        parse(data, "bomb.docx", max_chars=10_000_000)


def test_entities_in_headers_are_not_expanded(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("opensesame")
    data = docx_bytes(paragraph("Body"), header1=paragraph("x"))
    attack = (
        f'<!DOCTYPE h [<!ENTITY s SYSTEM "{secret.as_uri()}">]>'
        '<w:hdr xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">'
        "<w:p><w:r><w:t>&s;</w:t></w:r></w:p></w:hdr>"
    )
    path = tmp_path / "a.docx"
    path.write_bytes(data)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("word/header2.xml", attack)
    assert "opensesame" not in parse_docx(path.read_bytes()).parts[0]
    assert "Body" in parse_docx(path.read_bytes()).parts[0]


def test_missing_body_is_corrupt() -> None:
    whole = docx_bytes(paragraph("x"))
    with pytest.raises(CorruptFile):
        parse(whole.replace(b"word/document.xml", b"word/dokument.xml"), "a.docx", max_chars=100)


def test_template_of_the_sample_corpus(sample_folder: Path) -> None:
    data = (sample_folder / "handbook" / "team-charter-template.docx").read_bytes()
    parsed = parse(data, "team-charter-template.docx", max_chars=100_000)
    assert "## 18F team members" in parsed.text
    assert "| Name | Role | Location | Pronouns | Allocation |" in parsed.text
