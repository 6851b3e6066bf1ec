from __future__ import annotations

import datetime
import re
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest

from workbench.errors import UsageError
from workbench.results.extraction import Excerpt, Extraction, nested
from workbench.values import Field, FieldStatus, Record, RecordStatus, Usage

TEXT = "<b>ACME</b>\n25/12/2018\nTOTAL RM 9.00\nPEN 2.50\nINK 6.50"
KINDS = {
    "shop": "text",
    "issued": "date",
    "total": "money",
    "paid": "boolean",
    "items[].what": "text",
    "items[].price": "money",
}


def located(name: str, words: str, value: object, unit: str = "") -> Field:
    start = TEXT.index(words)
    return Field(
        name,
        value=value,
        raw=words,
        quote=words,
        page=1,
        start=start,
        end=start + len(words),
        status=FieldStatus.LOCATED,
        unit=unit,
    )


RECORDS = (
    Record(
        7,
        "a.txt",
        "file:///a.txt",
        0,
        (
            located("shop", "<b>ACME</b>", "<b>ACME</b>"),
            located("issued", "25/12/2018", datetime.date(2018, 12, 25)),
            located("total", "RM 9.00", Decimal("9.00"), "RM"),
            Field("paid", True, raw="yes", status=FieldStatus.INFERRED),
            located("items[0].what", "PEN", "PEN"),
            located("items[0].price", "2.50", Decimal("2.50")),
            located("items[1].what", "INK", "INK"),
        ),
        RecordStatus.COMPLETE,
    ),
    Record(
        8,
        "b.txt",
        "file:///b.txt",
        0,
        (
            Field("shop", raw="=cmd()", status=FieldStatus.INVALID, problem="not in it"),
            Field("total"),
        ),
        RecordStatus.FAILED,
        "the model took too long",
        0.0,
    ),
)


def extraction(records: tuple[Record, ...] = RECORDS) -> Extraction:
    return Extraction(
        id=1,
        schema={"name": "receipt", "fields": {}},
        schema_version=1,
        kinds=KINDS,
        records=records,
        model="m",
        prompt_version="p",
        run_id="0123456789",
        usage=Usage(),
        excerpts={7: (Excerpt(0, TEXT),)},
    )


def test_the_frame_is_typed() -> None:
    rows = extraction().df()
    assert list(rows.columns) == [
        "document_id",
        "document",
        "ordinal",
        "status",
        "shop",
        "issued",
        "total",
        "total_unit",
        "paid",
        "items",
        "problem",
        "read_share",
    ]
    assert rows["total"].dtype == "float64"
    assert str(rows["issued"].dtype).startswith("datetime64")
    assert rows["issued"][0] == pd.Timestamp(2018, 12, 25)
    assert rows["paid"].dtype == "boolean"
    assert rows["items"][0] == [{"what": "PEN", "price": 2.5}, {"what": "INK"}]
    assert rows["total_unit"][0] == "RM"
    assert pd.isna(rows["total"][1])
    assert rows["problem"][1] == "the model took too long"


def test_provenance_has_a_row_per_field() -> None:
    rows = extraction().provenance()
    assert len(rows) == 9
    total = rows[rows["field"] == "total"].iloc[0]
    assert TEXT[int(total["start"]) : int(total["end"])] == total["quote"] == "RM 9.00"
    assert rows["problem"].tolist()[-2:] == ["not in it", "the model took too long"]
    assert extraction().arrow().num_rows == 9


def test_nothing_extracted_is_a_frame_of_no_rows() -> None:
    empty = extraction(())
    assert list(empty.df()["total"]) == []
    assert len(empty.provenance()) == 0
    assert "0 records" in str(empty)
    assert "receipt" in empty.to_html()


def test_html_marks_each_value_and_runs_nothing(tmp_path: Path) -> None:
    page = extraction().to_html(tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == page
    targets = re.findall(r'href="#([^"]+)"', page)
    assert len(targets) == 6
    for target in targets:
        assert page.count(f'id="{target}"') == 1
    assert "<b>ACME" not in page
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "")
    assert "<s>=cmd()</s>" in page
    assert re.search(r'<mark id="[^"]*total"[^>]*>RM 9\.00</mark>', page)
    assert "wbx" in extraction()._repr_html_()


def test_overlapping_spans_are_marked_in_pieces() -> None:
    both = (located("shop", "25/12/2018\nTOTAL", "x"), located("total", "TOTAL RM 9.00", "y"))
    page = extraction((Record(7, "a", "u", 0, both, RecordStatus.COMPLETE),)).to_html()
    plain = re.sub(r"<[^>]+>", "", page.partition("<pre>")[2].partition("</pre>")[0])
    assert plain == TEXT.replace("<", "&lt;").replace(">", "&gt;")
    assert page.count('id="wb01234567-0-total"') == 1


def test_files(tmp_path: Path) -> None:
    result = extraction()
    result.to_csv(tmp_path / "r.csv")
    result.to_excel(tmp_path / "r.xlsx")
    result.to_parquet(tmp_path / "r.parquet")
    values = pd.read_csv(tmp_path / "r.csv")
    assert values["total"][0] == 9.0
    provenance = pd.read_csv(tmp_path / "r.provenance.csv")
    # A text that a spreadsheet would run is told apart from a formula.
    assert "'=cmd()" in provenance["raw"].tolist()
    book = pd.read_excel(tmp_path / "r.xlsx", sheet_name=None, engine="openpyxl")
    assert list(book) == ["values", "provenance"]
    assert len(book["provenance"]) == 9
    assert len(pd.read_parquet(tmp_path / "r.parquet")) == 2
    assert len(pd.read_parquet(tmp_path / "r.provenance.parquet")) == 9
    with pytest.raises(UsageError, match="cannot be written"):
        result.to_csv(tmp_path / "none" / "r.csv")


def test_to_dict_nests_values() -> None:
    first = extraction().to_dict()["records"][0]
    assert first["values"]["items"] == [{"what": "PEN", "price": "2.50"}, {"what": "INK"}]
    assert first["values"]["issued"] == "2018-12-25"
    assert first["fields"][2]["unit"] == "RM"


def test_nested_paths() -> None:
    assert nested({"a.b": 1, "a.c[0].d": 2, "a.c[1].d": 3, "e[0]": 4}) == {
        "a": {"b": 1, "c": [{"d": 2}, {"d": 3}]},
        "e": [4],
    }


def test_a_field_may_have_the_name_of_a_column() -> None:
    paid = Field("status", "paid", status=FieldStatus.INFERRED)
    record = Record(7, "a", "u", 0, (paid,), RecordStatus.COMPLETE)
    rows = replace(extraction((record,)), kinds={"status": "text"}).df()
    assert rows["status"].tolist() == ["paid"]
    assert rows["record_status"].tolist() == ["complete"]
