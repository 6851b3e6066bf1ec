from __future__ import annotations

import io

import pytest

from tests.sources.builders import xlsx_bytes
from tests.workbenches import MakeWorkbench
from workbench.sources.cells import cell_ranges, column_letters, column_number
from workbench.sources.parsing import parse


def workbook() -> bytes:
    import openpyxl

    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Sales, north"
    for place, value in {
        "B3": "Team", "C3": "Cups", "B4": "Blues", "C4": 1, "B5": "Flyers", "C5": 2,
        "B8": "Checked by", "C8": "nobody",
    }.items():  # fmt: skip
        sheet[place] = value
    other = book.create_sheet("Empty")
    other["A1"] = None
    data = io.BytesIO()
    book.save(data)
    return data.getvalue()


@pytest.mark.parametrize(
    ("words", "cells"),
    [
        ("Flyers", ["Sales, north!B5"]),
        ("Cups: 2", ["Sales, north!C5"]),
        ("Team: Flyers; Cups: 2", ["Sales, north!B5:C5"]),
        ("Cups: 1\nTeam", ["Sales, north!C4", "Sales, north!B5"]),
        ("Team | Cups", ["Sales, north!B3:C3"]),
        ("nobody", ["Sales, north!B8:C8"]),
        ("# Sales", []),
    ],
)
def test_words_lead_to_their_cells(words: str, cells: list[str]) -> None:
    parsed = parse(workbook(), "a.xlsx", max_chars=10_000)
    start = parsed.text.index(words)
    assert cell_ranges(parsed.text, parsed.metadata["tables"], start, start + len(words)) == cells


def test_what_does_not_fit_together_has_no_cells() -> None:
    assert cell_ranges("# S\n\na\nb", "S!A1:A3", 5, 6) == []
    assert cell_ranges("# S\n\na\n\nb", "S!A1:A1", 5, 6) == []
    assert cell_ranges("# S\n\na", "not a range", 5, 6) == []


def test_columns_have_letters() -> None:
    assert [column_letters(n) for n in (0, 25, 26, 701, 702)] == ["A", "Z", "AA", "ZZ", "AAA"]
    assert all(column_number(column_letters(n)) == n for n in range(800))


def test_the_sessions_verb(make_workbench: MakeWorkbench, tmp_path: object) -> None:
    from pathlib import Path

    folder = Path(str(tmp_path), "books")
    folder.mkdir()
    rows = [["Who", "Mail"], ["Ann", "ann@example.com"]]
    (folder / "a.xlsx").write_bytes(xlsx_bytes(("People", rows)))
    session = make_workbench().session("ana")
    session.ingest(folder)
    document = session.document(1)
    start = document.text.index("<EMAIL_ADDRESS_1>")
    assert session.cells(1, start, start + 5) == ["People!B2"]
