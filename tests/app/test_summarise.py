from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from tests.app.conftest import SENTENCE, TIMEOUT_S, MakeWorkbench, OpenPage, page_html
from workbench.config import ActorConfig, Config
from workbench.errors import ModelUnavailable
from workbench.models.fake import FakeServer
from workbench.models.messages import ChatRequest, ServerPiece

pytestmark = pytest.mark.app

INVENTED = "Dragons guard the badge office since the Middle Ages."


def writing(request: ChatRequest) -> str:
    return f"{SENTENCE}\n{INVENTED}"


def broken(request: ChatRequest) -> str:
    raise ModelUnavailable("no model server answers", next_step="Run `workbench models status`.")


class SlowServer(FakeServer):
    """Writes a true and an invented point, then waits with the next prompt."""

    def __init__(self) -> None:
        super().__init__(writing)
        self.waits, self.go_on = threading.Event(), threading.Event()

    def stream(self, request: ChatRequest, num_ctx: int) -> Iterator[ServerPiece]:
        if request.prompt_version.startswith("summary@") and any(
            asked.prompt_version.startswith("summary@") for asked in self.requests
        ):
            self.waits.set()
            assert self.go_on.wait(TIMEOUT_S)
        yield from super().stream(request, num_ctx)


def summarise(app: AppTest) -> AppTest:
    next(b for b in app.button if b.label == "Summarise").click().run()
    assert not app.exception
    app.session_state["summary"].wait(TIMEOUT_S)
    app.run()
    assert not app.exception
    return app


def test_a_summary_shows_its_sources_and_what_was_left_out(
    use: MakeWorkbench, open_page: OpenPage
) -> None:
    use(writing)
    app = summarise(open_page("summarise"))
    html = page_html(app)
    assert f"{SENTENCE}<sup>[1]</sup>" in html
    assert re.search(r"Read all of 3 documents \(\d+ passages\)", html)
    assert "Left out: 1 sentence no document says" in [e.label for e in app.expander]
    source = next(button for button in app.button if button.label.startswith(r"**\[1\]**"))
    source.click().run()
    assert f"<mark>{SENTENCE}</mark>" in page_html(app)


def test_where_nothing_held_that_is_said_and_shown(use: MakeWorkbench, open_page: OpenPage) -> None:
    use(lambda _: INVENTED)
    app = open_page("summarise")
    app.text_input(key="summary_focus").set_value(SENTENCE)
    app = summarise(app)
    assert "No document says what was written about them" in app.text[0].value
    (left_out,) = [each for each in app.expander if each.label.startswith("Left out")]
    assert left_out.label == "Left out: 1 sentence no document says"
    assert INVENTED in page_html(app)
    assert not any(button.label.startswith(r"**\[1\]**") for button in app.button)


def test_what_no_document_is_about_is_said_in_plain_words(
    use: MakeWorkbench, open_page: OpenPage
) -> None:
    use(writing)
    app = open_page("summarise")
    app.text_input(key="summary_focus").set_value("zzyzx qwfp")
    app = summarise(app)
    assert app.text[0].value == "The documents say nothing about this: zzyzx qwfp."


def test_an_error_is_told_and_nothing_is_lost(use: MakeWorkbench, open_page: OpenPage) -> None:
    use(broken)
    app = open_page("summarise")
    app.multiselect(key="summary_documents").set_value([1])
    app = summarise(app)
    assert "No model server answers" in page_html(app)
    assert app.multiselect(key="summary_documents").value == [1]


def test_no_documents_no_form(use: MakeWorkbench, open_page: OpenPage) -> None:
    use(empty=True)
    app = open_page("summarise")
    assert app.header[0].value == "This workspace is empty"
    assert not app.multiselect


def test_a_viewer_may_not_add_but_may_summarise(
    use: MakeWorkbench, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    actors: dict[str, Any] = {"vera": ActorConfig(role="viewer", labels=("*",))}
    use(writing, config=Config(actors=actors))
    monkeypatch.setenv("WORKBENCH_ACTOR", "vera")
    app = open_page("library")
    assert [e.label for e in app.expander] == []
    assert SENTENCE in page_html(summarise(open_page("summarise")))


def test_checked_sentences_are_shown_while_the_rest_is_being_written(
    use: MakeWorkbench, open_page: OpenPage
) -> None:
    server = SlowServer()
    ids = {info.name: info.id for info in use(server=server).session().documents()}
    app = open_page("summarise")
    app.multiselect(key="summary_documents").set_value([ids["leave.md"], ids["badges.txt"]])
    app.selectbox(key="summary_style").set_value("Part by part")
    app.selectbox(key="summary_coverage").set_value("All of it")
    next(b for b in app.button if b.label == "Summarise").click().run()
    assert server.waits.wait(TIMEOUT_S)
    app.run()
    html = page_html(app)
    assert app.session_state["summary"].running
    assert f"{SENTENCE} <span" in html
    assert "Found so far; the summary chooses among it, each checked" in html
    assert INVENTED not in html
    server.go_on.set()
    app.session_state["summary"].wait(TIMEOUT_S)
    app.run()
    assert not app.exception
    assert f"{SENTENCE}<sup>[1]</sup>" in page_html(app)
    assert "Found so far" not in page_html(app)
