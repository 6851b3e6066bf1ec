from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.extract import Bench, summary
from benchmarks.extract_data import Labelled, is_right, load
from benchmarks.extract_peers import _json_words
from benchmarks.extract_review import calibration_error, first_errors, review
from tests.tasks.test_review import SCHEMA as RECEIPT
from tests.tasks.test_review import SHOPS, reads, receipts
from tests.workbenches import MakeWorkbench
from workbench.extraction.parsing import Locale
from workbench.extraction.schema_sources import as_schema

SCHEMA = as_schema({"company": "text", "date": "date", "total": "money"})
WRONG = {f"{number + 1}.50" for number in range(0, 24, 3)}


def test_receipts_are_read_as_they_come(tmp_path: Path) -> None:
    gold = {"company": "A", "date": "25/12/2018", "total": ""}
    line = json.dumps({"id": "007", "text": "A\n", "gold": gold})
    (tmp_path / "records.jsonl").write_text(line + "\n\n", encoding="utf-8")
    (receipt,) = load(tmp_path)
    assert (receipt.name, receipt.text) == ("007", "A\n")
    assert receipt.gold == {"company": (("A",),), "date": (("25/12/2018",),), "total": ()}
    assert receipt.values() == gold


def test_contracts_have_parties_answers_and_clauses(tmp_path: Path) -> None:
    (tmp_path / "pdf").mkdir()
    (tmp_path / "pdf" / "a.pdf").write_bytes(b"%PDF")
    answers = {
        "Parties": 'A Inc. ("Company"); B Ltd ("B")',
        "Agreement Date": "2/21/2011",
        "Governing Law": "Florida",
        "Expiration Date": "",
    }
    clauses = {
        "Agreement Date": "['21st of February 2011']",
        "Governing Law": "['laws of Florida']",
    }
    lines = [
        {"file": "a.txt", "pdf": "a.pdf", "answers": answers, "clauses": clauses},
        {"file": "b.txt", "pdf": None, "answers": answers, "clauses": clauses},
    ]
    (tmp_path / "gold.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    (contract,) = load(tmp_path)
    assert contract.gold == {
        "parties": (("A Inc.", "A Inc."), ("B Ltd", "B Ltd")),
        "agreement_date": (("2/21/2011", "21st of February 2011"),),
        "governing_law": (("Florida", "laws of Florida"),),
        "expiration": (),
    }


@pytest.mark.parametrize(
    ("name", "predicted", "wordings", "right"),
    [
        ("company", "a&b  LTD.", ["A & B Ltd"], True),
        ("company", "A & B", ["A & B Ltd"], False),
        ("company", "the laws of the State of Florida", ["Florida", "under Florida law"], True),
        ("company", "Nevada", ["Florida", "under Florida law"], False),
        ("company", "", ["Florida", "x"], False),
        ("date", "DATE 25 DEC 2018", ["25/12/2018"], True),
        ("date", "26/12/2018", ["25/12/2018"], False),
        ("total", "RM9.00", ["9.00"], True),
        ("total", "9.05", ["9.00"], False),
    ],
)
def test_when_a_value_is_right(name: str, predicted: str, wordings: list[str], right: bool) -> None:
    spec = next(field for field in SCHEMA.fields if field.name == name)
    assert is_right(spec, predicted, wordings, Locale()) is right


def test_f1_counts_wrong_values_and_missing_ones() -> None:
    def row(gold: int, predicted: int, right: int) -> dict[str, object]:
        counts = {"gold": gold, "predicted": predicted, "exact": 0, "normalised": right}
        none = {"gold": 0, "predicted": 0, "exact": 0, "normalised": 0}
        return {"fields": {"company": counts, "date": none, "total": none}, "seconds": 2.0}

    bench = Bench(SCHEMA, [], [], {}, 0.0)
    rows = {"1": row(1, 1, 1), "2": row(1, 1, 0), "3": row(1, 0, 0)}
    figures = summary(rows, bench)
    assert figures["f1_normalised"] == pytest.approx(2 * 1 / (3 + 2))
    assert figures["f1_exact"] == 0
    assert figures["seconds"] == 2


def test_calibration_error() -> None:
    assert calibration_error([(0.95, True)] * 19 + [(0.95, False)]) == pytest.approx(0)
    assert calibration_error([(1.0, False)]) == 1
    assert calibration_error([(0.25, False), (0.75, True)]) == pytest.approx(0.25)


def test_a_plain_reply_is_read_as_generously_as_it_can_be() -> None:
    words = _json_words('Sure!\n```json\n{"company": ["A"], "total": 9.5, "x": 1}\n```', SCHEMA)
    assert words == {"company": ["A"], "date": [], "total": ["9.5"]}
    assert _json_words("no", SCHEMA) == {"company": [], "date": [], "total": []}
    assert _json_words("{bad}", SCHEMA)["company"] == []


def test_a_review_is_measured_on_what_nobody_reviewed(
    make_workbench: MakeWorkbench, tmp_path: Path
) -> None:
    session = make_workbench(reads).session("ana")
    session.ingest(receipts(tmp_path / "receipts", 24))
    extraction = session.extract("all", RECEIPT)
    documents = {
        info.id: Labelled(info.name, "", None, {name: ((words,),) for name, words in said.items()})
        for number, info in enumerate(sorted(session.documents(), key=lambda i: i.name))
        for said in [
            {
                "shop": f"{SHOPS[number % len(SHOPS)]} {number}",
                "day": f"2019-03-{number % 27 + 1:02}",
                "total": f"{number + 1}.50",
            }
        ]
    }
    figures = review(session, as_schema(RECEIPT), extraction.id, documents, 10)
    assert (figures["reviewed"], figures["held_back"], figures["fields"]) == (10, 14, 42)
    # The model takes the cash for the total of every third receipt.
    wrong = [n for n in sorted(documents) if n not in sorted(documents)[:20:2]]
    assert figures["errors"] == sum(documents[n].gold["total"][0][0] in WRONG for n in wrong)
    # Only totals are ever wrong, which the reviews of other receipts tell.
    assert figures["errors_first_fifth"] > figures["errors_first_fifth_unreviewed"]
    assert figures["calibration_error"] < 0.3
    assert session.review_queue(extraction).reviewed == 30


def test_the_share_of_errors_in_the_first_fifth() -> None:
    assert first_errors([False, False, True, True, True, True, True, True, True, False]) == 2 / 3
    assert first_errors([True] * 5) is None
