from __future__ import annotations

from datetime import date, datetime

import pandas as pd
import pyarrow as pa
import pytest

from tests.sources.places import access
from workbench.config import LimitsConfig
from workbench.errors import FileTooLarge, UsageError
from workbench.sources import rows
from workbench.sources.rows import Rows, cell_text

PEOPLE = [
    {"id": 7, "name": "Ann  Lee", "joined": date(2026, 3, 1), "note": None},
    {"id": 8, "name": "Bo", "joined": None, "note": "first\nsecond"},
]


def test_a_row_reads_alone_and_keeps_its_lineage() -> None:
    listing = Rows(PEOPLE, "team members", key="id").listing(access())
    first, second = (item.read("hr") for item in listing.items)
    assert first.text == "id: 7\nname: Ann  Lee\njoined: 2026-03-01"
    assert second.text == "id: 8\nname: Bo\nnote: first\nsecond"
    assert (first.uri, first.name, first.label) == ("rows://team-members/7", "team members 7", "hr")
    assert first.metadata == {"source": "table in memory", "key": "7"}
    assert len(first.content_hash) == 64
    assert listing.covers("rows://team-members/9")
    assert not listing.covers("rows://team-members-2/9")


@pytest.mark.parametrize("kind", ["pandas", "arrow", "list", "indexed"])
def test_every_kind_of_table_gives_the_same_rows(kind: str) -> None:
    data: object = PEOPLE
    if kind == "arrow":
        data = pa.Table.from_pylist(PEOPLE)
    elif kind == "pandas":
        data = pd.DataFrame(PEOPLE)
    elif kind == "indexed":
        data = pd.DataFrame(PEOPLE, index=["x", "y"])
    items = Rows(data, "people", key="id").listing(access()).items
    assert [item.read("x").text for item in items] == [
        "id: 7\nname: Ann  Lee\njoined: 2026-03-01",
        "id: 8\nname: Bo\nnote: first\nsecond",
    ]


def test_columns_and_templates_choose_the_text() -> None:
    chosen = Rows(PEOPLE, "people", key="id", text=["joined", "name"]).listing(access())
    assert chosen.items[0].read("x").text == "joined: 2026-03-01\nname: Ann  Lee"
    told = Rows(PEOPLE, "people", key="id", text="{name} joined on {joined}.").listing(access())
    assert told.items[0].read("x").text == "Ann  Lee joined on 2026-03-01."


def test_only_a_change_changes_the_fingerprint() -> None:
    before = [item.fingerprint() for item in Rows(PEOPLE, "p", key="id").listing(access()).items]
    changed = [PEOPLE[0], {**PEOPLE[1], "note": "third"}]
    after = [item.fingerprint() for item in Rows(changed, "p", key="id").listing(access()).items]
    assert before[0] == after[0]
    assert before[1] != after[1]


def test_a_key_that_may_be_a_person_stands_in_no_uri() -> None:
    data = [{"mail": "ann@example.com", "ssn": 123456789, "n": 1}]
    uris = [
        Rows(data, "p", key=key).listing(access()).items[0].uri
        for key in ("mail", "ssn", ("mail", "n"))
    ]
    assert not [uri for uri in uris if "ann" in uri or "123456789" in uri]
    assert uris[2] == uris[0] + "/1"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (Rows(PEOPLE, "p", key="nr"), "no such column: nr"),
        (Rows(PEOPLE, "p", key=()), "no such column"),
        (Rows(PEOPLE, "p", key="id", text="{nam}"), "no such column: nam"),
        (Rows(PEOPLE, "p", key="note"), "a row has no key: note in row 1"),
        (Rows([{"a": 1}, {"a": 1}], "p", key="a"), "does not tell the rows apart: a: row 2"),
        (Rows("text", "p", key="a"), "this is no table: str"),
        (Rows([{"a": 1}, {"a": "x"}], "p", key="a"), "this is no table: list"),
        (Rows(pa.table([[1], [2]], names=["a", "a"]), "p", key="a"), "two columns"),
    ],
)
def test_what_cannot_be_used_is_bad_usage(given: Rows, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        given.listing(access())


def test_there_are_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    tight = access(LimitsConfig(max_document_chars=10))
    with pytest.raises(FileTooLarge, match="too much text"):
        Rows(PEOPLE, "p", key="id").listing(tight).items[0].read("x")
    monkeypatch.setattr(rows, "MAX_ROWS", 1)
    with pytest.raises(FileTooLarge, match="over 1 rows"):
        Rows(PEOPLE, "p", key="id").listing(access())


def test_the_data_is_not_shown() -> None:
    assert "Ann" not in repr(Rows(PEOPLE, "people", key="id"))


def test_cells_as_people_write_them() -> None:
    cells = [None, float("nan"), True, 2.0, b"abc", {"a": [1]}, datetime(2026, 1, 2, 3, 4)]
    assert [cell_text(cell) for cell in cells] == [
        *("", "", "TRUE", "2", "(3 bytes)", '{"a": [1]}', "2026-01-02 03:04:00")
    ]
