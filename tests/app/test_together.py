"""A notebook kernel, the command line and the app on one workspace at the same time."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright

from scripts.screenshots import FLAGS, serve

pytestmark = [pytest.mark.app, pytest.mark.models, pytest.mark.slow]

ROUNDS = 6
TIMEOUT_S = 300
QUESTION = "How many hours of annual leave can I carry over to the next leave year?"

NOTEBOOK = f"""
import workbench
s = workbench.open_workbench({{folder!r}}).session("notebook")
for number in range({ROUNDS}):
    assert len(s.search("annual leave", 5)) == 5
    s.sql("SELECT count(*) FROM chunks")
answer = s.ask({QUESTION!r}, model="light")
assert answer.citations, answer
for citation in answer.citations:
    text = s.document(citation.document_id).text
    assert text[citation.start : citation.end] == citation.quote
"""


@pytest.fixture
def workspace(tmp_path: Path, sample_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WORKBENCH_CHAT_MODEL", "light")
    folder = tmp_path / "workspace"
    workbench(folder, "ingest", str(sample_folder / "handbook" / "leave.md"))
    return folder


def workbench(folder: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", "workbench", "--workspace", str(folder), *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=TIMEOUT_S)
    assert result.returncode == 0, result.stderr


def in_kernel(notebook: Path, code: str) -> None:
    """Run the code as the cell of a notebook, in a kernel of its own."""
    cell = {"cell_type": "code", "id": "only", "metadata": {}, "outputs": []}
    content = {
        "cells": [{**cell, "execution_count": None, "source": code}],
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    notebook.write_text(json.dumps(content), encoding="utf-8")
    result = subprocess.run(
        [sys.executable, "-m", "jupyter", "execute", f"--timeout={TIMEOUT_S}", str(notebook)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr


def write_and_read(folder: Path, documents: Path) -> None:
    """What a colleague does at the command line meanwhile: new files, changes, searches."""
    for number in range(ROUNDS):
        note = documents / f"note-{number % 3}.txt"
        note.write_text(f"Note {number} says that desk {number} is free.", encoding="utf-8")
        workbench(folder, "ingest", str(documents), "--sync")
        workbench(folder, "search", "which desk is free", "-k", "3")


def in_app(chromium: str, address: str) -> None:
    """Ask in the served app and wait for the checked answer."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        page = browser.new_page()
        page.goto(f"{address}/ask")
        box = page.get_by_test_id("stChatInputTextArea")
        box.fill(QUESTION, timeout=TIMEOUT_S * 1000)
        box.press("Enter")
        expect(page.locator(".wb-text")).to_contain_text("240", timeout=TIMEOUT_S * 1000)
        page.goto(f"{address}/library")
        expect(page.get_by_role("button", name="leave.md")).to_be_visible(timeout=60_000)
        browser.close()


def test_three_programs_share_one_workspace(workspace: Path, chromium: str, tmp_path: Path) -> None:
    documents = tmp_path / "documents"
    documents.mkdir()
    with serve(workspace) as address, ThreadPoolExecutor(3) as pool:
        code = NOTEBOOK.format(folder=str(workspace))
        cell = pool.submit(in_kernel, tmp_path / "together.ipynb", code)
        shell = pool.submit(write_and_read, workspace, documents)
        page = pool.submit(in_app, chromium, address)
        for program in (cell, shell, page):
            program.result()
    workbench(workspace, "sql", "SELECT count(*) FROM documents")
    shutil.rmtree(documents)
