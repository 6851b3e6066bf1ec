from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.workbenches import MakeWorkbench, agreeing, question_of, sentence_with
from workbench.config import ActorConfig, Config, LimitsConfig, MaskingConfig
from workbench.errors import InvalidReply, UsageError
from workbench.models.fake import FakeServer, extract
from workbench.models.messages import ChatRequest
from workbench.prompts.registry import load_prompt
from workbench.results import ABSTENTION, Answer
from workbench.tasks.ask import fitting, parse_draft
from workbench.values import Chunk, Hit, Support

QUESTION = "How many hours of sick leave do employees earn per pay period?"


def replying(quotes: list[str], answer: str) -> Callable[[ChatRequest], str]:
    return lambda request: json.dumps({"quotes": quotes, "answer": answer})


def faithful(request: ChatRequest) -> str:
    quote = sentence_with(request, ["sick leave"])
    return json.dumps({"quotes": [quote], "answer": "Employees earn 4 hours of sick leave."})


def test_an_answer_cites_the_exact_words(make_workbench: MakeWorkbench, folder: Path) -> None:
    session = make_workbench(faithful).session("ana")
    session.ingest(folder)
    answer = session.ask(QUESTION)
    assert answer.status is Support.SUPPORTED
    assert answer.text.startswith("Employees earn 4 hours of sick leave.")
    for citation in answer.citations:
        text = session.document(citation.document_id).text
        assert text[citation.start : citation.end] == citation.quote
        assert citation.document == "leave.md"


def test_the_stream_ends_with_the_answer(make_workbench: MakeWorkbench, folder: Path) -> None:
    session = make_workbench(faithful).session("ana")
    session.ingest(folder)
    *pieces, last = session.ask_stream(QUESTION)
    assert isinstance(last, Answer)
    assert "".join(str(piece) for piece in pieces) == "Employees earn 4 hours of sick leave."
    assert len(pieces) > 1


def test_a_stream_that_is_closed_early_stops_the_model_and_is_audited(
    make_workbench: MakeWorkbench, folder: Path
) -> None:
    session = make_workbench(faithful).session("ana")
    session.ingest(folder)
    stream = session.ask_stream(QUESTION)
    next(stream)
    stream.close()
    assert session.sql("SELECT * FROM answers").to_dict()["rows"] == []
    session.ask(QUESTION)
    stopped, whole = session.sql(
        "SELECT * FROM runs WHERE action = 'ask' ORDER BY started_at"
    ).to_dict()["rows"]
    assert (stopped["outcome"], stopped["detail"]) == ("failed", "stopped by the caller")
    assert 0 < stopped["output_tokens"] < whole["output_tokens"]


def test_the_answer_comes_once_its_run_is_audited(
    make_workbench: MakeWorkbench, folder: Path
) -> None:
    session = make_workbench(faithful).session("ana")
    session.ingest(folder)
    for part in session.ask_stream(QUESTION):
        if isinstance(part, Answer):
            break
    outcomes = session.sql("SELECT outcome FROM runs WHERE action = 'ask'").to_dict()["rows"]
    assert outcomes == [{"outcome": "done"}]


def test_a_source_may_speak_of_what_is_not_found(
    make_workbench: MakeWorkbench, tmp_path: Path
) -> None:
    note = tmp_path / "lost.txt"
    note.write_text("If a lost badge is not found within ten days, order a new one.", "utf-8")

    def reply(request: ChatRequest) -> str:
        quote = sentence_with(request, ["lost badge"])
        return json.dumps({"quotes": [quote], "answer": "Order a new one."})

    session = make_workbench(reply).session("ana")
    session.ingest(note)
    answer = session.ask("What if a lost badge is not found within ten days?")
    assert answer.status is Support.SUPPORTED


@pytest.mark.parametrize("words", ["NOT FOUND", "Not found.", "NOT FOUND: nothing says it"])
def test_words_of_declining(make_workbench: MakeWorkbench, folder: Path, words: str) -> None:
    session = make_workbench(replying([words], words)).session("ana")
    session.ingest(folder)
    assert session.ask(QUESTION).status is Support.ABSTAINED


def test_not_found_is_an_honest_abstention(make_workbench: MakeWorkbench, folder: Path) -> None:
    session = make_workbench(replying(["NOT FOUND"], "NOT FOUND")).session("ana")
    session.ingest(folder)
    answer = session.ask(QUESTION)
    assert (answer.status, answer.text, answer.claims) == (Support.ABSTAINED, ABSTENTION, ())


def test_invented_words_are_never_an_answer(make_workbench: MakeWorkbench, folder: Path) -> None:
    reply = replying(["Sick leave is unlimited for managers."], "Managers fly to Mars.")
    session = make_workbench(reply).session("ana")
    session.ingest(folder)
    assert session.ask(QUESTION).status is Support.ABSTAINED


def test_an_invented_sentence_is_marked_and_kept_out_of_the_text(
    make_workbench: MakeWorkbench, folder: Path
) -> None:
    def reply(request: ChatRequest) -> str:
        quote = sentence_with(request, ["sick leave"])
        return json.dumps({"quotes": [quote], "answer": "Managers fly to Mars every winter."})

    session = make_workbench(reply).session("ana")
    session.ingest(folder)
    answer = session.ask(QUESTION)
    assert answer.status is Support.PARTIAL
    assert [claim.supported for claim in answer.claims] == [False, True]
    assert "Mars" not in answer.text


def test_an_empty_workspace_abstains_without_a_model_call(make_workbench: MakeWorkbench) -> None:
    server = FakeServer(agreeing(faithful))
    answer = make_workbench(server=server).session("ana").ask(QUESTION)
    assert answer.status is Support.ABSTAINED
    assert server.requests == []


def test_an_unrelated_question_abstains_without_a_model_call(
    make_workbench: MakeWorkbench, folder: Path
) -> None:
    server = FakeServer(agreeing(faithful))
    session = make_workbench(server=server).session("ana")
    session.ingest(folder)
    assert session.ask("zebra quantum xylophone").status is Support.ABSTAINED
    assert server.requests == []


def test_the_same_question_again_comes_from_the_cache(
    make_workbench: MakeWorkbench, folder: Path
) -> None:
    server = FakeServer(agreeing(faithful))
    session = make_workbench(server=server).session("ana")
    session.ingest(folder)
    first = session.ask(QUESTION)
    calls = len(server.requests)
    again = session.ask(QUESTION)
    assert len(server.requests) == calls
    assert (again.text, again.citations) == (first.text, first.citations)
    hits = session.sql("SELECT cache_hits FROM runs WHERE action = 'ask' ORDER BY started_at").df()
    assert hits["cache_hits"].tolist()[0] == 0
    assert hits["cache_hits"].tolist()[1] > 0


def test_personal_data_reaches_neither_model_nor_store(
    make_workbench: MakeWorkbench, tmp_path: Path
) -> None:
    secret = "jane.roe@example.com"
    document = tmp_path / "contacts.txt"
    document.write_text(f"The travel desk answers mail at {secret} every day.", encoding="utf-8")
    server = FakeServer(agreeing(extract))
    session = make_workbench(server=server).session("ana")
    session.ingest(document)
    answer = session.ask(f"Does the travel desk answer mail at {secret}?")
    sent = [request.user + request.system for request in server.requests] + server.texts
    assert not [text for text in sent if secret in text]
    assert secret not in str(answer.to_dict())
    assert "<EMAIL_ADDRESS_1>" in answer.question
    stored = session.sql("SELECT question FROM answers").df()["question"].tolist()
    assert stored == [answer.question]


def test_personal_data_reaches_no_model_through_llama_index(
    make_workbench: MakeWorkbench, folder: Path
) -> None:
    secret = "jane.roe@example.com"
    server = FakeServer()
    session = make_workbench(server=server).session("ana")
    session.ingest(folder)
    engine = session.as_index().as_query_engine(llm=session.as_llm(), similarity_top_k=2)
    engine.query(f"When does {secret} get a badge?")
    assert server.requests
    sent = [request.user + request.system for request in server.requests] + server.texts
    assert not [text for text in sent if secret in text]


def test_a_question_has_bounds(make_workbench: MakeWorkbench) -> None:
    session = make_workbench(faithful).session("ana")
    with pytest.raises(UsageError, match="too long"):
        session.ask("why " * 20_000)
    with pytest.raises(UsageError, match="empty"):
        session.ask(" \x00 ")


def test_passages_are_cut_to_the_context(make_workbench: MakeWorkbench, tmp_path: Path) -> None:
    long = tmp_path / "long.txt"
    lines = [f"Rule {n} says that sick leave of kind {n} needs form {n}." for n in range(400)]
    long.write_text("\n\n".join(lines), encoding="utf-8")
    server = FakeServer(agreeing(extract))
    config = Config(limits=LimitsConfig(), masking=MaskingConfig(types=()))
    session = make_workbench(server=server, config=config).session("ana")
    session.ingest(long)
    session.ask("Which form does sick leave of kind 7 need?")
    assert server.requests
    assert all(len(request.user) < 4096 * 3 for request in server.requests)
    assert question_of(server.requests[0]).startswith("Which form")


def test_a_long_question_leaves_less_room_for_passages() -> None:
    hits = [
        Hit(Chunk(n, 0, 500, "x" * 500, id=n), "doc", "file:///doc", "internal", 1.0)
        for n in range(8)
    ]
    prompt = load_prompt("answer")
    assert len(fitting(hits, prompt, 4096, question="why?")) == 4
    assert len(fitting(hits, prompt, 1024, question="why?")) < 4
    assert len(fitting(hits, prompt, 1024, question="why? " * 400)) == 1


@pytest.mark.parametrize("reply", ["", "[1]", "plain words", '{"quotes": 3, "answer": "x"}'])
def test_a_reply_that_is_not_the_asked_json_is_refused(reply: str) -> None:
    with pytest.raises(InvalidReply):
        parse_draft(reply)


def test_of_a_cut_reply_the_finished_part_counts() -> None:
    draft = parse_draft('{"quotes": ["one whole quote", "half a qu')
    assert draft.quotes == ("one whole quote", "half a qu")
    assert draft.answer == ""


def test_whoever_was_given_an_answer_judges_it(make_workbench: MakeWorkbench, folder: Path) -> None:
    actors = {name: ActorConfig(role="viewer", labels=("internal",)) for name in ("ana", "bob")}
    actors["root"] = ActorConfig(role="admin", labels=("*",))
    workbench = make_workbench(faithful, config=Config(actors=actors))
    workbench.session("root").ingest(folder)
    ana, bob = workbench.session("ana"), workbench.session("bob")
    given = ana.ask(QUESTION)
    ana.feedback(given.id, False, " Write to ann@example.org ")
    (answer,) = ana.answers()
    assert (answer.id, answer.good, answer.reason) == (
        given.id,
        False,
        "Write to <EMAIL_ADDRESS_1>",
    )
    assert bob.answers() == []
    with pytest.raises(UsageError, match="no such answer"):
        bob.feedback(given.id, True)
    with pytest.raises(UsageError, match="reason is too long"):
        ana.feedback(given.id, True, "x" * 1_001)
    with pytest.raises(UsageError, match="number of answers"):
        ana.answers(0)
