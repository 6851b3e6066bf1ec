from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.tasks.test_summarise import copying, valid
from tests.workbenches import MakeWorkbench
from workbench import CorpusMap, Themes
from workbench.errors import UsageError
from workbench.models.messages import ChatRequest
from workbench.session import Session

TOPICS = {
    "leave": "Employees earn hours of sick leave and annual leave in each pay period.",
    "boats": "The harbour rents sailing boats and rowing boats to visitors in summer.",
    "bread": "The bakery bakes rye bread and wheat bread in an oven every morning.",
}


@pytest.fixture
def session(make_workbench: MakeWorkbench, tmp_path: Path) -> Session:
    return topics(make_workbench(copying).session("ana"), tmp_path)


def topics(session: Session, tmp_path: Path) -> Session:
    """The session, with four documents of each topic."""
    folder = tmp_path / "topics"
    folder.mkdir()
    for topic, sentence in TOPICS.items():
        for number in range(4):
            text = f"{sentence} Note {number} says more about {topic} and {topic}."
            (folder / f"{topic}{number}.txt").write_text(text, encoding="utf-8")
    session.ingest(folder)
    return session


def test_documents_of_one_topic_are_one_theme(session: Session) -> None:
    found = session.corpus_map()
    assert isinstance(found, CorpusMap)
    assert len(found.themes) == 3
    for topic in TOPICS:
        [number] = {point.theme for point in found.points if point.document.startswith(topic)}
        assert topic in found.themes[number]
    frame = found.df()
    assert len(frame) == 12
    for row in frame.itertuples():
        text = session.document(int(row.document_id)).text
        assert " ".join(text[int(row.start) : int(row.end)].split()) == row.says
    assert "12 documents in 3 themes" in str(found)
    assert found.arrow().num_rows == 12
    assert json.loads(json.dumps(found.to_dict()))["themes"] == list(found.themes)


def test_the_map_is_the_same_again_and_can_be_drawn(session: Session) -> None:
    pyplot = pytest.importorskip("matplotlib.pyplot")
    pyplot.switch_backend("agg")
    found = session.corpus_map()
    assert found.points == session.corpus_map().points
    axes = found.plot()
    axes.figure.canvas.draw()
    assert len(axes.collections) == 3
    pyplot.close(axes.figure)


def test_each_theme_has_a_summary_of_its_own_documents(session: Session) -> None:
    told: list[tuple[int, int]] = []
    themes = session.themes(length=2, progress=lambda now: told.append((now.done, now.total)))
    assert isinstance(themes, Themes)
    assert len(themes) == 3
    assert told[0] == (0, 3)
    assert told[-1] == (3, 3)
    for theme in themes.themes:
        assert 1 <= len(theme.summary.sentences) <= 2
        assert {c.document_id for c in theme.summary.citations} <= set(theme.document_ids)
        assert valid(theme.summary, session)
    assert len(themes.df()) == 12
    assert themes.markdown().count("\n# ") == 2
    assert len(json.loads(json.dumps(themes.to_dict()))["themes"]) == 3
    used = [theme.summary.usage.prompt_tokens for theme in themes.themes]
    assert min(used) > 0
    assert max(used) < sum(used) / 2, "each theme tells what it took, not those before it as well"


def test_a_broken_reply_costs_its_own_theme_only(
    make_workbench: MakeWorkbench, tmp_path: Path
) -> None:
    def breaking(request: ChatRequest) -> str:
        return "" if "bread" in request.user else copying(request)

    session = topics(make_workbench(breaking).session("ana"), tmp_path)
    themes = session.themes(length=2)
    counts = sorted(len(theme.summary.sentences) for theme in themes.themes)
    assert counts[0] == 0
    assert counts[1] > 0
    assert "could be used" in themes.markdown()


def test_a_part_of_the_corpus_and_a_wanted_number(session: Session) -> None:
    infos = [info for info in session.documents() if not info.name.startswith("bread")]
    found = session.corpus_map(infos, count=1)
    assert (len(found), len(found.themes)) == (8, 1)


@pytest.mark.parametrize("count", [0, 13])
def test_a_number_out_of_range(session: Session, count: int) -> None:
    with pytest.raises(UsageError):
        session.corpus_map(count=count)


def test_an_empty_corpus_has_no_themes(make_workbench: MakeWorkbench) -> None:
    session = make_workbench(copying).session("ana")
    assert len(session.corpus_map()) == 0
    assert len(session.themes()) == 0
