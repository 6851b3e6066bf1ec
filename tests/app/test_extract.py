from __future__ import annotations

import importlib
import io
import json
import threading
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from tests.app.conftest import SENTENCE, TIMEOUT_S, MakeWorkbench, OpenPage, page_html, words
from workbench.config import ActorConfig, Config
from workbench.errors import ModelUnavailable
from workbench.models.messages import ChatRequest
from workbench.session import Session

pytestmark = pytest.mark.app

RULES = {"name": "Rules", "fields": {"rule": "text", "hours": "number", "day": "date"}}


def reads(request: ChatRequest) -> str:
    """A model that takes the rule for sick leave wherever it stands, and a day that is none."""
    if SENTENCE in request.user:
        return json.dumps({"rule": SENTENCE, "hours": "4", "day": "pay period"})
    return json.dumps({"rule": "", "hours": "", "day": ""})


def broken(request: ChatRequest) -> str:
    raise ModelUnavailable("no model server answers", next_step="Run `workbench models status`.")


def press(app: AppTest, label: str) -> AppTest:
    next(button for button in app.button if button.label == label).click().run()
    assert not app.exception
    return app


def extract(app: AppTest, label: str = "Extract from 3 documents") -> AppTest:
    press(app, label)
    app.session_state["extracting"].wait(TIMEOUT_S)
    app.run()
    assert not app.exception
    return app


def cells(app: AppTest) -> pd.DataFrame:
    frame: pd.DataFrame = app.dataframe[0].value
    return frame.set_index("Document")


def opened(open_page: OpenPage, session: Session, **schema: Any) -> AppTest:
    """The page on a table that was extracted before."""
    session.extract("all", RULES | schema)
    return press(open_page("extract"), session_label(session))


def session_label(session: Session) -> str:
    info = session.extractions()[0]
    return rf"Rules · 3 documents\, {info.updated_at[:10]}".replace("-", r"\-")


def test_a_template_becomes_a_table(use: MakeWorkbench, open_page: OpenPage) -> None:
    seen = []

    def told(request: ChatRequest) -> str:
        seen.append(request.user)
        return json.dumps({"company": "", "date": "", "address": "", "total": ""})

    use(told)
    app = open_page("extract")
    app.selectbox(key="extract_start").set_value("Receipts").run()
    assert app.text_input[0].value == "Receipts"
    extract(app)
    assert list(app.dataframe[0].value.columns) == [
        "Document",
        "State",
        "Company",
        "Date",
        "Address",
        "Total",
    ]
    assert "final total amount to pay" in seen[0]
    assert "Not in the document <b>12</b>" in page_html(app)


def test_every_cell_tells_its_state_and_opens_its_words(
    use: MakeWorkbench, open_page: OpenPage
) -> None:
    app = opened(open_page, use(reads).session("local"))
    assert app.header[0].value == "Rules"
    row = cells(app).loc["leave.md"]
    assert (row["Rule"], row["Hours"]) == (SENTENCE, 4.0)
    assert pd.isna(row["Day"])
    html = page_html(app)
    for state in ("Found <b>2</b>", "Not in the document <b>6</b>", "Not usable <b>1</b>"):
        assert state in html
    position = list(app.dataframe[0].value["Document"]).index("leave.md")
    app.session_state["cell"] = (position, "Hours")
    app.run()
    html = page_html(app)
    assert "<mark>4</mark>" in html
    assert "Hours: 4. Found. These words stand in the document." in html
    app.session_state["cell"] = (position, "Day")
    app.run()
    assert "Not usable. Something was found that cannot be the value." in page_html(app)


def test_a_try_reads_three_documents_and_then_all(
    use: MakeWorkbench, open_page: OpenPage, tmp_path: Path
) -> None:
    session = use(reads).session("local")
    more = tmp_path / "more.txt"
    more.write_text("Parking is free on Sundays.", encoding="utf-8")
    session.ingest(more)
    app = extract(open_page("extract"), "Try on 3 first")
    assert len(cells(app)) == 3
    assert "This is a try on 3 documents." in words(app)
    extract(app, "Extract from all 4")
    assert len(cells(app)) == 4
    assert "This is a try" not in words(app)


def test_chosen_documents_only(use: MakeWorkbench, open_page: OpenPage) -> None:
    use(reads)
    app = open_page("extract")
    app.multiselect(key="extract_documents").set_value([1]).run()
    extract(app, "Extract from 1 document")
    assert len(cells(app)) == 1


def test_the_files_hold_the_table_and_where_it_comes_from(
    use: MakeWorkbench, open_page: OpenPage
) -> None:
    session = use(reads).session("local")
    app = opened(open_page, session)
    assert [b.label for b in app.get("download_button")] == ["Excel", "CSV", "Parquet"]
    extracting = importlib.import_module("extracting")
    table = session.extraction(session.extractions()[0].id)
    excel = io.BytesIO(extracting.exported(table, ".xlsx"))
    book = pd.read_excel(excel, sheet_name=None, engine="openpyxl")
    assert SENTENCE in list(book["values"]["rule"])
    assert SENTENCE in list(book["provenance"]["quote"])
    csv = pd.read_csv(io.BytesIO(extracting.exported(table, ".csv")))
    assert list(csv["hours"].dropna()) == [4.0]
    assert len(pd.read_parquet(io.BytesIO(extracting.exported(table, ".parquet")))) == 3


def test_the_draft_survives_another_page(use: MakeWorkbench, open_page: OpenPage) -> None:
    use(reads)
    app = open_page("extract")
    app.selectbox(key="extract_start").set_value("Contracts").run()
    app.text_input[0].set_value("Leases").run()
    app.session_state["draft"].rows = app.session_state["draft"].rows[:2]
    app.switch_page("app_pages/ask.py").run()
    app.switch_page("app_pages/extract.py").run()
    assert app.text_input[0].value == "Leases"
    assert [row["name"] for row in app.session_state["draft"].rows] == ["Title", "Parties"]


def test_a_used_schema_can_be_started_from(use: MakeWorkbench, open_page: OpenPage) -> None:
    use(reads).session("local").extract("all", RULES)
    app = open_page("extract")
    app.selectbox(key="extract_start").set_value("Used before: Rules").run()
    assert [(r["name"], r["kind"]) for r in app.session_state["draft"].rows] == [
        ("Rule", "Text"),
        ("Hours", "Number"),
        ("Day", "Date"),
    ]


def test_an_unusable_draft_is_told_and_kept(use: MakeWorkbench, open_page: OpenPage) -> None:
    use(reads)
    app = open_page("extract")
    app.selectbox(key="extract_start").set_value("My own fields").run()
    press(app, "Extract from 3 documents")
    assert "The table has no columns yet" in page_html(app)
    assert "extracting" not in app.session_state


def test_an_error_is_told_and_the_draft_is_there(use: MakeWorkbench, open_page: OpenPage) -> None:
    use(broken)
    app = extract(open_page("extract"))
    assert "No model server answers" in page_html(app)
    assert app.text_input[0].value == "Invoices"


def test_what_was_done_before_a_stop_is_kept(use: MakeWorkbench, open_page: OpenPage) -> None:
    reached, go_on = threading.Event(), threading.Event()
    calls = []

    def slow(request: ChatRequest) -> str:
        calls.append(request)
        if len(calls) == 2:
            reached.set()
            go_on.wait(TIMEOUT_S)
        return json.dumps(dict.fromkeys(("company", "date", "address", "total"), ""))

    use(slow)
    app = open_page("extract")
    app.selectbox(key="extract_start").set_value("Receipts").run()
    press(app, "Extract from 3 documents")
    job = app.session_state["extracting"]
    assert reached.wait(TIMEOUT_S)
    app.run()
    assert [button.label for button in app.button] == ["Stop"]
    job.stop()
    go_on.set()
    job.wait(TIMEOUT_S)
    app.run()
    assert "What was stored until then is kept." in words(app)
    earlier = [button.label for button in app.button if button.label.startswith("Receipts")]
    assert len(earlier) == 1
    press(app, earlier[0])
    assert len(cells(app)) == 2


def test_a_refresh_finds_the_table_again(use: MakeWorkbench, open_page: OpenPage) -> None:
    session = use(reads).session("local")
    opened(open_page, session)
    fresh = open_page("home")
    fresh.query_params["table"] = str(session.extractions()[0].id)
    fresh.switch_page("app_pages/extract.py").run()
    assert fresh.header[0].value == "Rules"


def test_a_table_that_is_not_there_is_told(use: MakeWorkbench, open_page: OpenPage) -> None:
    use(reads)
    app = open_page("home")
    app.query_params["table"] = "99"
    app.switch_page("app_pages/extract.py").run()
    assert not app.exception
    assert "There is no such extraction" in page_html(app)
    app.button(key="retry").click().run()
    assert app.selectbox(key="extract_start").value == "Invoices"


def test_no_documents_no_builder(use: MakeWorkbench, open_page: OpenPage) -> None:
    use(empty=True)
    app = open_page("extract")
    assert app.header[0].value == "This workspace is empty"


@pytest.mark.parametrize("name", ["extract", "review"])
def test_a_viewer_is_denied_in_plain_words(
    use: MakeWorkbench, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    actors: dict[str, Any] = {"vera": ActorConfig(role="viewer", labels=("*",))}
    use(reads, config=Config(actors=actors))
    monkeypatch.setenv("WORKBENCH_ACTOR", "vera")
    app = open_page(name)
    assert not app.exception
    assert app.header[0].value.startswith("You may not")
    assert "Your role is “viewer”" in page_html(app)
    assert not app.button
