from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.groundedness import best_threshold, calibration_error, fit, left_out
from benchmarks.groundedness_data import CLAIMS_PER_DOCUMENT, Pair, load, sample
from workbench.evaluation.groundedness import YES


def pairs(documents: int, claims: int = 8) -> list[Pair]:
    return [
        Pair("d", f"claim {c}", f"text {d}", supported=c % 2 == 0)
        for d in range(documents)
        for c in range(claims)
    ]


def test_whole_documents_are_held_out_and_both_labels_sampled() -> None:
    everything = pairs(40)
    chosen = sample(everything, 60)
    assert len(chosen) == 60
    for document in {pair.document for pair in chosen}:
        own = [pair for pair in chosen if pair.document == document]
        assert len({pair.held_out for pair in own}) == 1
        assert len(own) <= CLAIMS_PER_DOCUMENT
        assert sum(pair.supported for pair in own) == len(own) // 2
    assert 10 < len({pair.document for pair in everything if pair.held_out}) < 30
    assert chosen == sample(list(reversed(everything)), 60)


def test_a_signal_against_that_speaks_for_is_left_out() -> None:
    random = np.random.default_rng(0)
    all_pairs = pairs(60)
    rows = [
        {
            YES: float(pair.supported) + random.normal(0, 0.5),
            "turn": float(not pair.supported) + random.normal(0, 0.5),
            "unsaid": float(pair.supported),
        }
        for pair in all_pairs
    ]
    found = fit(all_pairs, rows, (YES, "turn", "unsaid"))
    assert set(found.weights) == {YES, "turn"}
    assert found.weights[YES] > 0 > found.weights["turn"]
    chances = np.array([found.probability(row) for row in rows])
    labels = np.array([pair.supported for pair in all_pairs])
    assert ((chances >= found.threshold) == labels).mean() > 0.85


def test_a_signal_is_weighed_on_documents_that_were_left_out() -> None:
    random = np.random.default_rng(0)
    all_pairs = pairs(60)
    rows = [
        {
            YES: float(pair.supported) + random.normal(0, 0.5),
            "turn": float(not pair.supported),
            "name": random.normal(0, 0.5),
        }
        for pair in all_pairs
    ]
    alone, helped, blurred = (
        left_out(all_pairs, rows, names) for names in ((YES,), (YES, "turn"), ("name",))
    )
    assert blurred < 0.65 < alone < 0.95 < helped


def test_threshold_and_calibration_error() -> None:
    labels = np.array([False, False, True, True])
    scores = np.array([0.1, 0.2, 0.7, 0.8])
    assert 0.2 < best_threshold(labels, scores, np.ones(4)) <= 0.7
    assert calibration_error(labels, np.array([0.0, 0.0, 1.0, 1.0])) == 0
    assert calibration_error(labels, np.array([1.0, 1.0, 0.0, 0.0])) == 1
    assert calibration_error(labels, np.full(4, 0.7)) == pytest.approx(0.2)


def test_all_three_layouts_are_read(tmp_path: Path) -> None:
    edits = [{"doc": "D", "summary": "S", "label": 1}, {"doc": "D", "summary": "T", "label": 0}]
    (tmp_path / "summedits_news.json").write_text(json.dumps(edits), encoding="utf-8")
    claim = {"label": "partially_supported", "claim": "C", "evidence": ["One.", "Two."]}
    (tmp_path / "claim_dev.jsonl").write_text(json.dumps(claim) + "\n", encoding="utf-8")
    contracts = {
        "labels": {"nda-1": {"hypothesis": "H"}},
        "documents": [
            {"text": "N", "annotation_sets": [{"annotations": {"nda-1": {"choice": "Entailment"}}}]}
        ],
    }
    (tmp_path / "dev.json").write_text(json.dumps(contracts), encoding="utf-8")
    assert load(tmp_path) == [
        Pair("news", "S", "D", True),
        Pair("news", "T", "D", False),
        Pair("wice", "C", "One.\nTwo.", False),
        Pair("contractnli", "H", "N", True),
    ]
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(SystemExit, match="none of the known sets"):
        load(empty)
