from __future__ import annotations

import datetime
import json

from workbench.extraction.schema_sources import as_schema
from workbench.extraction.shots import SHOT_CHARS, similar, worked
from workbench.extraction.teaching import Example

SCHEMA = as_schema({"shop": "text", "issued": "date", "total": "money"})
FUEL = Example("PETRO FUEL STATION\nPUMP 3 UNLEADED LITRES 20.10\nTOTAL RM 50.00", {})
BOOKS = Example("BETA BOOKS\nNOVEL PAPERBACK\nTOTAL RM 20.00", {})
CAFE = Example("CORNER CAFE\nCAPPUCCINO\nTOTAL RM 9.00", {})


def test_the_most_similar_example_comes_last() -> None:
    text = "PETR0 FUEL STATI0N\nPUMP 1 DIESEL LITRES 10.00\nTOTAL RM 30.00"
    assert similar([FUEL, BOOKS, CAFE], text, 1) == [FUEL]
    assert similar([FUEL, BOOKS, CAFE], text, 3)[-1] == FUEL
    assert similar([FUEL, BOOKS], text, 0) == []


def test_a_document_is_no_example_of_itself() -> None:
    assert similar([FUEL, BOOKS], FUEL.text, 2) == [BOOKS]
    assert similar([FUEL], FUEL.text, 2) == []


def test_texts_without_words_are_like_nothing() -> None:
    assert similar([BOOKS, CAFE], "", 1) in ([BOOKS], [CAFE])
    assert similar([Example(" ", {})], "", 1) == []


def test_a_worked_reply_holds_the_words_of_its_text() -> None:
    values = {"shop": "beta books", "issued": datetime.date(2018, 12, 25), "total": None}
    text = worked([Example("BETA BOOKS\nDATE 25/12/2018", values)], SCHEMA, many=False)
    reply = json.loads(text.partition("Example reply:\n")[2])
    assert reply == {"shop": "BETA BOOKS", "issued": "25/12/2018", "total": ""}


def test_a_value_that_the_text_does_not_state_is_shown_as_it_is() -> None:
    text = worked([Example("BETA BOOKS", {"shop": "Gamma Grill", "x": "?"})], SCHEMA, many=True)
    reply = json.loads(text.partition("Example reply:\n")[2])
    assert reply == {"records": [{"shop": "Gamma Grill"}]}


def test_a_long_example_keeps_its_beginning_and_its_end() -> None:
    text = worked([Example(f"FIRST {'x' * 5_000} LAST", {})], SCHEMA, many=False)
    assert "FIRST" in text
    assert "LAST" in text
    assert len(text) < SHOT_CHARS + 200
