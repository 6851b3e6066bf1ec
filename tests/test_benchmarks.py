from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.ask import token_f1
from benchmarks.ingest import rates
from benchmarks.parsers import reference_words, score, shares, summary
from benchmarks.retrieval import load
from benchmarks.search import Exact, K, kept


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


def test_words_are_compared_with_and_without_their_order() -> None:
    reference = reference_words("# Two  words\n![pic](a.png)\n| a | b |\n|---|---|\n[link](x.org)")
    assert reference == ["two", "words", "a", "b", "link"]
    assert shares(reference, reference) == (1.0, 1.0, 1.0)
    assert shares(reference, ["link", "b", "a", "words", "two"]) == (1.0, 1.0, 0.2)
    assert shares(reference, []) == (0.0, 0.0, 0.0)


def test_parsers_are_scored_by_a_manifest(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("One two\n\nthree", encoding="utf-8")
    entry = {"file": "a.md", "reference": "a.md", "password": None, "must_include": ["two", "four"]}
    read = score(tmp_path, entry, lambda path, _: path.read_text(encoding="utf-8"))
    assert (read.recall, read.in_order, read.verbatim, read.error) == (1.0, 1.0, (1, 2), "")
    failed = score(tmp_path, {**entry, "file": "b.md"}, lambda path, _: path.read_text())
    assert failed.error.startswith("FileNotFoundError")
    assert summary([read, failed])["all"]["read"] == 1


def test_rates_of_an_ingest_are_by_cpu_second() -> None:
    result = {
        "documents": 10,
        "megabytes": 5.0,
        "first": {"cpu_s": 4.0, "stages_cpu_s": {"parse": 2.0, "chunk": 0.0}},
    }
    assert rates(result) == {
        "parse": {"cpu_s": 2.0, "documents_per_cpu_s": 5.0, "megabytes_per_cpu_s": 2.5},
        "all": {"cpu_s": 4.0, "documents_per_cpu_s": 2.5, "megabytes_per_cpu_s": 1.25},
    }


def test_the_true_nearest_are_kept_while_batches_pass_by() -> None:
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(300, 8)).astype(np.float32)
    questions = rng.normal(size=(5, 8)).astype(np.float32)
    true = np.argsort(-(questions @ rows.T), axis=1)[:, :K].tolist()
    third = np.argsort(-(questions @ rows[::3].T), axis=1)[:, :K] * 3
    every, some = Exact(questions, 1), Exact(questions, 3)
    for start in range(0, 300, 70):
        every.see(start, rows[start : start + 70])
        some.see(start, rows[start : start + 70])
    assert every.recall(true) == 1
    assert some.recall(third.tolist()) == 1
    assert every.recall([row[: K // 2] for row in true]) == 0.5


def test_steps_of_a_measurement_gather_in_one_row(tmp_path: Path) -> None:
    out = tmp_path / "out" / "found.json"
    kept(out, {"peer": "a", "n": 1}, {"p50_ms": 2.0})
    kept(out, {"peer": "a", "n": 2}, {"p50_ms": 3.0})
    assert kept(out, {"peer": "a", "n": 1}, {"recall": 1.0, "p50_ms": 1.0}) == {
        "peer": "a",
        "n": 1,
        "p50_ms": 1.0,
        "recall": 1.0,
    }
    assert [row["n"] for row in json.loads(out.read_text())] == [1, 2]
