from __future__ import annotations

import importlib
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright
from streamlit import config
from streamlit.testing.v1 import AppTest

from scripts.screenshots import FLAGS
from tests.workbenches import asks_for_verdict
from workbench.config import Config
from workbench.masking.detection import Patterns
from workbench.masking.masker import Masker
from workbench.masking.recognizers import RECOGNIZERS
from workbench.models.fake import FakeServer
from workbench.models.governed import Models
from workbench.models.messages import ChatRequest
from workbench.store.corpus import Corpus
from workbench.workbench import Workbench

APP = Path(__file__).resolve().parents[2] / "app"
TIMEOUT_S = 60
QUESTION = "How many hours of sick leave do employees earn per pay period?"
SENTENCE = "Employees earn 4 hours of sick leave per pay period."
HOSTILE_NAME = "<img src=x onerror=alert(1)> [a](javascript:b) :red[c].txt"
HOSTILE_TEXT = (
    "<script>window.taken = 1</script> Parking costs 5 dollars. ![x](y) **bold** $z$ :red[r]"
)
FILES = {
    "leave.md": f"# Leave\n\n## Sick leave\n\n{SENTENCE}\n\n## Annual leave\n\n"
    "Annual leave depends on years of service. Write to leave@example.com about it.\n",
    "badges.txt": "The office processes new badges every Wednesday.",
    HOSTILE_NAME: HOSTILE_TEXT,
}

Reply = Callable[[ChatRequest], str]
MakeWorkbench = Callable[..., Workbench]
OpenPage = Callable[..., AppTest]


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        yield opened
        opened.close()


@pytest.fixture(autouse=True)
def _app_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    """Streamlit puts the app's folder on the path when it serves the app."""
    monkeypatch.syspath_prepend(APP)
    # As `workbench app` and the app's own settings say; this harness reads neither.
    config.set_option("server.address", "127.0.0.1")


def _workbench(folder: Path, server: FakeServer, config: Config) -> Workbench:
    """Scripted chat, pattern masking only, everything else real."""
    masker = Masker(
        config.masking,
        Corpus(folder).placeholders,
        key=bytes(32),
        detectors=[Patterns(RECOGNIZERS)],
    )
    return Workbench(
        folder,
        config,
        {},
        connect_models=lambda cache: Models(server, config.models, cache),
        masker=masker,
    )


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace that holds FILES; copied, never used itself."""
    root = tmp_path_factory.mktemp("filled")
    files = root / "files"
    files.mkdir()
    for name, text in FILES.items():
        (files / name).write_text(text, encoding="utf-8")
    report = _workbench(root / "workspace", FakeServer(), Config()).session().ingest(files)
    assert not report.failed
    return root / "workspace"


@pytest.fixture
def use(tmp_path: Path, filled: Path, monkeypatch: pytest.MonkeyPatch) -> MakeWorkbench:
    """Give the app a workbench: a copy of the filled workspace, or a folder with nothing in it."""
    workspace = importlib.import_module("workspace")

    def make(
        reply: Reply | None = None,
        *,
        server: FakeServer | None = None,
        config: Config | None = None,
        empty: bool = False,
    ) -> Workbench:
        folder = tmp_path / "workspace"
        if not empty:
            shutil.copytree(filled, folder)
        made = _workbench(folder, server or FakeServer(reply or faithful), config or Config())
        monkeypatch.setenv("WORKBENCH_WORKSPACE", str(folder))
        monkeypatch.setattr(workspace, "open_workbench", lambda _: made)
        return made

    return make


@pytest.fixture
def open_page() -> OpenPage:
    """The app in Streamlit's own harness, on one of its pages."""

    def opened(name: str = "home") -> AppTest:
        app = AppTest.from_file(APP / "Home.py", default_timeout=TIMEOUT_S).run()
        return app if name == "home" else app.switch_page(f"app_pages/{name}.py").run()

    return opened


def faithful(request: ChatRequest) -> str:
    """Quotes the line about sick leave and says it."""
    assert SENTENCE in request.user
    return replying([SENTENCE], SENTENCE)(request)


def replying(quotes: list[str], answer: str) -> Reply:
    """A model that finds every passage relevant and always writes this."""
    draft = json.dumps({"quotes": quotes, "answer": answer})
    return lambda request: "yes" if asks_for_verdict(request) else draft


def ask(app: AppTest, question: str = QUESTION) -> AppTest:
    """Type a question on the page and wait for what becomes of it."""
    app.chat_input[0].set_value(question).run()
    return settled(app)


def settled(app: AppTest) -> AppTest:
    """The page after the running question has ended."""
    assert not app.exception
    app.session_state["asked"][-1].wait(TIMEOUT_S)
    app.run()
    assert not app.exception
    return app


def page_html(app: AppTest) -> str:
    """Everything that the page, or its drawer, wrote as HTML."""
    return "\n".join(element.value for element in app.get("html"))


def words(app: AppTest) -> str:
    """Everything that the page wrote as text, Markdown or a badge."""
    return "\n".join(str(e.value) for kind in ("text", "markdown", "title") for e in app.get(kind))
