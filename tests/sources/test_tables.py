from __future__ import annotations

import pytest

from tests.sources.builders import xlsx_bytes
from workbench.errors import CorruptFile
from workbench.sources.tables import parse_csv, parse_workbook, rows_to_text, sniff_delimiter


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiter_is_found(delimiter: str) -> None:
    rows = [["Team", "City"], ["Blues", "St. Louis"], ["Flyers", "Phila"]]
    text = "\n".join(delimiter.join(row) for row in rows)
    assert sniff_delimiter(text) == delimiter
    assert parse_csv(text.encode()).parts == (
        "Team | City\nTeam: Blues; City: St. Louis\nTeam: Flyers; City: Phila",
    )


def test_commas_inside_values_do_not_mislead() -> None:
    text = 'Name;Note\nA;"one, two, three"\nB;"four, five, six"\n'
    assert sniff_delimiter(text) == ";"


def test_quoted_line_ends_stay_in_their_row() -> None:
    assert parse_csv(b'a,b\n"x\ny",z\n').parts == ("a | b\na: x y; b: z",)


def test_ragged_rows_keep_every_value() -> None:
    text = parse_csv(b"a,b\n1,2,3\n4\n").parts[0]
    assert text == "a | b\na: 1; b: 2; 3\n4"


def test_single_column() -> None:
    assert parse_csv(b"Words\none\ntwo").parts == ("Words\none\ntwo",)


def test_a_table_without_header_is_not_given_one() -> None:
    text = parse_csv(b"2024-01-01,12.50\n2024-01-02,80.00\n").parts[0]
    assert text == "2024-01-01 | 12.50\n2024-01-02 | 80.00"


def test_years_can_be_a_header() -> None:
    text = rows_to_text([["Item", "2023", "2024"], ["Rent", "10.5", "11.5"]])
    assert text == "Item | 2023 | 2024\nItem: Rent; 2023: 10.5; 2024: 11.5"


def test_titles_above_a_table_are_lines() -> None:
    rows = [["Sales by country", ""], ["Country", "Sum"], ["Chile", "7"]]
    assert rows_to_text(rows) == "Sales by country\nCountry | Sum\nCountry: Chile; Sum: 7"


def test_header_reaches_over_blank_rows_until_the_next() -> None:
    rows = [["A", "B"], ["x", "1"], ["", ""], ["y", "2"], ["", ""], ["C", "D"], ["z", "3"]]
    assert rows_to_text(rows).splitlines()[3] == "A: y; B: 2"
    assert rows_to_text(rows).splitlines()[-1] == "C: z; D: 3"


def test_oversized_field_is_corrupt() -> None:
    with pytest.raises(CorruptFile, match="table cannot be read"):
        parse_csv(b'a,b\n"' + b"x" * 10_000_001)


def test_workbook_sheets_are_headings() -> None:
    data = xlsx_bytes(
        ("Teams", [["Team", "Cups"], ["Blues", 1], ["Flyers", 2.5]]),
        ("Empty", []),
        ("More", [["only this"]]),
    )
    parsed = parse_workbook(data)
    assert parsed.parts == (
        "# Teams\n\nTeam | Cups\nTeam: Blues; Cups: 1\nTeam: Flyers; Cups: 2.5\n\n"
        "# More\n\nonly this",
    )


def test_damaged_workbook() -> None:
    data = xlsx_bytes(("Teams", [["Team", "Cups"]]))
    with pytest.raises(CorruptFile, match="workbook cannot be read"):
        parse_workbook(data[: len(data) // 2])
