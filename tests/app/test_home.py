from __future__ import annotations

from pathlib import Path

import pytest

from tests.app.conftest import QUESTION, MakeWorkbench, OpenPage, ask, page_html, words
from workbench.config import ActorConfig, Config

pytestmark = pytest.mark.app


def test_home_tells_what_is_in_the_workspace(use: MakeWorkbench, open_page: OpenPage) -> None:
    use()
    app = open_page()
    assert not app.exception
    html = page_html(app)
    assert "<b>3</b>documents" in html
    assert "<dt>Text</dt>" in html
    assert "<dt>Markdown</dt>" in html
    assert "<b>1</b>personal detail masked" in html
    assert "<dt>Email addresses</dt>" in html
    assert "None yet." in words(app)


def test_home_lists_the_last_questions_once(use: MakeWorkbench, open_page: OpenPage) -> None:
    session = use().session("local")
    for question in (QUESTION, "When are badges <b>made</b>?", QUESTION):
        session.ask(question)
    html = page_html(open_page())
    assert html.count(QUESTION) == 1
    assert "When are badges &lt;b&gt;made&lt;/b&gt;?" in html
    assert html.index(QUESTION) < html.index("When are badges")


def test_a_question_on_home_is_answered_on_ask(use: MakeWorkbench, open_page: OpenPage) -> None:
    use()
    app = ask(open_page())
    assert app.title[0].value == "Ask"
    assert "Supported by the sources" in words(app)


def test_who_may_add_documents_is_one_click_from_it(
    use: MakeWorkbench, open_page: OpenPage
) -> None:
    use()
    app = open_page()
    app.button(key="add").click().run()
    assert app.title[0].value == "Library"
    assert app.expander[0].proto.expanded


def test_an_empty_workspace_says_the_next_step(use: MakeWorkbench, open_page: OpenPage) -> None:
    workbench = use(empty=True)
    for name in ("home", "ask", "summarise"):
        app = open_page(name)
        assert not app.exception
        assert app.header[0].value == "This workspace is empty"
        assert f'workbench --workspace "{workbench.folder}" ingest' in app.code[0].value
    app.button(key="go").click().run()
    assert app.title[0].value == "Library"
    assert "Add documents" in [expander.label for expander in app.expander]


def test_a_damaged_workspace_is_told_in_words(use: MakeWorkbench, open_page: OpenPage) -> None:
    workbench = use()
    (workbench.folder / "workbench.duckdb").write_bytes(b"no database" * 1_000)
    for name in ("home", "ask", "library"):
        app = open_page(name)
        assert not app.exception
        assert 'role="alert"' in page_html(app)
        assert app.button(key="retry").label == "Try again"


def test_an_unknown_actor_is_refused_in_words(use: MakeWorkbench, open_page: OpenPage) -> None:
    use(config=Config(actors={"ana": ActorConfig(role="viewer", labels=("internal",))}))
    app = open_page()
    assert not app.exception
    assert "This actor is not known" in page_html(app)


def test_a_viewer_sees_the_documents_and_the_own_questions(
    use: MakeWorkbench, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKBENCH_ACTOR", "vi")
    actors = {name: ActorConfig(role="viewer", labels=("internal",)) for name in ("vi", "bob")}
    workbench = use(config=Config(actors=actors))
    workbench.session("vi").ask(QUESTION)
    workbench.session("bob").ask("When are badges made?")
    app = open_page()
    assert not app.exception
    assert "<b>3</b>documents" in page_html(app)
    assert QUESTION in page_html(app)
    assert "badges made" not in page_html(app)
    assert "Add documents" not in [button.label for button in app.button]
    assert not open_page("ask").exception


def test_a_viewer_of_another_label_sees_nothing(
    use: MakeWorkbench, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKBENCH_ACTOR", "vi")
    use(config=Config(actors={"vi": ActorConfig(role="viewer", labels=("other",))}))
    assert open_page().header[0].value == "This workspace is empty"


def test_added_documents_are_there_at_the_next_look(
    use: MakeWorkbench, open_page: OpenPage, tmp_path: Path
) -> None:
    workbench = use(empty=True)
    app = open_page()
    note = tmp_path / "note.txt"
    note.write_text("The cellar is locked at night.", encoding="utf-8")
    workbench.session().ingest(note)
    app.button(key="refresh").click().run()
    assert "<b>1</b>document<" in page_html(app)
