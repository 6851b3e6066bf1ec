from __future__ import annotations

import dataclasses

import pyarrow as pa
import pytest

from workbench.results import Answer, Hits, IngestItem, IngestReport, ItemStatus, Table
from workbench.values import Chunk, Citation, Claim, Hit, Support, Usage

CITATION = Citation("leave.md", "file:///leave.md", None, 3, 9, "a quote", 1)
ANSWER = Answer(
    question="How much?",
    text="Four hours.",
    status=Support.PARTIAL,
    claims=(Claim("Four hours.", (CITATION,)), Claim("Says the model.")),
    hits=(),
    model="light",
    run_id="r1",
    usage=Usage(10, 5, 1.5),
    prompt_version="answer@1",
    corpus_version=3,
    created_at="2026-01-01T00:00:00+00:00",
)
HITS = Hits("q", (Hit(Chunk(0, 0, 4, "text"), "d", "file:///d", "internal", 0.5),), "r2")
REPORT = IngestReport(
    (
        IngestItem("a.md", "file:///a.md", ItemStatus.ADDED, chunks=2),
        IngestItem("b.pdf", "file:///b.pdf", ItemStatus.FAILED, error="not a PDF. Open it."),
    ),
    corpus_version=1,
    seconds=2.0,
    run_id="r3",
)
TABLE = Table(pa.table({"n": [1, 2]}), "r4")


def test_an_answer_has_a_row_for_every_claim_and_citation() -> None:
    frame = ANSWER.df()
    assert frame["claim"].tolist() == [1, 2]
    assert frame["supported"].tolist() == [True, False]
    assert frame["quote"].tolist()[0] == "a quote"
    assert ANSWER.citations == (CITATION,)


@pytest.mark.parametrize("result", [ANSWER, HITS, REPORT, TABLE])
def test_frames_and_arrow_tables_agree(result: Answer | Hits | IngestReport | Table) -> None:
    assert list(result.df().columns) == result.arrow().column_names
    assert len(result.df()) == result.arrow().num_rows


@pytest.mark.parametrize("result", [ANSWER, HITS, REPORT, TABLE])
def test_results_are_frozen_and_render(result: Answer | Hits | IngestReport | Table) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        result.run_id = "other"  # type: ignore[misc]
    assert result._repr_html_().startswith("<")
    assert str(result)


def test_a_report_counts_and_names_failures() -> None:
    assert REPORT.count(ItemStatus.ADDED) == 1
    assert [item.name for item in REPORT.failed] == ["b.pdf"]
    assert str(REPORT) == "1 added, 1 failed in 2.0 s (corpus version 1)"
    assert REPORT.to_dict()["counts"]["failed"] == 1


def test_json_holds_the_promised_fields() -> None:
    data = ANSWER.to_dict()
    assert {"status", "text", "citations", "model", "run_id"} <= set(data)
    assert data["status"] == "partial"
    assert {"document", "uri", "page", "start", "end", "quote"} <= set(data["citations"][0])
