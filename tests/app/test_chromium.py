"""One newcomer's journey through the served app, in a real browser with the real light model."""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from openpyxl import load_workbook
from playwright.sync_api import Browser, Page, expect

from scripts.screenshots import WIDTHS, serve
from tests.app.conftest import HOSTILE_NAME, HOSTILE_TEXT
from tests.sources.builders import pdf_bytes

pytestmark = [pytest.mark.app, pytest.mark.models, pytest.mark.slow]
expect.set_options(timeout=60_000)

QUESTION = "How many hours of annual leave can I carry over to the next leave year?"
SAMPLE = ("handbook/leave.md", "invoices/AmazonWebServices.pdf", "invoices/QualityHosting.pdf")
ANSWER_TIMEOUT_MS = 300_000
TIMEOUT_MS = 60_000
ROW_PX = 35


@dataclass
class Seen:
    """What the browser asked for and complained about."""

    foreign: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def served(sample_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The app over a small real workspace, with the light model."""
    root = tmp_path_factory.mktemp("journey")
    for name in SAMPLE:
        shutil.copy(sample_folder / name, root)
    (root / HOSTILE_NAME).write_text(HOSTILE_TEXT, encoding="utf-8")
    files = [str(root / name) for name in (*(Path(name).name for name in SAMPLE), HOSTILE_NAME)]
    command = [sys.executable, "-c", "from workbench.cli import main; main()"]
    command += ["--workspace", str(root / "workspace"), "ingest", *files]
    subprocess.run(command, check=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORKBENCH_CHAT_MODEL", "qwen2.5-coder:0.5b")
        with serve(root / "workspace") as address:
            yield address


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest.fixture
def page(browser: Browser, served: str, seen: Seen) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    opened = context.new_page()
    opened.set_default_timeout(TIMEOUT_MS)
    opened.on(
        "request", lambda r: r.url.startswith((served, "data:")) or seen.foreign.append(r.url)
    )
    opened.on("pageerror", lambda error: seen.complaints.append(str(error)))
    opened.on("dialog", lambda dialog: seen.complaints.append(dialog.message))
    opened.goto(served)
    yield opened
    context.close()


def test_from_the_front_page_to_the_exact_words(
    page: Page, browser: Browser, served: str, seen: Seen
) -> None:
    expect(page.get_by_text("Recent questions")).to_be_visible(timeout=TIMEOUT_MS)
    box = page.get_by_test_id("stChatInputTextArea")
    box.fill(QUESTION)
    box.press("Enter")
    expect(page.get_by_text("Supported by the sources")).to_be_visible(timeout=ANSWER_TIMEOUT_MS)
    expect(page.locator(".wb-text")).to_contain_text("240")

    citation = page.get_by_role("button", name="[1]")
    citation.focus()
    page.keyboard.press("Enter")
    mark = page.locator(".wb-source mark").first
    expect(mark).to_be_in_viewport()
    expect(mark).to_contain_text("240")
    reader, marked = page.locator(".wb-source").bounding_box(), mark.bounding_box()
    assert reader is not None
    assert marked is not None
    assert (
        reader["y"]
        <= marked["y"]
        < marked["y"] + marked["height"]
        <= (reader["y"] + reader["height"])
    )
    page.keyboard.press("Escape")
    expect(page.locator(".wb-source")).to_have_count(0)

    other = browser.new_context().new_page()
    other.goto(f"{served}/ask")
    expect(other.get_by_text("Try one of these")).to_be_visible(timeout=TIMEOUT_MS)
    expect(other.get_by_text(QUESTION)).to_have_count(0)
    other.context.close()
    assert seen == Seen()


def test_hostile_documents_stay_text(page: Page, served: str, seen: Seen) -> None:
    page.goto(f"{served}/library")
    name = page.get_by_role("button", name="onerror")
    expect(name).to_be_visible(timeout=TIMEOUT_MS)
    assert name.locator("img, a, [style*='color']").count() == 0
    name.click()
    expect(page.locator(".wb-source")).to_contain_text("<script>window.taken = 1</script>")
    assert page.evaluate("window.taken") is None
    assert page.locator("img[src='x'], a[href^='javascript']").count() == 0
    assert seen == Seen()


def test_an_own_pdf_is_asked_about_in_four_clicks(
    page: Page, served: str, seen: Seen, tmp_path: Path
) -> None:
    own = tmp_path / "bergen.pdf"
    lines = ("The canteen of the Bergen office opens at 11:30.", "A lunch there costs 7 dollars.")
    own.write_bytes(pdf_bytes([(50, 700, lines[0]), (50, 680, lines[1])]))
    page.get_by_role("button", name="Add documents").click()
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Upload", exact=True).click()
    chooser.value.set_files(own)
    expect(page.get_by_text("bergen.pdf")).to_be_visible()
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.locator("ul.wb-files")).to_contain_text("bergen.pdf", timeout=ANSWER_TIMEOUT_MS)
    page.get_by_role("link", name="Ask", exact=True).click()
    box = page.get_by_test_id("stChatInputTextArea")
    box.fill("When does the canteen of the Bergen office open?")
    box.press("Enter")
    expect(page.locator(".wb-text")).to_contain_text("11:30", timeout=ANSWER_TIMEOUT_MS)
    citation = page.get_by_role("button", name="[1]")
    expect(citation).to_contain_text("bergen.pdf")
    citation.click()
    expect(page.locator(".wb-source mark").first).to_contain_text("11:30")
    assert seen == Seen()


def test_an_own_file_is_added_summarised_and_its_words_opened(
    page: Page, served: str, seen: Seen, tmp_path: Path
) -> None:
    own = tmp_path / "canteen.txt"
    own.write_text(
        "The canteen opens at 11:30. A lunch costs 7 dollars. Write to jane.doe@example.org.",
        encoding="utf-8",
    )
    bad = tmp_path / "program.pdf"
    bad.write_bytes(b"MZ\x90\x00" + bytes(400))
    page.get_by_role("button", name="Add documents").click()
    expect(page.get_by_role("heading", name="Library", level=1)).to_be_visible()
    page.locator("input[type=file]").set_input_files([own, bad])
    page.get_by_role("button", name="Add", exact=True).click()
    report = page.locator("ul.wb-files")
    expect(report).to_be_visible(timeout=ANSWER_TIMEOUT_MS)
    expect(report.locator("li").first).to_contain_text("program.pdf")
    expect(report.locator("li").last).to_contain_text("1 personal detail masked")
    page.get_by_role("link", name="Summarise").click()
    page.get_by_label("Documents").fill("canteen")
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Summarise", exact=True).click()
    told = page.get_by_text("Read all of 1 document (1 passage)")
    expect(told).to_be_visible(timeout=ANSWER_TIMEOUT_MS)
    page.get_by_role("button", name="[1]").first.click()
    expect(page.locator(".wb-source mark").first).to_be_visible()
    expect(page.locator(".wb-source")).not_to_contain_text("jane.doe")
    assert seen == Seen()


def settle(page: Page) -> None:
    """Wait until the page has answered: a key pressed meanwhile would be lost."""
    page.wait_for_timeout(1_000)
    page.locator("[data-test-script-state=notRunning]").wait_for()


def add_field(page: Page, name: str, *, below: int) -> None:
    """Write a name into the empty line below the heading and so many fields of the editor."""
    expect(page.get_by_test_id(f"glide-cell-1-{below - 1}")).to_be_attached()
    expect(page.get_by_test_id("stDataFrame")).to_have_count(1)
    editor = page.get_by_test_id("stDataFrame").bounding_box()
    assert editor is not None
    # Cells are drawn; the elements beside them are for reading only.
    spot = (editor["x"] + 100, editor["y"] + (below + 1.5) * ROW_PX)
    page.mouse.click(*spot)
    expect(page.get_by_test_id(f"glide-cell-1-{below}")).to_be_attached()
    written = page.get_by_test_id(f"glide-cell-1-{below}")
    for _ in range(3):
        # On a busy machine the editor may be drawn anew while somebody types; they type again.
        settle(page)
        page.mouse.dblclick(*spot)
        page.locator(".gdg-input").wait_for()
        page.keyboard.type(name, delay=30)
        page.keyboard.press("Enter")
        with contextlib.suppress(AssertionError):
            expect(written).to_have_text(name, timeout=10_000)
            return
    expect(written).to_have_text(name)


def correct_by_keys(page: Page, company: str) -> None:
    """Put values off until the company comes up, correct it, and accept the next one."""
    heading = page.get_by_role("heading", level=2)
    expect(heading).to_have_count(1)
    for _ in range(5):
        name = heading.inner_text()
        if name == "Company":
            break
        page.keyboard.press("l")
        expect(heading).not_to_have_text(name)
        settle(page)
    expect(page.get_by_label("The right value")).to_have_count(1)
    page.keyboard.press("w")
    expect(page.get_by_label("The right value")).to_be_focused()
    page.keyboard.type(company)
    page.keyboard.press("Enter")
    expect(page.get_by_text("1 of 5 checked")).to_be_visible()
    settle(page)
    page.keyboard.press("a")
    expect(page.get_by_text("2 of 5 checked")).to_be_visible()


def test_from_fields_to_a_file_and_a_correction_back_in_the_table(
    page: Page, served: str, seen: Seen, tmp_path: Path
) -> None:
    page.goto(f"{served}/extract")
    page.get_by_label("Start from").click(timeout=TIMEOUT_MS)
    page.get_by_role("option", name="Receipts", exact=True).click()
    expect(page.locator("input[aria-label='Name of the table'][value=Receipts]")).to_be_visible()
    expect(page.get_by_label("Name of the table")).to_have_count(1)
    add_field(page, "Invoice number", below=4)
    page.get_by_label("Documents").fill("QualityHosting")
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Extract from 1 document").click()
    told = page.get_by_text("to read the words it came from")
    expect(told).to_be_visible(timeout=ANSWER_TIMEOUT_MS)

    with page.expect_download() as download:
        page.get_by_role("button", name="Excel").click()
    file = tmp_path / download.value.suggested_filename
    download.value.save_as(file)
    book = load_workbook(file)
    assert book.sheetnames == ["values", "provenance"]
    headings = [cell.value for cell in book["values"][1]]
    assert headings[4:9] == ["company", "date", "address", "total", "invoice_number"]
    assert book["values"]["B2"].value == "QualityHosting.pdf"

    page.get_by_role("button", name="Check the values").click()
    expect(page.get_by_text("0 of 5 checked")).to_be_visible(timeout=TIMEOUT_MS)
    correct_by_keys(page, "Quality & Co")
    page.get_by_role("link", name="Extract").click()
    expect(page.get_by_text("Corrected 1")).to_be_visible()
    expect(page.get_by_test_id("glide-cell-2-0")).to_have_text("Quality & Co")
    page.reload()
    expect(page.get_by_test_id("glide-cell-2-0")).to_have_text("Quality & Co")
    assert seen == Seen()


def test_a_table_from_an_example_is_tried_on_three_documents_first(
    page: Page, served: str, seen: Seen, tmp_path: Path
) -> None:
    example = tmp_path / "Bills.csv"
    example.write_text("company,total\nSnow Ltd.,12.50\nRain Inc.,7.00\n", encoding="utf-8")
    page.goto(f"{served}/extract")
    page.get_by_label("Start from").click(timeout=TIMEOUT_MS)
    page.get_by_role("option", name="A table of examples").click()
    page.locator("input[type=file]").set_input_files(example)
    expect(page.locator("input[aria-label='Name of the table'][value=Bills]")).to_be_visible()
    expect(page.get_by_test_id("glide-cell-1-0")).to_have_text("Company")
    expect(page.get_by_test_id("glide-cell-1-1")).to_have_text("Total")
    settle(page)
    page.get_by_role("button", name="Try on 3 first").click()
    expect(page.get_by_text("This is a try on 3 documents.")).to_be_visible(
        timeout=ANSWER_TIMEOUT_MS
    )
    expect(page.get_by_role("button", name=re.compile("Extract from all"))).to_be_visible()
    settle(page)
    table = page.get_by_test_id("stDataFrame").bounding_box()
    assert table is not None
    # Cells are drawn; the elements beside them are for reading only.
    page.mouse.click(table["x"] + 30, table["y"] + 1.5 * ROW_PX)
    expect(page.locator(".wb-source, .wb-page").first).to_be_visible()
    assert seen == Seen()


def test_a_viewer_is_told_what_the_role_does_not_allow(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "workbench.toml").write_text('[actors.vera]\nrole = "viewer"\nlabels = ["*"]\n')
    monkeypatch.setenv("WORKBENCH_ACTOR", "vera")
    with serve(tmp_path) as address:
        opened = browser.new_context().new_page()
        for path, told in (("extract", "extract tables"), ("review", "check values")):
            opened.goto(f"{address}/{path}")
            heading = opened.get_by_role("heading", name=f"You may not {told} here")
            expect(heading).to_be_visible(timeout=TIMEOUT_MS)
            assert opened.get_by_test_id("stMain").get_by_role("button").count() == 0
        opened.context.close()


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(
    "path", ["", "ask", "summarise", "extract", "review", "library", "explore", "activity"]
)
def test_pages_fit_their_width(page: Page, served: str, path: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": WIDTHS[width]})
    page.goto(f"{served}/{path}")
    expect(page.get_by_role("heading", level=1)).to_be_visible(timeout=TIMEOUT_MS)
    page.get_by_test_id("stSkeleton").first.wait_for(state="hidden")
    assert page.evaluate("document.querySelector('.stMain').scrollWidth") <= width
