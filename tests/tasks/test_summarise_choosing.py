"""Which points make a summary: near the focus, in bounds, and not against their documents."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.tasks.test_summarise import TRUE, copying, long_folder, writes
from tests.workbenches import MakeWorkbench
from workbench.errors import InvalidReply
from workbench.guard.policy import Action
from workbench.guard.run import Run
from workbench.models.fake import FakeServer
from workbench.results.summary import Summary
from workbench.tasks import summary_writing
from workbench.tasks.summarise import Brief, SummariseRooms, finished, summarise

__all__ = ["long_folder"]


def test_what_the_sources_are_not_about_is_not_written_about(
    make_workbench: MakeWorkbench, folder: Path
) -> None:
    server = FakeServer(writes(TRUE))
    session = make_workbench(server=server).session("ana")
    session.ingest(folder)
    summary = session.summarise(focus="zzyzx qwfp")
    assert (summary.sentences, summary.removed, summary.chunks_read) == ((), (), 0)
    assert "say nothing about this: zzyzx qwfp" in summary.markdown()
    assert server.requests == []


def test_a_long_section_keeps_to_its_length(make_workbench: MakeWorkbench, tmp_path: Path) -> None:
    """It does not fit one prompt, and each prompt asks for as many sentences."""
    parts = [f"Branch {number} of the harbour opened in {1900 + number}. " for number in range(120)]
    path = tmp_path / "long.md"
    path.write_text("# Long\n\n## Branches\n\n" + "\n\n".join(p * 6 for p in parts), "utf-8")
    server = FakeServer(copying)
    session = make_workbench(server=server).session("ana")
    session.ingest(path)
    summary = session.summarise(style="per-section", length=3, coverage=1)
    asked = [each for each in server.requests if each.prompt_version.startswith("summary@")]
    assert len(asked) > 1
    assert len(summary.sentences) == 3
    assert len({sentence.section for sentence in summary.sentences}) == 1


def test_joining_shows_what_fits_and_loses_no_point(
    make_workbench: MakeWorkbench, long_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(summary_writing, "_JOINED_BYTES", 300)
    server = FakeServer(copying)
    session = make_workbench(server=server).session("ana")
    session.ingest(long_folder)
    summary = session.summarise(style="executive")
    (joining,) = [r for r in server.requests if r.prompt_version.startswith("summary_merge")]
    shown = joining.user.count("\nSource: ")
    assert 1 <= shown < len(summary.sentences)


class Doubting:
    """A judge that finds everything in passages, but in whole documents not the ``unlikely``."""

    asks = True

    def __init__(self, unlikely: str) -> None:
        self.unlikely = re.compile(unlikely)

    def score(self, run: Run, claim: str, passages: Sequence[str]) -> float:
        whole = any(len(text) > 2_000 for text in passages)
        return 0.1 if whole and self.unlikely.search(claim) else 0.9

    def supports(self, probability: float) -> bool:
        return probability >= 0.5

    def doubts(self, probability: float) -> bool:
        return probability < 0.4


def judged(make_workbench: MakeWorkbench, folder: Path, judge: Doubting) -> Summary:
    """Seven points about the folder's documents, checked by ``judge``."""
    workbench = make_workbench(copying)
    session = workbench.session("ana")
    session.ingest(folder)
    ids = [info.id for info in session.documents()]
    rooms = SummariseRooms(workbench.config, workbench.models, workbench.corpus, judge)
    with workbench.guard.open(session.actor, Action.ASK) as run:
        return finished(summarise(run, rooms, ids, Brief("both", "bullets", length=7)))


@pytest.mark.parametrize(("unlikely", "left"), [(r"branch \d*[02468] ", 2), ("branch", 1)])
def test_what_the_whole_document_speaks_against_gives_way(
    make_workbench: MakeWorkbench, long_folder: Path, unlikely: str, left: int
) -> None:
    made = judged(make_workbench, long_folder, Doubting(unlikely))
    assert len(made.sentences) >= left
    gone = {sentence.text for sentence in made.removed}
    assert gone
    assert all(re.search(unlikely, text) for text in gone)
    if left > 1:
        assert not any(re.search(unlikely, sentence.text) for sentence in made.sentences)
    else:
        assert len(made.sentences) == 1


def test_an_answer_to_a_focus_is_not_joined_and_begins_with_the_nearest(
    make_workbench: MakeWorkbench, long_folder: Path
) -> None:
    server = FakeServer(copying)
    session = make_workbench(server=server).session("ana")
    session.ingest(long_folder)
    summary = session.summarise(style="brief", length=1, focus="north office branch 17 opened 1977")
    (sentence,) = summary.sentences
    assert "opened branch 17 in 1977" in sentence.text
    assert not any(each.prompt_version.startswith("summary_merge") for each in server.requests)


def test_sentences_about_others_are_no_repetitions(
    make_workbench: MakeWorkbench, tmp_path: Path
) -> None:
    """A name may be the first word, where the capital tells nothing."""
    said = [
        f"{name} opened an office with new desks and chairs for clerks, guards and drivers there."
        for name in ("Berlin", "Munich")
    ]
    path = tmp_path / "offices.md"
    path.write_text(" ".join([*said, *(f"Cats number {n} sleep." for n in range(4))]), "utf-8")
    session = make_workbench(writes(*said)).session("ana")
    session.ingest(path)
    summary = session.summarise(style="bullets")
    assert [sentence.text for sentence in summary.sentences] == said


def test_a_broken_second_look_is_no_doubt(make_workbench: MakeWorkbench, long_folder: Path) -> None:
    class Breaking(Doubting):
        def score(self, run: Run, claim: str, passages: Sequence[str]) -> float:
            if any(len(text) > 2_000 for text in passages):
                raise InvalidReply("the model broke off", next_step="Ask again.")
            return 0.9

    made = judged(make_workbench, long_folder, Breaking("x"))
    assert len(made.sentences) == 7
    assert made.removed == ()


def test_a_year_in_the_source_counts_for_the_order_in_time(
    make_workbench: MakeWorkbench, tmp_path: Path
) -> None:
    texts = [
        "On March 5, 2024 the harbour opened its gates.",
        "In 2025 the harbour closed its gates.",
    ]
    path = tmp_path / "harbour.md"
    path.write_text(" ".join([*texts, *(f"Cats number {n} sleep." for n in range(4))]), "utf-8")
    said = ["In 2025 the harbour closed its gates.", "On March 5 the harbour opened its gates."]
    session = make_workbench(writes(*said)).session("ana")
    session.ingest(path)
    summary = session.summarise(style="timeline")
    assert [sentence.text for sentence in summary.sentences] == said[::-1]
