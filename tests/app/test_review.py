from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from tests.app.conftest import SENTENCE, MakeWorkbench, OpenPage, page_html, words
from tests.app.test_extract import RULES, cells, reads
from workbench.session import Session

pytestmark = pytest.mark.app


def review(open_page: OpenPage, session: Session) -> AppTest:
    """The page on a table with nine values, of which two were found."""
    session.extract("all", RULES)
    app = open_page("review")
    assert not app.exception
    return app


def field(app: AppTest) -> str:
    return str(app.header[0].value)


def press(app: AppTest, key: str) -> AppTest:
    app.button(key=key).click().run()
    assert not app.exception
    return app


def until(app: AppTest, name: str, value: str) -> None:
    """Put values off until this one is up."""
    for _ in range(9):
        if field(app) == name and f'<p class="wb-value">{value}</p>' in page_html(app):
            return
        press(app, "later")
    raise AssertionError(f"{name} never came up")


def test_each_judgement_brings_up_the_next(use: MakeWorkbench, open_page: OpenPage) -> None:
    session = use(reads).session("local")
    app = review(open_page, session)
    first = session.review_queue(1)[0]
    assert app.get("progress")[0].proto.text == "0 of 9 checked"
    assert first.field.name in field(app).lower()
    press(app, "accept")
    assert app.get("progress")[0].proto.text == "1 of 9 checked"
    queue = session.review_queue(1)
    assert queue.reviewed == 1
    assert queue[0].field.name in field(app).lower()


def test_the_words_stand_beside_the_value(use: MakeWorkbench, open_page: OpenPage) -> None:
    app = review(open_page, use(reads).session("local"))
    until(app, "Rule", SENTENCE)
    assert f"<mark>{SENTENCE}</mark>" in page_html(app)


def test_a_correction_is_seen_in_the_table(use: MakeWorkbench, open_page: OpenPage) -> None:
    app = review(open_page, use(reads).session("local"))
    app.switch_page("app_pages/extract.py").run()
    assert cells(app).loc["leave.md"]["Hours"] == 4.0
    press(app, "check")
    assert app.title[0].value == "Review"
    app.switch_page("app_pages/review.py").run()
    until(app, "Hours", "4")
    app.text_input[0].set_value("5")
    press(app, "correct")
    assert "1 of 9 checked" in app.get("progress")[0].proto.text
    app.switch_page("app_pages/extract.py").run()
    assert cells(app).loc["leave.md"]["Hours"] == 5.0
    assert "Corrected <b>1</b>" in page_html(app)


def test_what_cannot_be_the_value_is_refused(use: MakeWorkbench, open_page: OpenPage) -> None:
    app = review(open_page, use(reads).session("local"))
    until(app, "Hours", "4")
    app.text_input[0].set_value("plenty")
    press(app, "correct")
    assert "This is not a number such as 12.5: plenty" in page_html(app)
    assert field(app) == "Hours"
    assert app.get("progress")[0].proto.text == "0 of 9 checked"


def test_a_wrong_value_is_taken_out_and_can_be_put_back(
    use: MakeWorkbench, open_page: OpenPage
) -> None:
    session = use(reads).session("local")
    app = review(open_page, session)
    until(app, "Hours", "4")
    press(app, "reject")
    assert field(app) != "Hours" or "No value" in page_html(app)
    hours = [record["hours"] for record in session.extraction(1)]
    assert [(f.value, f.review) for f in hours if f.review] == [(None, "rejected")]
    press(app, "back")
    assert field(app) == "Hours"
    press(app, "accept")
    hours = [record["hours"] for record in session.extraction(1)]
    assert [(str(f.value), f.review) for f in hours if f.review] == [("4", "accepted")]


def test_the_end_leads_to_the_table(use: MakeWorkbench, open_page: OpenPage) -> None:
    app = review(open_page, use(reads).session("local"))
    for _ in range(9):
        press(app, "accept")
    assert field(app) == "Everything is checked"
    press(app, "go")
    assert app.title[0].value == "Extract"
    assert "Checked <b>9</b>" in page_html(app)


def test_nothing_to_check_says_the_next_step(use: MakeWorkbench, open_page: OpenPage) -> None:
    use(reads)
    app = open_page("review")
    assert field(app) == "Nothing to check yet"
    press(app, "go")
    assert app.title[0].value == "Extract"
    assert "Extract from 3 documents" in [button.label for button in app.button]
    assert words(app)
