from __future__ import annotations

import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from pptx import Presentation
from pptx.util import Inches

from tests.sources.builders import zip_bytes
from workbench.errors import CorruptFile, EmptyFile
from workbench.sources.files import FileSource
from workbench.sources.parsing import parse

Write = Callable[[str, bytes | str], Path]


def pptx_bytes(*, with_second: bool = True) -> bytes:
    deck = Presentation()
    deck.core_properties.title = "Leave"
    deck.core_properties.author = ""
    first = deck.slides.add_slide(deck.slide_layouts[1])
    first.shapes.title.text = "Paid\vleave"
    frame = first.placeholders[1].text_frame
    frame.text = "Kinds"
    for text, level in (("Sick", 1), ("Parental", 2)):
        paragraph = frame.add_paragraph()
        paragraph.text, paragraph.level = text, level
    first.notes_slide.notes_text_frame.text = "Say it slowly."
    if with_second:
        second = deck.slides.add_slide(deck.slide_layouts[6])
        cells = second.shapes.add_table(2, 2, 0, 0, Inches(4), Inches(1)).table
        for number, text in enumerate(("Kind", "Days", "Sick", "13")):
            cells.cell(number // 2, number % 2).text = text
        box = second.shapes.add_group_shape().shapes.add_textbox(0, 0, Inches(1), Inches(1))
        box.text_frame.text = "In a group"
        deck.slides.add_slide(deck.slide_layouts[6])
    buffer = BytesIO()
    deck.save(buffer)
    return buffer.getvalue()


def changed(data: bytes, name: str, change: Callable[[bytes], bytes]) -> bytes:
    with zipfile.ZipFile(BytesIO(data)) as archive:
        members: dict[str, str | bytes] = {item: archive.read(item) for item in archive.namelist()}
    members[name] = change(bytes(members[name]))
    return zip_bytes(members)


def test_each_slide_is_a_page(source: FileSource, write: Write) -> None:
    document = source.read(write("a.pptx", pptx_bytes()), label="x")
    pages = [document.text[page.start : page.end] for page in document.pages]
    assert pages == [
        "# Paid leave\n\nKinds\n- Sick\n  - Parental\n\nNotes: Say it slowly.",
        "| Kind | Days |\n| --- | --- |\n| Sick | 13 |\n\nIn a group",
        "",
    ]
    assert document.metadata == {"title": "Leave", "pages_without_text": "3"}
    assert document.media_type.endswith("presentationml.presentation")


def test_slides_without_text_are_empty() -> None:
    deck = Presentation()
    deck.slides.add_slide(deck.slide_layouts[6])
    buffer = BytesIO()
    deck.save(buffer)
    with pytest.raises(EmptyFile):
        parse(buffer.getvalue(), "a.pptx", max_chars=100)


@pytest.mark.parametrize(
    "prolog",
    [
        "<!DOCTYPE d [<!ENTITY e 'opensesame'>]>",
        "<!DOCTYPE d [<!ENTITY e SYSTEM 'file:///etc/hostname'>]>",
    ],
)
def test_entities_are_not_expanded(prolog: str) -> None:
    def attack(xml: bytes) -> bytes:
        head, end, rest = xml.partition(b"?>")
        return head + end + prolog.encode() + rest.replace(b"Kinds", b"Kinds&e;")

    data = changed(pptx_bytes(), "ppt/slides/slide1.xml", attack)
    text = parse(data, "a.pptx", max_chars=1000).text
    assert "Kinds\n- Sick" in text
    assert "opensesame" not in text


@pytest.mark.parametrize("name", ["ppt/slides/slide1.xml", "ppt/presentation.xml"])
def test_damaged_parts(name: str) -> None:
    data = changed(pptx_bytes(), name, lambda xml: xml[: len(xml) // 2])
    with pytest.raises(CorruptFile):
        parse(data, "a.pptx", max_chars=1000)


def test_no_presentation_inside() -> None:
    with pytest.raises(CorruptFile):
        parse(zip_bytes({"ppt/presentation.xml": "x"}), "a.pptx", max_chars=100)
