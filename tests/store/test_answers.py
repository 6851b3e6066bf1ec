from __future__ import annotations

from dataclasses import replace

import pytest

from workbench.errors import AccessDenied, UsageError
from workbench.results import Answer
from workbench.store.corpus import Corpus
from workbench.store.records import SearchQuery
from workbench.values import Citation, Claim, Support, Usage


@pytest.fixture
def saved(corpus: Corpus, run_for, put) -> Answer:
    number = put("policy", "sick leave is ten days", label="hr")
    run = run_for("*")
    hits = corpus.search(run, SearchQuery("sick leave", mode="keyword"))
    citation = Citation("policy", "policy", 3, 14, 22, "ten days", number)
    answer = Answer(
        question="how long?",
        text="Ten days. For ever.",
        status=Support.PARTIAL,
        claims=(Claim("Ten days.", (citation,)), Claim("For ever.")),
        hits=hits,
        model="qwen",
        run_id=run.id,
        usage=Usage(100, 20, 2.5),
        prompt_version="answer@1",
        corpus_version=1,
        created_at="2026-01-02T03:04:05+00:00",
    )
    corpus.save_answer(run, answer)
    return answer


def test_an_answer_can_be_read_with_its_citations(corpus: Corpus, run_for, saved: Answer) -> None:
    run = run_for("*")
    (row,) = corpus.sql(
        run, "SELECT question, text, status, claims, labels, chunk_ids, model, seconds FROM answers"
    ).to_pylist()
    assert (row["question"], row["status"], row["model"]) == ("how long?", "partial", "qwen")
    assert row["labels"] == ["hr"]
    assert row["chunk_ids"] == [saved.hits[0].chunk.id]
    assert '"supported": false' in row["claims"]
    (cited,) = corpus.sql(
        run,
        "SELECT c.claim, c.page, c.quote, substring(d.text, c.start_char + 1, "
        "c.end_char - c.start_char) AS there FROM citations c JOIN documents d "
        "ON d.id = c.document_id",
    ).to_pylist()
    assert cited == {"claim": 1, "page": 3, "quote": "ten days", "there": "ten days"}


def test_a_citation_outlives_its_document(corpus: Corpus, run_for, put, saved: Answer) -> None:
    put("policy", "sick leave is five days", label="hr")
    corpus.remove(run_for("*"), "policy")
    (cited,) = corpus.sql(run_for("*"), "SELECT * FROM citations").to_pylist()
    text = corpus.document(run_for("*"), cited["document_id"]).text
    assert text[cited["start_char"] : cited["end_char"]] == "ten days"


@pytest.mark.parametrize(
    ("labels", "actor", "visible"),
    [
        (("*",), ("ana", "analyst"), 1),
        (("hr", "legal"), ("ana", "analyst"), 1),
        (("legal",), ("ana", "analyst"), 0),
        ((), ("ana", "analyst"), 0),
        (("*",), ("bob", "analyst"), 0),
        (("*",), ("bob", "admin"), 1),
        (("legal",), ("bob", "admin"), 0),
    ],
)
def test_answers_are_for_their_asker_within_scope(
    corpus: Corpus, run_for, saved: Answer, labels, actor, visible
) -> None:
    run = run_for(*labels, name=actor[0], role=actor[1])
    for view in ("answers", "citations"):
        assert corpus.sql(run, f"SELECT * FROM {view}").num_rows == visible


def test_an_abstention_is_kept_too(corpus: Corpus, run_for, saved: Answer) -> None:
    run = run_for("hr")
    corpus.save_answer(run, replace(saved, status=Support.ABSTAINED, claims=(), hits=()))
    statuses = corpus.sql(run, "SELECT status FROM answers ORDER BY id").to_pylist()
    assert statuses == [{"status": "partial"}, {"status": "abstained"}]
    run.close()
    with pytest.raises(AccessDenied):
        corpus.save_answer(run, saved)


def test_an_actor_sees_the_own_answers_and_what_it_thought_of_them(
    corpus: Corpus, run_for, saved: Answer
) -> None:
    mine, other = run_for("hr"), run_for("hr", name="bob")
    again = corpus.save_answer(mine, replace(saved, text="Ten days."))
    (answer,) = corpus.answers.own(mine, 5)
    assert (answer.id, answer.question, answer.text) == (again, "how long?", "Ten days.")
    assert (answer.status, answer.created_at) == (Support.PARTIAL, "2026-01-02T03:04:05")
    assert (answer.good, answer.reason) == (None, "")
    corpus.answers.rate(mine, again, good=False, reason="Too short.")
    corpus.answers.rate(mine, again, good=True, reason="")
    corpus.answers.rate(mine, again, good=False, reason="Wrong year.")
    (answer,) = corpus.answers.own(mine, 5)
    assert (answer.good, answer.reason) == (False, "Wrong year.")
    assert corpus.answers.own(other, 5) == []
    with pytest.raises(UsageError, match="no such answer"):
        corpus.answers.rate(other, again, good=True, reason="")


def test_feedback_is_seen_by_whoever_sees_the_answer(
    corpus: Corpus, run_for, put, saved: Answer
) -> None:
    number = corpus.save_answer(run_for("hr"), saved)
    corpus.answers.rate(run_for("hr"), number, good=True, reason="Exact.")

    def seen(*labels: str, **who: str) -> list[dict[str, object]]:
        rows = corpus.sql(run_for(*labels, **who), "SELECT actor, good, reason FROM feedback")
        return list(rows.to_pylist())

    expected = [{"actor": "ana", "good": True, "reason": "Exact."}]
    assert seen("hr") == seen("*", role="admin", name="root") == expected
    assert seen("hr", name="bob") == seen("other") == []
    put("policy", "sick leave is ten days", label="closed")
    assert seen("hr") == []
    assert corpus.answers.own(run_for("hr"), 5) == []
