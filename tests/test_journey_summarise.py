"""Summaries with the real light model: of a handbook page, and of what is hard to summarise."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tasks.test_summarise import valid
from tests.tasks.test_summarise_bad_input import CODE, LANGUAGES, ORDERS, TABLE
from workbench import Sentence, Summary, open_workbench
from workbench.config import Config, MaskingConfig, ModelsConfig
from workbench.guard.run import Run
from workbench.models.messages import ChatRequest, ServerPiece
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


def test_a_changed_page_redoes_its_own_branch_only(
    session: Session, sample_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("leave.md", "fmla.md", "travel-guide-3-travel.md")
    for name in names:
        shutil.copy(sample_folder / "handbook" / name, tmp_path)
    models = session._workbench.models
    asked: list[ChatRequest] = []
    stream = models._pieces

    def counted(run: Run, request: ChatRequest) -> Iterator[ServerPiece]:
        asked.append(request)
        return stream(run, request)

    monkeypatch.setattr(models, "_pieces", counted)

    def written() -> list[ChatRequest]:
        session.ingest(tmp_path)
        pages = [info for info in session.documents() if info.name in names]
        asked.clear()
        *told, made = session.summarise_stream(pages, style="bullets", length=2)
        assert isinstance(made, Summary)
        held = {part for part in told if isinstance(part, Sentence) and part.holds}
        assert set(made.sentences) <= held
        assert valid(made, session)
        return [request for request in asked if request.prompt_version.startswith("summary@")]

    first = written()
    page = tmp_path / "fmla.md"
    page.write_text("# FMLA\n\nThe harbour office opens at 9 in the morning.\n", encoding="utf-8")
    second = written()
    assert len(second) == 1 < len(first)
    assert "harbour office" in second[0].user
    assert written() == []


@pytest.mark.parametrize("name", ["orders.txt", "table.md", "code.md", "languages.txt", "line.txt"])
def test_hard_documents_are_cited_or_refused(session: Session, name: str) -> None:
    summary = session.summarise(numbered(session, name), style="bullets", length=1)
    assert len(summary.sentences) <= 1
    assert all(sentence.citations for sentence in summary.sentences)
    assert valid(summary, session)
    assert {citation.document for citation in summary.citations} <= {name}
