"""How long the served app takes to answer a click, and to paint first, with nobody else at it.

Serves a workspace as `workbench app` does, opens each page from the bar at the top, switches views
and opens a source. A time runs from the click until the page says what it should and the app rests.
Each round has a new context: the first page, and the first visit of every other, find
nothing in the browser's cache.
Prints a table, and writes JSON with ``--out``. Needs Chromium, and a workspace with documents, such
as the one that ``make run`` makes.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser, Locator, Page, ViewportSize, sync_playwright

from scripts.screenshots import FLAGS, ROOT, chromium, serve

PAGES = ("Ask", "Summarise", "Extract", "Review", "Library", "Explore", "Activity")
VIEWPORT: ViewportSize = {"width": 1280, "height": 800}
TIMEOUT_MS = 60_000
_RESTS = "[data-testid=stApp][data-test-script-state=notRunning]"


Took = tuple[float, float]
"""Milliseconds until the page says what it should, and until all of it is there."""


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workspace", type=Path, default=ROOT / "data" / "local" / "demo")
    parser.add_argument("--times", type=int, default=7)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    with serve(options.workspace) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=list(FLAGS))
        measured = measure(browser, address, options.times)
        browser.close()
    print(f"{'median (worst), ms':<24}{'answered':>16}{'complete':>16}")
    for what, took in measured.items():
        columns = [f"{statistics.median(ms):.0f} ({max(ms):.0f})" for ms in zip(*took, strict=True)]
        print(f"{what:<24}{columns[0]:>16}{columns[1]:>16}")
    if options.out:
        options.out.write_text(json.dumps(measured, indent=1) + "\n", encoding="utf-8")


def measure(browser: Browser, address: str, times: int) -> dict[str, list[Took]]:
    """What each kind of click took. The first round warms the app and does not count."""
    measured: dict[str, list[Took]] = {}
    for _ in range(times + 1):
        for what, took in _once(browser, address).items():
            measured.setdefault(what, []).append(took)
    return {what: took[1:] for what, took in measured.items()}


def _once(browser: Browser, address: str) -> dict[str, Took]:
    context = browser.new_context(viewport=VIEWPORT, reduced_motion="reduce")
    page = context.new_page()
    page.set_default_timeout(TIMEOUT_MS)
    front = page.get_by_role("heading", name="Ask your documents")
    took = {"first page": _timed(page, lambda: page.goto(address), front)}
    for visit in ("first visit", "again"):
        for name in PAGES:
            link = page.get_by_role("link", name=name, exact=True)
            heading = page.get_by_role("heading", name=name, level=1)
            took[f"{name}, {visit}"] = _timed(page, link.click, heading)
    page.get_by_role("link", name="Explore", exact=True).click()
    query, run = page.get_by_text("Query", exact=True), page.get_by_role("button", name="Run")
    took["Explore, query"] = _timed(page, query.click, run)
    took["Explore, run"] = _timed(page, run.click, page.get_by_role("button", name="Parquet"))
    page.get_by_role("link", name="Library", exact=True).click()
    document = page.get_by_role("button", name=".md").first
    document.wait_for()
    page.locator(_RESTS).wait_for()
    took["Library, a document"] = _timed(page, document.click, page.locator(".wb-source").first)
    context.close()
    return took


def _timed(page: Page, click: Callable[[], object], shown: Locator) -> Took:
    began_s = time.perf_counter()
    click()
    shown.wait_for()
    answered_s = time.perf_counter()
    page.locator(_RESTS).wait_for()
    complete_s = time.perf_counter()
    return (answered_s - began_s) * 1000, (complete_s - began_s) * 1000


if __name__ == "__main__":
    main()
