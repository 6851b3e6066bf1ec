from __future__ import annotations

from pathlib import Path

import pytest

from tests.sources.builders import ENCRYPTED_PDF, pdf_bytes
from workbench.config import LimitsConfig
from workbench.errors import CorruptFile
from workbench.sources.boxes import PageSpan, find_boxes, located
from workbench.sources.files import FileSource

LINES = [
    (50, 700, "Ann Lee joined the company"),
    (50, 680, "in March 2026 and left"),
    (50, 660, "x"),
]


def span(text: str, words: str, page: int = 1) -> PageSpan:
    start = text.index(words)
    return PageSpan(page, text, start, start + len(words))


def test_words_are_found_where_they_stand() -> None:
    data = pdf_bytes(LINES)
    text = "Ann Lee joined the company\nin March 2026 and left\nx"
    (first,) = find_boxes(data, span(text, "joined the"))
    (second,) = find_boxes(data, span(text, "March 2026"))
    assert first.number == 1
    assert 0 < first.left < first.right < 1
    assert 0 < first.top < first.bottom < second.bottom < 1
    assert second.top > first.top
    assert second.left < first.left


def test_a_span_over_two_lines_has_two_boxes() -> None:
    text = "Ann Lee joined the company\nin March 2026 and left\nx"
    boxes = find_boxes(pdf_bytes(LINES), span(text, "company\nin March"))
    assert len(boxes) == 2
    assert boxes[0].left > boxes[1].left


def test_a_placeholder_stands_for_what_it_hides() -> None:
    text = "<PERSON_1> joined the company\nin <DATE_2> and left\nx"
    data = pdf_bytes(LINES)
    (hidden,) = find_boxes(data, span(text, "<PERSON_1>"))
    (whole,) = find_boxes(data, span(text, "<PERSON_1> joined"))
    assert hidden.left == whole.left
    assert hidden.right < whole.right
    (date,) = find_boxes(data, span(text, "<DATE_2>"))
    assert date.left > hidden.left


def test_what_is_not_there_has_no_box() -> None:
    data = pdf_bytes(LINES)
    assert find_boxes(data, PageSpan(1, "something else entirely", 0, 9)) == []
    assert find_boxes(data, PageSpan(9, "Ann", 0, 3)) == []
    assert find_boxes(data, PageSpan(1, "...", 0, 3)) == []


def test_the_nearest_of_equal_words_is_meant() -> None:
    letters = "totalpaid" * 3
    text = "total paid " * 3
    found = [located(PageSpan(1, text, start, start + 5), letters) for start in (0, 11, 22)]
    assert found == [(0, 5), (9, 14), (18, 23)]


def test_boxes_come_from_the_limited_process(tmp_path: Path) -> None:
    source = FileSource(LimitsConfig())
    path = tmp_path / "a.pdf"
    path.write_bytes(pdf_bytes(LINES))
    document = source.read(path, label="x")
    assert len(source.boxes(path, span(document.text, "March"))) == 1
    path.write_bytes(ENCRYPTED_PDF.read_bytes()[:200])
    with pytest.raises(CorruptFile):
        source.boxes(path, span("March", "March"))
    note = tmp_path / "a.txt"
    note.write_text("March", encoding="utf-8")
    assert source.boxes(note, span("March", "March")) == []
    source.close()


def test_most_words_of_real_pages_are_found(shared_data: Path) -> None:
    source = FileSource(LimitsConfig())
    asked = found = 0
    for path in sorted((shared_data / "docs-parsers-a" / "markitdown").glob("*.pdf")):
        if "scan" in path.name:
            continue
        document = source.read(path, label="x")
        for page in document.pages[:3]:
            text = document.text[page.start : page.end]
            for start in range(0, len(text) - 40, 400):
                asked += 1
                found += bool(source.boxes(path, PageSpan(page.number, text, start, start + 40)))
    assert asked > 20
    assert found >= 0.95 * asked
    source.close()
