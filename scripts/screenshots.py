"""Take the README's picture of the app: open the demo workspace, ask, wait for the answer.

    python scripts/screenshots.py WORKSPACE QUESTION OUT.png

Needs a workspace that holds the sample (`make run` makes one) and Chromium on PATH.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
from playwright.sync_api import Page, sync_playwright

START_TIMEOUT_S = 60
ANSWER_TIMEOUT_S = 600


def main() -> int:
    """Exit code: 0 once the picture is written, 1 without a browser, 2 on bad usage."""
    if len(sys.argv) != 4:
        print(__doc__, file=sys.stderr)
        return 2
    workspace, question, out = sys.argv[1:]
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        print("No Chromium on PATH. Run scripts/ensure_chromium.sh first.", file=sys.stderr)
        return 1
    port = _free_port()
    command = [str(Path(sys.executable).with_name("workbench")), "--workspace", workspace]
    app = subprocess.Popen([*command, "app", "--port", str(port)], start_new_session=True)
    try:
        address = f"http://127.0.0.1:{port}"
        _wait_until_up(address)
        with sync_playwright() as playwright:
            # Chromium refuses its sandbox to root; the page shown is our own.
            chromium = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
            page = chromium.new_page(viewport={"width": 1280, "height": 900})
            page.goto(address)
            _ask(page, question)
            Path(out).parent.mkdir(parents=True, exist_ok=True)
            page.screenshot(path=out)
            chromium.close()
    finally:
        os.killpg(app.pid, signal.SIGTERM)  # the command and the Streamlit below it
        app.wait(timeout=30)
    return 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_up(address: str) -> None:
    end = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < end:
        try:
            if httpx.get(f"{address}/_stcore/health").is_success:
                return
        except httpx.TransportError:
            time.sleep(0.2)
    raise TimeoutError(f"the app did not start within {START_TIMEOUT_S} s")


def _ask(page: Page, question: str) -> None:
    field = page.get_by_role("textbox").first
    field.wait_for(timeout=START_TIMEOUT_S * 1000)
    field.fill(question)
    field.press("Enter")
    # Streamlit marks its root while a script runs; the mark may take a moment to appear.
    page.wait_for_timeout(1_000)
    idle = "[data-testid='stApp'][data-test-script-state='notRunning']"
    page.wait_for_selector(idle, timeout=ANSWER_TIMEOUT_S * 1000)
    page.wait_for_timeout(1_000)


if __name__ == "__main__":
    sys.exit(main())
