from __future__ import annotations

import re

import pytest
from streamlit.testing.v1 import AppTest

from tests.app.conftest import MakeWorkbench, OpenPage, page_html, words
from workbench.config import ActorConfig, Config
from workbench.workbench import Workbench

pytestmark = pytest.mark.app

ACTORS = {
    "ana": ActorConfig(role="analyst", labels=("internal",)),
    "vi": ActorConfig(role="viewer", labels=("internal",)),
}


@pytest.fixture
def workbench(use: MakeWorkbench, monkeypatch: pytest.MonkeyPatch) -> Workbench:
    monkeypatch.setenv("WORKBENCH_ACTOR", "ana")
    return use(config=Config(actors=ACTORS))


def looking_at(app: AppTest, view: str) -> AppTest:
    app.segmented_control(key="view").set_value(view).run()
    assert not app.exception
    return app


def links(app: AppTest) -> list[str]:
    return sorted(str(b.label) for b in app.button if str(b.key).startswith("read-"))


def test_facets_narrow_the_documents(workbench: Workbench, open_page: OpenPage) -> None:
    app = open_page("explore")
    assert not app.exception
    assert "3 documents" in words(app)
    assert len(links(app)) == 3
    app.multiselect(key="facet_kind").select("Markdown").run()
    assert links(app) == [r"leave\.md"]
    assert "1 document" in words(app)
    app.multiselect(key="facet_label").select("internal").run()
    assert links(app) == [r"leave\.md"]


def test_the_map_lists_every_document_by_theme(workbench: Workbench, open_page: OpenPage) -> None:
    app = looking_at(open_page("explore"), "Map")
    assert len(links(app)) == 3
    assert all(re.search(r"\d documents?$", one.label) for one in app.expander)
    assert "Each point is a document" in page_html(app)


def test_a_query_is_run_saved_opened_and_deleted(workbench: Workbench, open_page: OpenPage) -> None:
    app = looking_at(open_page("explore"), "Query")
    query = "SELECT name FROM documents WHERE name LIKE 'leave%'"
    app.text_area(key="query").set_value(query)
    app.button(key="run").click().run()
    assert "1 row" in words(app)
    assert app.dataframe[0].value["name"].tolist() == ["leave.md"]
    app.text_input(key="query_name").set_value("about leave").run()
    app.button(key="save_query").click().run()
    assert not app.exception
    assert workbench.session("ana").queries() == {"about leave": query}
    app.text_area(key="query").set_value("SELECT 1").run()
    app.selectbox(key="saved").select("about leave").run()
    assert app.text_area(key="query").value == query
    app.button(key="drop_query").click().run()
    assert workbench.session("ana").queries() == {}


def test_a_bad_query_is_told_and_kept(workbench: Workbench, open_page: OpenPage) -> None:
    app = looking_at(open_page("explore"), "Query")
    app.text_area(key="query").set_value("DROP TABLE documents")
    app.button(key="run").click().run()
    assert not app.exception
    assert 'role="alert"' in page_html(app)
    assert app.text_area(key="query").value == "DROP TABLE documents"
    assert not app.dataframe


def test_a_viewer_is_offered_no_queries(
    workbench: Workbench, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKBENCH_ACTOR", "vi")
    app = open_page("explore")
    assert not app.exception
    assert app.segmented_control(key="view").options == ["Documents", "Map"]
