"""What goes wrong around the app is told in words, and nothing is lost by it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator

import duckdb
import pytest

from tests.app.conftest import (
    QUESTION,
    SENTENCE,
    MakeWorkbench,
    OpenPage,
    ask,
    page_html,
    settled,
    words,
)
from workbench.errors import ModelUnavailable
from workbench.models.fake import FakeServer
from workbench.models.messages import ChatRequest, ServerPiece

pytestmark = pytest.mark.app

HOLD = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1])
print("held", flush=True)
sys.stdin.read()
"""


class DyingServer(FakeServer):
    """Dies in the middle of its first answer, as the client tells it; then it is back."""

    def __init__(self) -> None:
        super().__init__(lambda _: "yes")
        self.died = False

    def stream(self, request: ChatRequest, num_ctx: int) -> Iterator[ServerPiece]:
        if request.schema is None:
            yield from super().stream(request, num_ctx)
            return
        reply = json.dumps({"quotes": [SENTENCE], "answer": SENTENCE})
        yield ServerPiece(reply[: len(reply) - 20])
        if not self.died:
            self.died = True
            raise ModelUnavailable(
                "the connection to the model server was lost", next_step="Ask again."
            )
        yield ServerPiece(reply[len(reply) - 20 :], done_reason="stop")


def test_a_model_server_that_dies_in_the_middle_of_an_answer(
    use: MakeWorkbench, open_page: OpenPage
) -> None:
    use(server=DyingServer())
    app = ask(open_page("ask"))
    assert "The connection to the model server was lost" in page_html(app)
    assert QUESTION in words(app)
    assert not app.button(key="answer-0-again").disabled
    app = settled(app.button(key="answer-0-again").click().run())
    assert "Supported by the sources" in words(app)
    assert words(app).count(QUESTION) == 2


def test_a_workspace_that_another_program_holds(use: MakeWorkbench, open_page: OpenPage) -> None:
    workbench = use()
    workbench.corpus._database._timeout_s = 0.3
    path = workbench.folder / "workbench.duckdb"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        app = open_page("library")
        assert not app.exception
        assert "The workspace was in use" in page_html(app)
        assert app.button(key="retry").label == "Try again"
        other.communicate("")
    app.button(key="retry").click().run()
    assert not app.exception
    assert "leave" in str([button.label for button in app.button])


def test_a_workspace_on_a_read_only_disk(
    use: MakeWorkbench, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        # DuckDB's own words; no test can mount a disk.
        raise duckdb.IOException('IO Error: Cannot open file "w.duckdb": Read-only file system')

    use()
    monkeypatch.setattr(duckdb, "connect", refuse)
    app = open_page("library")
    assert not app.exception
    assert "cannot be opened for this operation" in page_html(app)
    assert "you may write to it" in page_html(app)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_workspace_that_may_not_be_written(use: MakeWorkbench, open_page: OpenPage) -> None:
    workbench = use()
    files = [path for path in workbench.folder.rglob("*") if path.is_file()]
    for path in files:
        path.chmod(0o400)
    workbench.folder.chmod(0o500)
    try:
        app = open_page("library")
        assert not app.exception
        assert 'role="alert"' in page_html(app)
        assert "you may write to it" in page_html(app)
    finally:
        workbench.folder.chmod(0o700)
        for path in files:
            path.chmod(0o600)
