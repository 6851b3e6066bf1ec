from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.app.conftest import MakeWorkbench, OpenPage, page_html, words

pytestmark = pytest.mark.app


def test_the_documents_are_listed_by_name(use: MakeWorkbench, open_page: OpenPage) -> None:
    use()
    app = open_page("library")
    assert not app.exception
    labels = [button.label for button in app.button]
    assert labels[1:] == [r"badges\.txt", r"leave\.md"]
    assert labels[0].startswith(r"\<img src\=x")
    assert re.search(r"Markdown · \d+ characters · 1 personal detail masked", page_html(app))


def test_a_document_is_found_by_a_part_of_its_name(use: MakeWorkbench, open_page: OpenPage) -> None:
    use()
    app = open_page("library")
    app.text_input(key="find").set_value("LEAV").run()
    assert [button.label for button in app.button] == [r"leave\.md"]
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
    assert len(app.button) == 20
    app.get("pagination")[0].set_value(2).run()
    assert len(app.button) == 3
