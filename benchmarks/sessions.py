"""Ten people use the served app at once: errors, mixed state, waiting, memory.

Each has a browser context of its own, asks questions that hold a word of its own, opens sources and
changes pages for some minutes. The model is the fake one: measured is the app, not a model. Prints
a table, and writes JSON with ``--out``. Needs Chromium.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import psutil
from playwright.async_api import Browser, Page, async_playwright
from playwright.async_api import Error as BrowserError

from scripts.fake_app import open_fake
from scripts.screenshots import FLAGS, chromium, free_port, served_by

PEOPLE = 10
TIMEOUT_MS = 120_000
PAGES = ("library", "explore", "activity", "summarise")


@dataclass
class Person:
    """What one of them saw; times in seconds."""

    word: str
    asked: int = 0
    pages: int = 0
    errors: list[str] = field(default_factory=list)
    mixed: int = 0
    answer_s: list[float] = field(default_factory=list)
    page_s: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Found:
    """The figures of a run."""

    people: int
    minutes: float
    questions: int
    pages: int
    errors: int
    mixed: int
    answer_p50_s: float
    answer_p95_s: float
    page_p50_s: float
    page_p95_s: float
    memory_start_mib: float
    memory_end_mib: float


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--people", type=int, default=PEOPLE)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    found = asyncio.run(measure(options.people, options.minutes))
    for name, value in asdict(found).items():
        print(f"{name:>18}  {value:,}")
    if options.out:
        options.out.write_text(json.dumps(asdict(found), indent=2) + "\n", encoding="utf-8")
    if found.errors or found.mixed:
        sys.exit(1)


async def measure(count: int, minutes: float) -> Found:
    """Let ``count`` people use a fresh app for ``minutes``."""
    with _served(count) as (address, port):
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=chromium(), args=list(FLAGS))
            people = [Person(_word(number)) for number in range(count)]
            # The first visits fill caches and pools; memory counts from then on.
            await asyncio.gather(*(_use(browser, address, one, 0) for one in people))
            start_mib = _memory_mib(port)
            for one in people:
                one.asked, one.pages, one.answer_s, one.page_s = 0, 0, [], []
            until_s = time.monotonic() + minutes * 60
            await asyncio.gather(*(_use(browser, address, one, until_s) for one in people))
            end_mib = _memory_mib(port)
            await browser.close()
    for one in people:
        for error in one.errors:
            print(f"{one.word}: {error}", file=sys.stderr)
    answers = [seconds for one in people for seconds in one.answer_s]
    shown = [seconds for one in people for seconds in one.page_s]
    return Found(
        people=count,
        minutes=minutes,
        questions=sum(one.asked for one in people),
        pages=sum(one.pages for one in people),
        errors=sum(len(one.errors) for one in people),
        mixed=sum(one.mixed for one in people),
        answer_p50_s=_share(answers, 0.5),
        answer_p95_s=_share(answers, 0.95),
        page_p50_s=_share(shown, 0.5),
        page_p95_s=_share(shown, 0.95),
        memory_start_mib=round(start_mib, 1),
        memory_end_mib=round(end_mib, 1),
    )


async def _use(browser: Browser, address: str, one: Person, until_s: float) -> None:
    """Ask and look around once, and again until the time is over."""
    context = await browser.new_context()
    page = await context.new_page()
    page.set_default_timeout(TIMEOUT_MS)
    chance = random.Random(one.word)  # noqa: S311 -- a script of clicks, the same every time
    while True:
        try:
            await _ask(page, address, one)
            await _look(page, one, chance.choice(PAGES))
        except BrowserError as error:
            one.errors.append(str(error).partition("\n")[0])
        if time.monotonic() >= until_s:
            break
    await context.close()


async def _ask(page: Page, address: str, one: Person) -> None:
    await page.goto(f"{address}/ask")
    box = page.get_by_test_id("stChatInputTextArea")
    await box.fill(f"What does the office of {one.word} do {one.asked}?")
    begun_s = time.monotonic()
    await box.press("Enter")
    await page.get_by_role("button", name="[1]").first.wait_for()
    one.answer_s.append(time.monotonic() - begun_s)
    one.asked += 1
    await _check(page, one)
    await page.get_by_role("button", name="[1]").first.click()
    await page.locator(".wb-source mark").first.wait_for()
    await page.keyboard.press("Escape")


async def _look(page: Page, one: Person, name: str) -> None:
    begun_s = time.monotonic()
    await page.get_by_role("link", name=name.capitalize()).click()
    await page.get_by_role("heading", name=name.capitalize(), level=1).wait_for()
    one.page_s.append(time.monotonic() - begun_s)
    one.pages += 1
    await _check(page, one)


async def _check(page: Page, one: Person) -> None:
    for alert in await page.locator("[role=alert], .stException").all_inner_texts():
        one.errors.append(alert.strip()[:200])
    # The question and the answer of this person alone may stand in the conversation.
    told = " ".join(await page.get_by_test_id("stChatMessage").all_inner_texts())
    others = [word for word in map(_word, range(PEOPLE * 10)) if word != one.word]
    one.mixed += any(f"office of {word} " in told for word in others)


def _word(number: int) -> str:
    return f"zorb{number:03d}"


@contextmanager
def _served(count: int) -> Iterator[tuple[str, int]]:
    with tempfile.TemporaryDirectory() as root:
        files, folder = Path(root, "files"), Path(root, "workspace")
        files.mkdir()
        for number in range(count):
            word = _word(number)
            text = f"# The office of {word}\n\nThe office of {word} does the work of {word}.\n"
            (files / f"{word}.md").write_text(text, encoding="utf-8")
        workbench = open_fake(folder)
        workbench.session().ingest(files)
        workbench.close()
        port = free_port()
        with served_by([sys.executable, "-m", "scripts.fake_app", str(folder)], port) as address:
            yield address, port


def _memory_mib(port: int) -> float:
    """Resident memory of what listens on ``port``, and of what it started."""
    for connection in psutil.net_connections("tcp"):
        at = connection.laddr
        if connection.status == "LISTEN" and at and at.port == port and connection.pid:
            server = psutil.Process(connection.pid)
            family = [server, *server.children(recursive=True)]
            return sum(one.memory_info().rss for one in family) / 2**20
    raise LookupError("nobody listens there")


def _share(values: list[float], share: float) -> float:
    """The value below which this share of them lies; not a number without any."""
    ordered = sorted(values) or [math.nan]
    return round(ordered[int(share * (len(ordered) - 1))], 2)


if __name__ == "__main__":
    main()
