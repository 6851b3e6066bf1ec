"""The benchmark's measures, on spans whose result is plain."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.masking import Record, load, tally
from workbench.masking.spans import Span

TEXT = "Jane Doe met Tommy Smith in Paris today"
JANE, TOMMY = Span(0, 8, "PERSON", 1.0), Span(13, 24, "PERSON", 1.0)


def test_found_half_found_leaked_and_false() -> None:
    found = [Span(0, 8, "PERSON", 0.9), Span(13, 18, "PERSON", 0.9), Span(34, 39, "PERSON", 0.9)]
    result = tally([Record(TEXT, (JANE, TOMMY))], [found], {"PERSON"})["overall"]
    assert (result["recall"], result["precision"], result["leak"]) == (1.0, 0.6667, 0.5)
    assert result["false_masks_per_1000_words"] == 125.0


def test_another_type_hides_but_does_not_count_as_found() -> None:
    record = Record(TEXT, (JANE,))
    result = tally([record], [[Span(0, 8, "LOCATION", 0.9)]], {"PERSON", "LOCATION"})["overall"]
    assert (result["recall"], result["precision"], result["leak"]) == (0.0, 0.0, 0.0)
    assert result["false_masks_per_1000_words"] == 0.0


def test_ignored_labels_are_neither_right_nor_wrong() -> None:
    record = Record(TEXT, (JANE,), ignored=(TOMMY,))
    result = tally([record], [[JANE, TOMMY]], {"PERSON"})["overall"]
    assert (result["masked"], result["precision"], result["recall"]) == (1, 1.0, 1.0)


def test_both_layouts_are_read(tmp_path: Path) -> None:
    span = {
        "entity_type": "PER",
        "start_position": 0,
        "end_position": 8,
        "entity_value": "Jane Doe",
    }
    file = tmp_path / "set.json"
    file.write_text(json.dumps([{"full_text": TEXT, "spans": [span]}]))
    lines = [
        {"type": "PER", "start": 0, "end": 8, "text": "Jane Doe"},
        {"type": "PER", "start": 13, "end": 24, "text": "Tommy Smith", "role_word": True},
        {"type": "MISC", "start": 28, "end": 33, "text": "Paris"},
    ]
    (tmp_path / "records.jsonl").write_text(json.dumps({"text": TEXT, "spans": lines}) + "\n")
    assert load(file) == [Record(TEXT, (JANE,))]
    assert [len(r.ignored) for r in load(tmp_path)] == [2]


def test_a_label_beside_its_value_is_refused(tmp_path: Path) -> None:
    bad = {"type": "PER", "start": 1, "end": 9, "text": "Jane Doe"}
    (tmp_path / "records.jsonl").write_text(json.dumps({"text": TEXT, "spans": [bad]}) + "\n")
    with pytest.raises(ValueError, match="offsets"):
        load(tmp_path)
