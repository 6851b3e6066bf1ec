from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator

import pytest
from streamlit.testing.v1 import AppTest

from tests.app.conftest import (
    HOSTILE_TEXT,
    QUESTION,
    SENTENCE,
    TIMEOUT_S,
    MakeWorkbench,
    OpenPage,
    ask,
    page_html,
    replying,
    settled,
    words,
)
from workbench.errors import ModelUnavailable
from workbench.models.fake import FakeServer
from workbench.models.messages import ChatRequest, ServerPiece

pytestmark = pytest.mark.app


class SlowServer(FakeServer):
    """Writes the beginning of an answer, then waits until it is told to go on."""

    def __init__(self) -> None:
        super().__init__(lambda _: "yes")
        self.wrote, self.go_on, self.ended = (threading.Event() for _ in range(3))

    def stream(self, request: ChatRequest, num_ctx: int) -> Iterator[ServerPiece]:
        if request.schema is None:
            yield from super().stream(request, num_ctx)
            return
        reply = json.dumps({"quotes": [SENTENCE], "answer": SENTENCE})
        try:
            yield ServerPiece(reply[:-8])
            self.wrote.set()
            assert self.go_on.wait(TIMEOUT_S)
            yield ServerPiece(reply[-8:])
            yield ServerPiece("", done_reason="stop", prompt_tokens=1_000, output_tokens=1)
        finally:
            self.ended.set()


def broken(request: ChatRequest) -> str:
    if QUESTION in request.user:
        raise ModelUnavailable(
            "no model server answers",
            value="<b>here</b>",
            next_step="Run `workbench models status`.",
        )
    return replying([SENTENCE], SENTENCE)(request)


def test_a_supported_answer_opens_its_exact_words(use: MakeWorkbench, open_page: OpenPage) -> None:
    use()
    app = ask(open_page("ask"))
    assert "Supported by the sources" in words(app)
    assert f"{SENTENCE}<sup>[1]</sup>" in page_html(app)
    button = app.button(key="answer-0-citation-1")
    assert button.label == r"**\[1\]** leave\.md"
    button.click().run()
    assert not app.exception
    assert f"<mark>{SENTENCE[:-1]}</mark>" in page_html(app)


def test_a_sentence_without_a_source_is_marked(use: MakeWorkbench, open_page: OpenPage) -> None:
    use(replying([SENTENCE], f"{SENTENCE} Managers own a blue castle in Scotland."))
    app = ask(open_page("ask"))
    assert "Partly supported" in words(app)
    html = page_html(app)
    assert (
        '<span class="wb-unsupported">Managers own a blue castle in Scotland.</span>'
        '<span class="wb-note">no source</span>' in html
    )
    assert f"{SENTENCE}<sup>[1]</sup>" in html


def test_an_abstention_tells_what_was_searched(use: MakeWorkbench, open_page: OpenPage) -> None:
    use(replying(["NOT FOUND"], "NOT FOUND"))
    app = ask(open_page("ask"))
    assert "Not in the sources" in words(app)
    assert "Searched 3 documents." in page_html(app)
    app.button(key="answer-0-passage-1").click().run()
    assert "<mark>" in page_html(app)


def test_a_question_about_nothing_in_the_documents(use: MakeWorkbench, open_page: OpenPage) -> None:
    server = FakeServer()
    use(server=server)
    app = ask(open_page("ask"), "zebra xylophone quartz")
    assert "Not in the sources" in words(app)
    assert server.requests == []


def test_the_draft_is_marked_and_then_replaced(use: MakeWorkbench, open_page: OpenPage) -> None:
    server = SlowServer()
    use(server=server)
    app = open_page("ask")
    app.chat_input[0].set_value(QUESTION).run()
    assert server.wrote.wait(TIMEOUT_S)
    app.run()
    assert "Draft, not checked yet" in words(app)
    assert "Supported" not in words(app)
    assert app.chat_input[0].disabled
    server.go_on.set()
    settled(app)
    assert "Draft" not in words(app)
    assert "Supported by the sources" in words(app)
    assert not app.chat_input[0].disabled


def test_an_answer_waits_while_another_page_is_read(
    use: MakeWorkbench, open_page: OpenPage
) -> None:
    server = SlowServer()
    use(server=server)
    app = open_page("ask")
    app.chat_input[0].set_value(QUESTION).run()
    app.switch_page("app_pages/library.py").run()
    server.go_on.set()
    app.session_state["asked"][-1].wait(TIMEOUT_S)
    app.switch_page("app_pages/ask.py").run()
    assert "Supported by the sources" in words(app)


def test_a_stopped_question_says_so(use: MakeWorkbench, open_page: OpenPage) -> None:
    server = SlowServer()
    use(server=server)
    app = open_page("ask")
    app.chat_input[0].set_value(QUESTION).run()
    assert server.wrote.wait(TIMEOUT_S)
    app.run()
    app.button(key="stop").click().run()
    app.run()
    assert "Stopped" in words(app)
    assert not app.chat_input[0].disabled
    server.go_on.set()
    assert server.ended.wait(TIMEOUT_S)
    assert "Supported" not in words(app.run())


def test_an_error_is_told_in_words_and_the_next_question_works(
    use: MakeWorkbench, open_page: OpenPage
) -> None:
    use(broken)
    app = ask(open_page("ask"))
    html = page_html(app)
    assert "No model server answers: &lt;b&gt;here&lt;/b&gt;" in html
    assert "Run <code>workbench models status</code>." in html
    ask(app, "How much sick leave do employees earn?")
    assert "Supported by the sources" in words(app)


def test_a_question_of_50_000_characters(use: MakeWorkbench, open_page: OpenPage) -> None:
    use()
    app = ask(open_page("ask"), "why? " * 10_000)
    assert "The question is too long" in page_html(app)
    assert len(words(app)) < 5_000


def test_suggestions_come_from_the_headings(use: MakeWorkbench, open_page: OpenPage) -> None:
    use(replying([SENTENCE], SENTENCE))
    app = open_page("ask")
    pills = app.pills[0]
    assert "What is said about Sick leave?" in [text.replace("\\", "") for text in pills.options]
    pills.set_value("What is said about Sick leave?").run()
    settled(app)
    assert app.session_state["asked"][0].question == "What is said about Sick leave?"
    assert "Supported by the sources" in words(app)


def test_injected_markup_stays_text(use: MakeWorkbench, open_page: OpenPage) -> None:
    use(replying([HOSTILE_TEXT], f"{HOSTILE_TEXT} <iframe src=x></iframe>"))
    question = "What does parking cost? <script>alert(1)</script>"
    app = ask(open_page("ask"), question)
    assert "Not in the sources" not in words(app)
    app.button(key="answer-0-citation-1").click().run()
    assert not app.exception
    for html in _written(app):
        assert "<img" not in html
        assert "<iframe" not in html
        assert "window.taken = 1</script" not in html
    assert "&lt;script&gt;window.taken = 1&lt;/script&gt;" in page_html(app)
    for label in (button.label for button in app.button):
        assert not re.search(r"(?<!\\)[<>\[\]():]", label.replace("**", ""))


def _written(app: AppTest) -> list[str]:
    return [element.value for kind in ("html", "markdown") for element in app.get(kind)]


def test_a_new_conversation_starts_empty(use: MakeWorkbench, open_page: OpenPage) -> None:
    use()
    app = ask(open_page("ask"))
    app.button(key="new").click().run()
    assert app.session_state["asked"] == []
    assert app.pills[0].label == "Try one of these"


def test_two_browsers_do_not_see_each_other(use: MakeWorkbench, open_page: OpenPage) -> None:
    use()
    ask(open_page("ask"))
    other = open_page("ask")
    assert SENTENCE not in page_html(other)
    assert "asked" not in other.session_state or other.session_state["asked"] == []


def test_an_answer_is_judged_with_a_reason(use: MakeWorkbench, open_page: OpenPage) -> None:
    workbench = use()
    app = ask(open_page("ask"))
    app.session_state["answer-0-thumbs"] = 0
    app.run()
    app.text_input(key="answer-0-reason").set_value("Ask ann@example.org, she knows.").run()
    assert not app.exception
    assert "Noted, thank you." in page_html(app)
    (answer,) = workbench.session("local").answers()
    assert (answer.question, answer.good) == (QUESTION, False)
    assert answer.reason.startswith("Ask <EMAIL_ADDRESS_")
    app.run()
    runs = workbench.session("local").sql("SELECT * FROM runs WHERE action = 'feedback'").df()
    assert len(runs) == 2
