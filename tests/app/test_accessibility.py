"""axe-core looks at every page in both themes; nothing serious may be found."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from scripts.fake_app import open_fake
from scripts.screenshots import served_by
from tests.sources.builders import pdf_bytes

pytestmark = [pytest.mark.app, pytest.mark.slow]

QUESTION = "What do employees earn per pay period?"
SENTENCE = "Employees earn 4 hours of sick leave per pay period."
TIMEOUT_MS = 60_000


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The app with the fake model, over documents of which one has pages."""
    root = tmp_path_factory.mktemp("axe")
    files = root / "files"
    files.mkdir()
    (files / "leave.pdf").write_bytes(pdf_bytes([(50, 700, SENTENCE)]))
    (files / "badges.md").write_text("# Badges\n\nWrite to ann@example.org about badges.\n")
    workbench = open_fake(root / "workspace")
    session = workbench.session()
    assert not session.ingest(files).failed
    session.feedback(session.ask(QUESTION).id, True, "Exact.")
    workbench.close()
    command = [sys.executable, "-m", "scripts.fake_app", str(root / "workspace")]
    with served_by(command) as address:
        yield address


@pytest.fixture(params=["light", "dark"])
def page(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    context = browser.new_context(
        viewport={"width": 1280, "height": 800},
        color_scheme=request.param,
        reduced_motion="reduce",
    )
    opened = context.new_page()
    opened.set_default_timeout(TIMEOUT_MS)
    yield opened
    context.close()


def serious(page: Page) -> list[str]:
    """Rule, element and reason of every serious or critical violation on the page."""
    page.wait_for_timeout(1_000)  # the end of Streamlit's fade-in, which takes contrast away
    found = Axe().run(page).response["violations"]
    return [
        f"{violation['id']}: {node['html'][:200]} {node['failureSummary'][:200]}"
        for violation in found
        if violation["impact"] in {"serious", "critical"}
        for node in violation["nodes"]
    ]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("", "Recent questions"),
        ("ask", "Try one of these"),
        ("summarise", "Kind of summary"),
        ("extract", "Extract"),
        ("review", "Review"),
        ("library", "Add documents"),
        ("explore", "The latest"),
        ("activity", "What was done, and how long it took"),
    ],
)
def test_pages(page: Page, served: str, path: str, words: str) -> None:
    page.goto(f"{served}/{path}")
    expect(page.locator("main, .stMain").get_by_text(words).first).to_be_visible(timeout=TIMEOUT_MS)
    assert serious(page) == []


def test_an_answer_and_its_source(page: Page, served: str) -> None:
    page.goto(f"{served}/ask")
    box = page.get_by_test_id("stChatInputTextArea")
    box.fill(QUESTION)
    box.press("Enter")
    page.get_by_role("button", name="[1]").wait_for()
    page.get_by_role("radio", name="Thumbs up").click()
    expect(page.get_by_text("Noted, thank you.")).to_be_visible()
    assert serious(page) == []
    page.get_by_role("button", name="[1]").click()
    expect(page.get_by_alt_text("Page 1")).to_be_visible()
    assert page.locator(".wb-page mark").count() == 1
    assert serious(page) == []
    page.get_by_role("radio", name="Text").click()
    expect(page.locator(".wb-source mark")).to_have_text(SENTENCE.rstrip("."))
    assert serious(page) == []


def test_the_map_and_the_queries(page: Page, served: str) -> None:
    page.goto(f"{served}/explore")
    page.get_by_role("radio", name="Map").click()
    expect(page.get_by_text("Each point is a document")).to_be_visible()
    assert serious(page) == []
    page.get_by_role("radio", name="Query").click()
    page.get_by_role("button", name="Run").click()
    expect(page.get_by_role("button", name="Parquet")).to_be_visible()
    assert serious(page) == []


def test_adding_documents(page: Page, served: str) -> None:
    page.goto(f"{served}/library")
    page.get_by_text("Add documents").click()
    expect(page.get_by_text("Who may read them")).to_be_visible()
    assert serious(page) == []
