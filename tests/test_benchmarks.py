from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.ask import token_f1
from benchmarks.retrieval import load


def test_a_collection_is_read_as_it_comes(tmp_path: Path) -> None:
    rows = [
        {"id": 1, "title": None, "text": "first\u2028line"},
        {"id": "2", "title": "Only a title", "text": ""},
        {"id": "3", "title": "", "text": " "},
        {"id": "4", "text": "no title at all"},
    ]
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    (tmp_path / "docs.jsonl").write_text("\n".join([*lines, "", ""]), encoding="utf-8")
    queries = [{"id": 7, "text": "judged"}, {"id": 8, "text": "not judged"}]
    (tmp_path / "queries.jsonl").write_text("\n".join(map(json.dumps, queries)), encoding="utf-8")
    (tmp_path / "qrels.tsv").write_text("query_id\tdoc_id\tgrade\n7\t1\t2\n", encoding="utf-8")
    collection = load(tmp_path)
    assert collection.documents == (
        ("1", "", "first\u2028line"),
        ("2", "Only a title", "Only a title"),
        ("4", "", "no title at all"),
    )
    assert collection.queries == (("7", "judged"),)
    assert collection.judged == {"7": {"1": 2}}


@pytest.mark.parametrize(
    ("answer", "reference", "f1"),
    [
        ("The cat, a cat!", "cat cat", 1.0),
        ("one two", "two three", 0.5),
        ("one", "two", 0.0),
        ("", "two", 0.0),
    ],
)
def test_token_f1_is_that_of_squad(answer: str, reference: str, f1: float) -> None:
    assert token_f1(answer, reference) == f1
