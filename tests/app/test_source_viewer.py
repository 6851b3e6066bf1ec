from __future__ import annotations

import re
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from tests.app.conftest import QUESTION, SENTENCE, MakeWorkbench, OpenPage, ask, page_html
from tests.sources.builders import pdf_bytes
from workbench.config import ActorConfig, Config
from workbench.workbench import Workbench

pytestmark = pytest.mark.app

ACTORS = {
    "local": ActorConfig(role="admin", labels=("*",)),
    "vi": ActorConfig(role="viewer", labels=("internal",)),
}
PAGES = ([(50, 700, SENTENCE)], [(50, 300, "Write to leave@example.com about it.")])


@pytest.fixture
def handbook(use: MakeWorkbench, tmp_path: Path) -> Workbench:
    """A workbench over one PDF of two pages, on which something is masked."""
    (tmp_path / "leave.pdf").write_bytes(pdf_bytes(*PAGES))
    workbench = use(empty=True, config=Config(actors=ACTORS))
    assert not workbench.session("local").ingest(tmp_path / "leave.pdf").failed
    return workbench


def opened(open_page: OpenPage) -> AppTest:
    """The source of the answer's first citation."""
    app = ask(open_page("ask"), QUESTION)
    app.button(key="answer-0-citation-1").click().run()
    assert not app.exception
    return app


def test_the_page_is_shown_with_the_words_marked(handbook: Workbench, open_page: OpenPage) -> None:
    app = opened(open_page)
    html = page_html(app)
    assert 'alt="Page 1"' in html
    (left, top) = re.findall(r'<mark style="left:([\d.]+)%;top:([\d.]+)%', html)[0]
    assert 5 < float(left) < 12
    assert 8 < float(top) < 14
    assert SENTENCE not in html.split('class="wb-source"')[1]
    handbook.close()


def test_a_viewer_reads_the_masked_text_and_is_told_why(
    handbook: Workbench, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKBENCH_ACTOR", "vi")
    html = page_html(opened(open_page))
    assert "<img" not in html
    assert f"<mark>{SENTENCE[:-1]}" in html
    assert "Personal details are masked for you" in html
    session = handbook.session("local")
    assert session.sql("SELECT * FROM runs WHERE action = 'original'").df().empty
    handbook.close()


def test_a_page_whose_file_is_gone_is_told(
    handbook: Workbench, open_page: OpenPage, tmp_path: Path
) -> None:
    (tmp_path / "leave.pdf").unlink()
    html = page_html(opened(open_page))
    assert f"<mark>{SENTENCE[:-1]}" in html
    assert "This is the text of the page, because the file cannot be read." in html
    handbook.close()
