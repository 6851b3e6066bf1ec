from __future__ import annotations

import importlib
import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from tests.app.conftest import TIMEOUT_S, MakeWorkbench, OpenPage, page_html, words

pytestmark = pytest.mark.app


def listed(app: AppTest) -> list[str]:
    """The documents on the page."""
    return [button.label for button in app.button if str(button.key).startswith("read-")]


def test_the_documents_are_listed_by_name(use: MakeWorkbench, open_page: OpenPage) -> None:
    use()
    app = open_page("library")
    assert not app.exception
    labels = listed(app)
    assert labels[1:] == [r"badges\.txt", r"leave\.md"]
    assert labels[0].startswith(r"\<img src\=x")
    assert re.search(r"Markdown · \d+ characters · 1 personal detail masked", page_html(app))


def test_a_document_is_found_by_a_part_of_its_name(use: MakeWorkbench, open_page: OpenPage) -> None:
    use()
    app = open_page("library")
    app.text_input(key="find").set_value("LEAV").run()
    assert listed(app) == [r"leave\.md"]
    app.text_input(key="find").set_value("nothing like it").run()
    assert "No document has this in its name." in words(app)


def test_a_document_opens_as_it_was_stored(use: MakeWorkbench, open_page: OpenPage) -> None:
    use()
    app = open_page("library")
    next(button for button in app.button if button.label == r"leave\.md").click().run()
    assert not app.exception
    html = page_html(app)
    assert '<div class="wb-heading">Sick leave</div>' in html
    assert "<mark>" not in html


def test_many_documents_are_listed_in_pages(
    use: MakeWorkbench, open_page: OpenPage, tmp_path: Path
) -> None:
    workbench = use()
    for number in range(20):
        (tmp_path / f"note-{number:02}.txt").write_text(f"Note {number}", encoding="utf-8")
    workbench.session().ingest(*sorted(tmp_path.glob("note-*.txt")))
    app = open_page("library")
    assert len(listed(app)) == 20
    app.get("pagination")[0].set_value(2).run()
    assert len(listed(app)) == 3


@dataclass
class Upload:
    name: str
    data: bytes

    def getbuffer(self) -> memoryview:
        return memoryview(self.data)


def test_added_files_are_read_and_each_has_its_outcome(
    use: MakeWorkbench, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    workbench = use()
    workspace = importlib.import_module("workspace")
    app = open_page("library")
    files = [
        Upload("../parking.txt", b"Parking costs 5 dollars. Ask jane@example.org."),
        Upload("evil.pdf", b"MZ\x90\x00 this is no PDF"),
    ]
    # Streamlit's harness cannot hand files to the page; test_chromium.py does that.
    monkeypatch.setattr(workspace, "session", lambda: app.session_state["session"])
    job = workspace.add(files, "internal")
    job.wait(TIMEOUT_S)
    assert [path for path in (workbench.folder / "uploads").rglob("*") if path.is_file()] == []
    app.session_state["adding"] = job
    app.run()
    assert not app.exception
    html = page_html(app)
    assert "<strong>parking.txt</strong> added, 1 personal detail masked" in html
    assert html.index("evil.pdf") < html.index("parking.txt")
    assert "wb-failed" in html
    next(button for button in app.button if button.key == "added").click().run()
    assert '<ul class="wb-files">' not in page_html(app)
