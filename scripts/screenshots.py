"""Take pictures of every page of the app, in both themes and at both widths.

Serves the app over a workspace, asks one question, and writes
``docs/screenshots/<page>-<theme>-<width>.png``. Needs Chromium (``scripts/ensure_chromium.sh``)
and a workspace with documents, such as the one that ``make run`` makes.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
WIDTHS = {1280: 800, 390: 844}
THEMES = ("light", "dark")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
OUTCOME = re.compile("Supported by the sources|Partly supported|Not in the sources")
ANSWER_TIMEOUT_MS = 300_000
START_TIMEOUT_S = 60


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workspace", type=Path, default=ROOT / "data" / "local" / "demo")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "screenshots")
    parser.add_argument(
        "--question", default="How many weeks of paid parental leave are employees entitled to?"
    )
    parser.add_argument("--document", default="paid-parental-leave.md")
    parser.add_argument("--invoice", default="QualityHosting.pdf")
    parser.add_argument("--unanswerable", default="Who won the football world cup in 1990?")
    parser.add_argument("--address", help="of an app that already runs; serves none then")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    with _served(options) as (address, empty), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=list(FLAGS))
        for theme in THEMES:
            for width in WIDTHS:
                _take(browser, address, options, theme=theme, width=width)
                if empty:
                    _take_empty(browser, empty, options.out, theme=theme, width=width)
        browser.close()


def _take(
    browser: Browser, address: str, options: argparse.Namespace, *, theme: str, width: int
) -> None:
    page = _open(browser, address, theme=theme, width=width)

    def shoot(name: str) -> None:
        _shoot(page, options.out / f"{name}-{theme}-{width}.png")

    page.get_by_text("Recent questions").wait_for()
    shoot("home")
    page.goto(f"{address}/library")
    page.get_by_role("button", name="leave.md").first.wait_for()
    shoot("library")
    page.get_by_text("Add documents").click()
    page.get_by_text("Who may read them").wait_for()
    shoot("library-add")
    page.goto(f"{address}/summarise")
    page.get_by_label("Documents").fill(options.document)
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Summarise", exact=True).click()
    page.get_by_text("Where each sentence comes from").wait_for(timeout=ANSWER_TIMEOUT_MS)
    shoot("summarise")
    page.goto(f"{address}/ask")
    page.get_by_text("Try one of these").wait_for()
    shoot("ask-start")
    _ask(page, options.question)
    if page.get_by_role("button", name="[1]").count() == 0:
        sys.exit(f"No document answers {options.question!r}: name another --question.")
    shoot("ask")
    page.get_by_role("button", name="[1]").click()
    page.locator(".wb-source mark").first.wait_for()
    shoot("source")
    page.keyboard.press("Escape")
    _ask(page, options.unanswerable)
    shoot("abstained")
    _take_tables(page, address, options.invoice, shoot)
    _take_explore(page, address, shoot)
    page.goto(f"{address}/activity")
    page.get_by_text("What was done, and how long it took").wait_for()
    shoot("activity")
    page.context.close()


def _take_tables(page: Page, address: str, invoice: str, shoot: Callable[[str], None]) -> None:
    page.goto(f"{address}/extract")
    page.get_by_test_id("stDataFrame").wait_for()
    shoot("extract-fields")
    page.get_by_label("Documents").click()
    page.keyboard.type(invoice, delay=20)
    page.get_by_role("option", name=invoice).click()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Extract from 1 document").click()
    page.get_by_text("to read the words it came from").wait_for(timeout=ANSWER_TIMEOUT_MS)
    shoot("extract")
    page.get_by_role("button", name="Check the values").click()
    page.locator(".wb-source").wait_for()
    shoot("review")


def _take_explore(page: Page, address: str, shoot: Callable[[str], None]) -> None:
    page.goto(f"{address}/explore")
    page.get_by_text("The latest").wait_for()
    shoot("explore")
    page.get_by_text("Map", exact=True).click()
    page.get_by_text("Each point is a document").wait_for()
    page.locator("canvas, svg.marks").first.wait_for()
    shoot("explore-map")
    page.get_by_text("Query", exact=True).click()
    page.get_by_role("button", name="Run").click()
    page.get_by_role("button", name="Parquet").wait_for()
    shoot("explore-query")


def _take_empty(browser: Browser, address: str, out: Path, *, theme: str, width: int) -> None:
    page = _open(browser, address, theme=theme, width=width)
    page.get_by_text("This workspace is empty").wait_for()
    _shoot(page, out / f"empty-{theme}-{width}.png")
    page.context.close()


def _open(browser: Browser, address: str, *, theme: str, width: int) -> Page:
    context = browser.new_context(
        viewport={"width": width, "height": WIDTHS[width]},
        color_scheme="dark" if theme == "dark" else "light",
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.set_default_timeout(60_000)
    page.goto(address)
    return page


def _ask(page: Page, question: str) -> None:
    ended = page.get_by_text(OUTCOME)
    before = ended.count()
    box = page.get_by_test_id("stChatInputTextArea")
    box.fill(question)
    box.press("Enter")
    ended.nth(before).wait_for(timeout=ANSWER_TIMEOUT_MS)


def _shoot(page: Page, path: Path) -> None:
    page.wait_for_timeout(1_200)  # fonts, and the end of Streamlit's fade-in
    page.screenshot(path=path)


@contextmanager
def _served(options: argparse.Namespace) -> Iterator[tuple[str, str]]:
    if options.address:
        yield options.address, ""
        return
    with (
        tempfile.TemporaryDirectory() as nothing,
        serve(options.workspace) as address,
        serve(Path(nothing)) as empty,
    ):
        yield address, empty


@contextmanager
def serve(workspace: Path) -> Iterator[str]:
    """The app over ``workspace`` on a free port of this machine; yields its address."""
    command = [sys.executable, "-c", "from workbench.cli import main; main()"]
    with served_by([*command, "--workspace", str(workspace), "app", "--port"]) as address:
        yield address


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def served_by(command: list[str], port: int | None = None) -> Iterator[str]:
    """What ``command`` serves on the port that it is given last; a free one where none is named."""
    port = port or free_port()
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [*command, str(port)], cwd=ROOT, env=env, stdout=subprocess.DEVNULL, start_new_session=True
    )
    try:
        _wait_until_served(f"http://127.0.0.1:{port}/_stcore/health")
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGTERM)  # the command and the server that it started
        process.wait()


def _wait_until_served(address: str) -> None:
    deadline_s = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            urllib.request.urlopen(address, timeout=5).close()  # noqa: S310 -- our own, loopback
            return
        except URLError:
            if time.monotonic() > deadline_s:
                raise
            time.sleep(0.2)


def chromium() -> str:
    """The browser's path."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    sys.exit("No Chromium on PATH: run scripts/ensure_chromium.sh")


if __name__ == "__main__":
    main()
