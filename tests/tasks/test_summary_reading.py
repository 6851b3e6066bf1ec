from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from tests.tasks.test_summarise import copying
from tests.workbenches import MakeWorkbench, agreeing
from workbench.config import BudgetConfig, Config
from workbench.errors import BudgetExceeded
from workbench.models.fake import FakeServer
from workbench.session import Session
from workbench.store.passages import Read
from workbench.tasks.summary_reading import Appetite, Branch, branches, section_of
from workbench.values import Chunk, Hit

TOPICS = ("harbour", "bakery", "library", "stadium", "theatre", "garden", "bridge", "school")


def read(*lengths: int, size: int = 600) -> Read:
    """Documents of so many passages each, under ten headings."""
    hits = []
    for number, length in enumerate(lengths, start=1):
        for ordinal in range(length):
            text = f"Fact {ordinal} of document {number}. " + "It is so. " * (size // 10)
            heading = f"Title > Part {ordinal % 10}"
            chunk = Chunk(ordinal, 0, len(text), text, None, heading, 1, number)
            hits.append(Hit(chunk, f"d{number}.md", f"file:///d{number}.md", "", 0.0))
    vectors = np.random.default_rng(0).normal(size=(len(hits), 16)).astype(np.float32)
    return Read(tuple(hits), vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def chosen(found: list[Branch]) -> Counter[int]:
    return Counter(hit.chunk.document_id for branch in found for hit in branch.passages)


def planned(given: Read, appetite: Appetite, *, focus: bool = False) -> list[Branch]:
    return branches(given, given.vectors, given.vectors[-1] if focus else None, appetite)


def test_long_documents_get_more_and_short_ones_their_own() -> None:
    found = chosen(planned(read(300, 5, 5, 1), Appetite(7, 10.5)))
    assert found[1] > found[2] >= 1
    assert found[4] == 1
    assert sum(found.values()) <= 21


@pytest.mark.parametrize("focus", [False, True])
@pytest.mark.parametrize("lengths", [(1,), (3, 2), (40,), (30, 2, 90), (1,) * 60, (4,) * 25])
def test_no_more_is_read_than_was_meant_and_points_are_enough(
    lengths: tuple[int, ...], focus: bool
) -> None:
    found = planned(read(*lengths), Appetite(7, 10.5), focus=focus)
    assert 0 < sum(chosen(found).values()) <= 21
    assert all(branch.points >= 1 for branch in found)
    assert sum(branch.points for branch in found) <= 10.5 + len(found)
    if sum(lengths) >= 21:
        assert sum(branch.points for branch in found) >= 7


def test_a_focus_chooses_by_passages_not_by_documents() -> None:
    given = read(30, 30)
    given.vectors[:30] = given.vectors[0]
    found = branches(given, given.vectors, given.vectors[40], Appetite(2, 3))
    assert 40 in {row for row, hit in enumerate(given.hits) if _is_in(hit, found)}


def test_the_wanted_share_of_every_document_is_read() -> None:
    lengths = (300, 12, 4, 1)
    found = chosen(planned(read(*lengths), Appetite(4, 6, coverage=0.5)))
    for number, length in enumerate(lengths, start=1):
        assert found[number] >= length / 2
    everything = planned(read(*lengths), Appetite(4, 6, coverage=1))
    assert sum(chosen(everything).values()) == sum(lengths)


def test_sections_have_prompts_of_their_own() -> None:
    found = planned(read(20, 3), Appetite(2, 3, per_section=True))
    assert all(len({section_of(hit) for hit in branch.passages}) == 1 for branch in found)
    assert {branch.points for branch in found} == {2}


def test_nothing_to_read() -> None:
    assert planned(Read((), np.empty((0, 0), np.float32)), Appetite(4, 6)) == []


def _is_in(hit: Hit, found: list[Branch]) -> bool:
    return any(hit.chunk == other.chunk for branch in found for other in branch.passages)


def text_of(topic: str, parts: int, sentence: str = "") -> str:
    body = "\n\n".join(
        f"## Part {part} of the {topic}\n\n{sentence}The {topic} opened hall {part} in "
        f"{1950 + part}. " + f"Its {topic} wardens count {part} visitors. " * 12
        for part in range(parts)
    )
    return f"# The {topic}\n\n{body}\n"


@pytest.fixture
def towns(tmp_path: Path) -> Path:
    folder = tmp_path / "towns"
    folder.mkdir()
    for topic in TOPICS[:6]:
        (folder / f"{topic}.md").write_text(text_of(topic, 12), encoding="utf-8")
    return folder


def kinds(server: FakeServer) -> Counter[str]:
    """The prompts that the model was asked since the last time, by name."""
    found = Counter(request.prompt_version.partition("@")[0] for request in server.requests)
    server.requests.clear()
    return found


def summarised(session: Session, folder: Path, style: str, focus: str = "") -> set[str]:
    report = session.ingest(folder)
    assert not report.failed
    return {c.document for c in session.summarise(style=style, focus=focus).citations}


@pytest.mark.parametrize(
    ("style", "focus", "joins"),
    [("bullets", "", 0), ("executive", "", 1), ("timeline", "", 0), ("bullets", "halls opened", 0)],
)
def test_a_changed_document_redoes_only_its_branch_and_what_joins_it(
    make_workbench: MakeWorkbench, towns: Path, style: str, focus: str, joins: int
) -> None:
    server = FakeServer(agreeing(copying))
    session = make_workbench(server=server).session("ana")
    summarised(session, towns, style, focus)
    first = kinds(server)
    changed = text_of("castle", 13, "Nothing here is as it was. ")
    (towns / "harbour.md").write_text(changed, encoding="utf-8")
    summarised(session, towns, style, focus)
    asked = [request for request in server.requests if request.prompt_version.startswith("summary")]
    assert all("harbour.md" not in request.user or "castle" in request.user for request in asked)
    second = kinds(server)
    writing = [request for request in asked if request.prompt_version.startswith("summary@")]
    others = {name for r in writing for name in re.findall(r"(\w+)\.md", r.user)} - {"harbour"}
    assert focus or not others
    assert second["summary_merge"] <= joins
    assert 2 * second["summary"] < first["summary"]
    summarised(session, towns, style, focus)
    assert kinds(server) == Counter()


def test_a_document_more_of_a_large_collection_redoes_few_prompts(
    make_workbench: MakeWorkbench, tmp_path: Path
) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(40):
        text = text_of(f"{TOPICS[number % 8]} {number}", 2)
        (folder / f"note-{number:02d}.md").write_text(text, encoding="utf-8")
    server = FakeServer(agreeing(copying))
    session = make_workbench(server=server).session("ana")
    cited = summarised(session, folder, "executive")
    first = kinds(server)
    (folder / min(cited)).write_text(text_of("castle", 2), encoding="utf-8")
    summarised(session, folder, "executive")
    second = kinds(server)
    assert second["summary_merge"] <= 1
    assert second["summary"] <= 3 < first["summary"]


def test_what_was_read_is_kept_when_the_budget_ends_it(
    make_workbench: MakeWorkbench, towns: Path
) -> None:
    session = make_workbench(copying, config=Config(budget=BudgetConfig(max_tokens=6_000))).session(
        "ana"
    )
    session.ingest(towns)
    told: list[str] = []
    for _ in range(20):
        try:
            summary = session.summarise(style="bullets", coverage=1)
        except BudgetExceeded as error:
            told.append(str(error))
        else:
            break
    assert told
    assert summary.coverage == 1
    assert json.loads(json.dumps(summary.to_dict()))["coverage"] == 1
