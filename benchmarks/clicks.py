"""How long the served app takes to answer a click, and to paint first, with nobody else at it.

Serves a workspace as `workbench app` does, opens each page from the bar at the top, switches views
and opens a source. A time runs from the click until the page says what it should and the app rests.
The first page is opened in a new context each time: nothing is cached in the browser.
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

from playwright.sync_api import Browser, Locator, Page, sync_playwright

from scripts.screenshots import FLAGS, ROOT, chromium, serve

PAGES = ("Ask", "Summarise", "Extract", "Review", "Library", "Explore", "Activity")
VIEWPORT = {"width": 1280, "height": 800}
TIMEOUT_MS = 60_000
_RESTS = "[data-testid=stApp][data-test-script-state=notRunning]"


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
    for what, times_ms in measured.items():
        print(f"{what:<22} median {statistics.median(times_ms):6.0f} ms   "
              f"worst {max(times_ms):6.0f} ms")  # fmt: skip
    if options.out:
        options.out.write_text(json.dumps(measured, indent=1) + "\n", encoding="utf-8")


def measure(browser: Browser, address: str, times: int) -> dict[str, list[float]]:
    """Milliseconds of each kind of click. The first round warms the app and does not count."""
    measured: dict[str, list[float]] = {}
    for _ in range(times + 1):
        for what, took_ms in _once(browser, address).items():
            measured.setdefault(what, []).append(took_ms)
    return {what: times_ms[1:] for what, times_ms in measured.items()}


def _once(browser: Browser, address: str) -> dict[str, float]:
    context = browser.new_context(viewport=VIEWPORT, reduced_motion="reduce")
    page = context.new_page()
    page.set_default_timeout(TIMEOUT_MS)
    began_s = time.perf_counter()
    page.goto(address)
    page.get_by_role("heading", name="Ask your documents").wait_for()
    took = {"first page, heading": (time.perf_counter() - began_s) * 1000}
    page.locator(_RESTS).wait_for()
    took["first page, all of it"] = (time.perf_counter() - began_s) * 1000
    for name in PAGES:
        link = page.get_by_role("link", name=name, exact=True)
        took[name] = _timed(page, link.click, page.get_by_role("heading", name=name, level=1))
    page.get_by_role("link", name="Explore", exact=True).click()
    query = page.get_by_text("Query", exact=True)
    ready = page.get_by_role("button", name="Run")
    took["Explore, query"] = _timed(page, query.click, ready)
    rows = page.get_by_role("button", name="Parquet")
    took["Explore, run"] = _timed(page, ready.click, rows)
    page.get_by_role("link", name="Library", exact=True).click()
    name = page.get_by_role("button", name=".md").first
    name.wait_for()
    page.locator(_RESTS).wait_for()
    took["Library, a document"] = _timed(page, name.click, page.locator(".wb-source").first)
    context.close()
    return took


def _timed(page: Page, click: Callable[[], None], shown: Locator) -> float:
    began_s = time.perf_counter()
    click()
    shown.wait_for()
    page.locator(_RESTS).wait_for()
    return (time.perf_counter() - began_s) * 1000


if __name__ == "__main__":
    main()
