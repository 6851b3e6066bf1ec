from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

rouge_score = pytest.importorskip("rouge_score", reason="pip install -e .[bench]")

from benchmarks.summarise import Outcome, rouge, summary  # noqa: E402
from benchmarks.summarise_data import Item, load  # noqa: E402

ONE = Outcome(
    "workbench", "a", ("x", "y"), 0.4, 0.2, 0.3, (0.9, 0.1), 1, 0, 3, 3, 0.5, 100, 20, 1.0
)


def test_rouge_takes_the_best_reference() -> None:
    found = rouge("the cats sat", ["dogs bark", "the cat sat"])
    assert found == {"rouge1": 1.0, "rouge2": 1.0, "rougeL": 1.0}
    assert rouge("", ["the cat"]) == {"rouge1": 0.0, "rouge2": 0.0, "rougeL": 0.0}


def test_shares_are_over_all_sentences_and_citations() -> None:
    other = replace(ONE, sentences=("z",), support=(0.8,), unsupported=0, citations=1, valid=0)
    found = summary([ONE, other])
    assert found["unsupported"] == pytest.approx(1 / 3)
    assert found["citation_validity"] == pytest.approx(3 / 4)
    assert found["sentences"] == 1.5
    marked = summary([replace(ONE, marked=2), replace(ONE, marked=0)])
    assert (marked["citation_precision"], marked["citation_recall"]) == (pytest.approx(2 / 6), 0.5)
    assert summary([replace(ONE, sentences=(), unsupported=0)])["unsupported"] == 0


def test_layouts_are_read_in_an_order_that_stays(tmp_path: Path) -> None:
    meeting = {
        "meeting_transcripts": [
            {"speaker": "Ann", "content": "Let us begin. " * 9},
            {"speaker": "Bob", "content": "Yes."},
        ],
        "specific_query_list": [
            {
                "query": "Who began?",
                "answer": "Ann.",
                "relevant_text_span": [["1", "1"], ["0", "0"]],
            }
        ],
    }
    paper = {"source": ["We sort.", "It is fast."], "target": ["Sorting.", "Fast sorting."]}
    lines = "\n".join(map(json.dumps, [meeting, paper]))
    (tmp_path / "dev.jsonl").write_text(lines, encoding="utf-8")
    (tmp_path / "MTS-Dialog-ValidationSet.csv").write_text(
        "ID,section_header,section_text,dialogue\n0,GENHX,She has pain.,Doctor: Where?\n",
        encoding="utf-8",
    )
    middle, short, long = sorted(load(tmp_path), key=lambda item: len(item.text))
    assert [item.name for item in load(tmp_path)] == [item.name for item in load(tmp_path)]
    assert short == Item(
        "paper-1", "We sort. It is fast.", ("Sorting.", "Fast sorting."), sentences=1
    )
    assert middle.references == ("She has pain.",)
    assert (long.focus, long.references) == ("Who began?", ("Ann.",))
    assert [long.text[start:end] for start, end in long.evidence] == [
        "Bob: Yes.",
        "Ann: " + "Let us begin. " * 9,
    ]
    assert long.question == "Who began? Answer in at most 3 sentences."
    assert short.question == "Summarise the text. Answer in at most 1 sentence."
