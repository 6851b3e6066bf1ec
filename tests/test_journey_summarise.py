"""Summaries with the real light model: of a handbook page, and of what is hard to summarise."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tasks.test_summarise import valid
from tests.tasks.test_summarise_bad_input import CODE, LANGUAGES, ORDERS, TABLE
from workbench import open_workbench
from workbench.config import Config, MaskingConfig, ModelsConfig
from workbench.session import Session

pytestmark = [pytest.mark.models, pytest.mark.slow]


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory, sample_folder: Path) -> Iterator[Session]:
    folder = tmp_path_factory.mktemp("summaries")
    for name, text in {
        "orders.txt": ORDERS,
        "table.md": TABLE,
        "code.md": f"```python\n{CODE}```\n",
        "languages.txt": LANGUAGES[:900],
        "line.txt": "The office processes new badges every Wednesday.",
    }.items():
        (folder / name).write_text(text, encoding="utf-8")
    shutil.copy(sample_folder / "handbook" / "transit-benefit.md", folder)
    config = Config(models=ModelsConfig(chat="light"), masking=MaskingConfig(types=()))
    workbench = open_workbench(tmp_path_factory.mktemp("workspace"), config=config)
    made = workbench.session("ana")
    made.ingest(folder)
    yield made
    workbench.close()


def numbered(session: Session, name: str) -> int:
    return next(info.id for info in session.documents() if info.name == name)


def test_a_page_is_summarised_from_its_own_words(session: Session) -> None:
    summary = session.summarise(numbered(session, "transit-benefit.md"), style="bullets", length=2)
    assert 1 <= len(summary.sentences) <= 2
    assert all(sentence.citations for sentence in summary.sentences)
    assert valid(summary, session)
    assert summary.usage.prompt_tokens > 0
    assert "transit" in summary.text.casefold()


@pytest.mark.parametrize("name", ["orders.txt", "table.md", "code.md", "languages.txt", "line.txt"])
def test_hard_documents_are_cited_or_refused(session: Session, name: str) -> None:
    summary = session.summarise(numbered(session, name), style="bullets", length=1)
    assert len(summary.sentences) <= 1
    assert all(sentence.citations for sentence in summary.sentences)
    assert valid(summary, session)
    assert {citation.document for citation in summary.citations} <= {name}
