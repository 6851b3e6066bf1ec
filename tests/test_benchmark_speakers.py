from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from benchmarks.speakers import main

TURNS = [
    {"speaker": "Marketing", "content": "People find the buttons confusing."},
    {"speaker": "The Chair", "content": "Lunch is at noon today."},
]


def test_right_and_exchanged_speakers_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    queries = [
        {
            "answer": "Marketing said that people find the buttons confusing. Nobody else spoke.",
            "relevant_text_span": [["0", "1"]],
        }
    ]
    meeting = {"meeting_transcripts": TURNS, "specific_query_list": queries}
    (tmp_path / "val.jsonl").write_text(json.dumps(meeting) + "\n", encoding="utf-8")
    out = tmp_path / "out.json"
    monkeypatch.setattr(sys, "argv", ["speakers", "--data", str(tmp_path), "--out", str(out)])
    main()
    assert json.loads(out.read_text(encoding="utf-8")) == {
        "right": {"sentences": 1, "refused": 0.0},
        "swapped": {"sentences": 1, "refused": 1.0},
    }
