from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.workbenches import MakeWorkbench
from workbench.errors import InvalidReply, UsageError
from workbench.models.fake import FakeServer
from workbench.models.messages import ChatRequest
from workbench.prompts.registry import load_prompt
from workbench.results.summary import Sentence, Summary, SummaryProgress, Verdict

TRUE = "Employees earn 4 hours of sick leave per pay period."
FALSE_NUMBER = "Employees earn 9 hours of sick leave per pay period."
INVENTED = "Dragons guard the travel portal since the Middle Ages."


def writes(*sentences: str) -> object:
    """A model that writes these sentences."""
    return lambda request: "\n".join(sentences)


def copying(request: ChatRequest) -> str:
    """A model that copies the first sentence of every passage or point, if there is one."""
    if request.prompt_version.startswith("summary_merge"):
        return "\n".join(re.findall(r"^\[\d+\] (.+)$", request.user, re.M))
    text = request.user.partition("Text:\n")[2].rpartition("\n\nSummarise")[0]
    blocks = [re.sub(r"\A#.*\n?", "", block) for block in text.split("\n\n")]
    firsts = [re.match(r"\S.*?[.](?=\s|\Z)", block, re.S) for block in blocks]
    copied = [" ".join(first.group().split()) for first in firsts if first]
    return "\n".join(copied) or "The text holds nothing."


@pytest.fixture
def long_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "long"
    folder.mkdir()
    for name in ("north", "south"):
        parts = []
        for number in range(40):
            parts.append(
                f"## Part {number}\n\nThe {name} office opened branch {number} in {1960 + number}. "
                + f"It sells item {number} to customers of that region. " * 8
            )
        (folder / f"{name}.md").write_text(f"# {name}\n\n" + "\n\n".join(parts), encoding="utf-8")
    return folder


def valid(summary: Summary, session: object) -> bool:
    return all(
        session.document(c.document_id).text[c.start : c.end] == c.quote  # type: ignore[attr-defined]
        for c in summary.citations
    )


def test_every_sentence_has_its_source_and_the_rest_is_shown_as_removed(
    make_workbench: MakeWorkbench, folder: Path
) -> None:
    session = make_workbench(writes(TRUE, INVENTED)).session("ana")
    session.ingest(folder)
    summary = session.summarise(style="bullets")
    assert [sentence.text for sentence in summary.sentences] == [TRUE]
    assert summary.sentences[0].verdict is Verdict.SUPPORTED
    assert [sentence.text for sentence in summary.removed] == [INVENTED]
    assert valid(summary, session)
    assert summary.coverage == 1
    assert INVENTED not in summary.text
    assert INVENTED in summary._repr_html_()


def test_a_wrong_number_gives_way_to_the_sources_words(
    make_workbench: MakeWorkbench, folder: Path
) -> None:
    session = make_workbench(writes(FALSE_NUMBER)).session("ana")
    session.ingest(folder)
    [sentence] = session.summarise(style="bullets").sentences
    assert (sentence.text, sentence.verdict, sentence.draft) == (
        TRUE,
        Verdict.REPLACED,
        FALSE_NUMBER,
    )


def test_where_nothing_holds_the_source_speaks_itself_unless_it_was_asked_something(
    make_workbench: MakeWorkbench, folder: Path
) -> None:
    vague = "Leave is a matter that dragons guard since the Middle Ages in every single country."
    session = make_workbench(writes(vague)).session("ana")
    session.ingest(folder / "leave.md")
    summary = session.summarise(style="bullets")
    assert [sentence.verdict for sentence in summary.sentences] == [Verdict.REPLACED]
    assert "leave" in summary.sentences[0].text.casefold()
    assert summary.removed == ()
    assert valid(summary, session)
    asked = session.summarise(style="bullets", focus="sick leave")
    assert (asked.sentences, [sentence.text for sentence in asked.removed]) == ((), [vague])


def test_what_gives_way_to_the_same_words_is_shown_as_removed_but_once(
    make_workbench: MakeWorkbench, long_folder: Path
) -> None:
    written = [
        f"Dragons guard {what} since the Middle Ages in every single far land of north office."
        for what in ("portals", "castles")
    ]
    session = make_workbench(writes(*written)).session("ana")
    session.ingest(long_folder / "north.md")
    summary = session.summarise(style="bullets", length=4)
    assert {sentence.verdict for sentence in summary.sentences} == {Verdict.REPLACED}
    texts = [sentence.text for sentence in summary.sentences]
    assert len(set(texts)) == len(texts)
    told = {sentence.draft for sentence in summary.sentences}
    assert told | {sentence.text for sentence in summary.removed} == set(written)
    assert not told & {sentence.text for sentence in summary.removed}


def test_marks_of_the_prompt_are_no_part_of_a_sentence(
    make_workbench: MakeWorkbench, folder: Path
) -> None:
    session = make_workbench(writes(f"Source: {TRUE}", f"[1] {TRUE}")).session("ana")
    session.ingest(folder)
    assert {s.text for s in session.summarise(style="bullets").sentences} == {TRUE}


def test_the_request_copied_is_no_sentence(make_workbench: MakeWorkbench, folder: Path) -> None:
    session = make_workbench(writes("Earning sick leave, in at most 7 sentences.", TRUE)).session(
        "ana"
    )
    session.ingest(folder / "leave.md")
    summary = session.summarise(style="bullets", focus="Earning sick leave")
    assert [sentence.text for sentence in summary.sentences] == [TRUE]
    assert summary.removed == ()
    assert "in at most $count" in load_prompt("summary").user


@pytest.mark.parametrize("style", ["brief", "bullets", "executive", "timeline", "per-section"])
def test_styles(make_workbench: MakeWorkbench, long_folder: Path, style: str) -> None:
    session = make_workbench(copying).session("ana")
    session.ingest(long_folder)
    summary = session.summarise(style=style)
    assert summary.sentences
    assert all(sentence.citations for sentence in summary.sentences)
    assert valid(summary, session)
    assert 0 < summary.coverage < 1
    assert len(summary.documents) == 2
    if style == "timeline":
        years = [re.findall(r"\b\d{4}\b", sentence.text)[0] for sentence in summary.sentences]
        assert years == sorted(years)
    if style == "per-section":
        assert len({sentence.section for sentence in summary.sentences}) > 10


def test_length_and_focus(make_workbench: MakeWorkbench, folder: Path) -> None:
    server = FakeServer(copying)
    session = make_workbench(server=server).session("ana")
    session.ingest(folder)
    summary = session.summarise(style="bullets", length=1, focus="sick leave of jane@example.org")
    assert len(summary.sentences) == 1
    assert "sick leave" in summary.sentences[0].text
    assert all("jane@example.org" not in request.user for request in server.requests)


@pytest.mark.parametrize("length", [1, 2])
def test_a_short_document_keeps_to_the_length_as_well(
    make_workbench: MakeWorkbench, folder: Path, length: int
) -> None:
    session = make_workbench(writes(TRUE, "Annual leave depends on years of service.")).session("a")
    session.ingest(folder / "leave.md")
    assert len(session.summarise(style="brief", length=length).sentences) == length


def test_a_second_summary_asks_no_model(make_workbench: MakeWorkbench, folder: Path) -> None:
    server = FakeServer(copying)
    session = make_workbench(server=server).session("ana")
    session.ingest(folder)
    first = session.summarise(style="bullets")
    calls = len(server.requests)
    again = session.summarise(style="bullets")
    assert len(server.requests) == calls
    assert again.sentences == first.sentences


def test_targets(make_workbench: MakeWorkbench, folder: Path) -> None:
    session = make_workbench(copying).session("ana")
    session.ingest(folder)
    info = next(info for info in session.documents() if info.name == "badges.md")
    for target in (info, info.id, [info], session.search("badges every Wednesday", 1)):
        summary = session.summarise(target)
        assert summary.title == "badges.md"
        assert "Wednesday" in summary.text


def test_nothing_to_summarise(make_workbench: MakeWorkbench) -> None:
    summary = make_workbench(copying).session("ana").summarise()
    assert summary.sentences == ()
    assert summary.coverage == 0


@pytest.mark.parametrize(
    "wanted", [{"style": "haiku"}, {"length": 0}, {"focus": "x" * 9_000}, {"coverage": 1.5}]
)
def test_bad_wishes(make_workbench: MakeWorkbench, folder: Path, wanted: dict[str, object]) -> None:
    session = make_workbench(copying).session("ana")
    session.ingest(folder)
    with pytest.raises(UsageError):
        session.summarise(**wanted)  # type: ignore[arg-type]


def test_a_broken_reply_costs_its_own_passages_only(
    make_workbench: MakeWorkbench, long_folder: Path
) -> None:
    def breaking(request: ChatRequest) -> str:
        if "branch 3 in" in request.user and request.prompt_version.startswith("summary@"):
            return ""
        return copying(request)

    session = make_workbench(breaking).session("ana")
    session.ingest(long_folder)
    summary = session.summarise(style="per-section")
    assert summary.sentences
    assert summary.chunks_lost > 0
    assert "lost to a broken reply" in str(summary)
    assert "branch 3 in" not in summary.text
    with pytest.raises(InvalidReply):
        make_workbench(lambda _: "").session("ana").summarise(style="bullets")


def test_a_broken_joining_leaves_the_points(
    make_workbench: MakeWorkbench, long_folder: Path
) -> None:
    def breaking(request: ChatRequest) -> str:
        merging = request.prompt_version.startswith("summary_merge")
        return "" if merging else copying(request)

    session = make_workbench(breaking).session("ana")
    session.ingest(long_folder)
    summary = session.summarise(style="brief", length=3)
    assert len(summary.sentences) == 3
    assert valid(summary, session)


def test_sentences_come_one_by_one_with_their_verdict_and_the_summary_last(
    make_workbench: MakeWorkbench, folder: Path
) -> None:
    server = FakeServer(writes(TRUE, INVENTED))
    session = make_workbench(server=server).session("ana")
    session.ingest(folder / "leave.md")
    stream = session.summarise_stream(style="bullets")
    first = next(stream)
    assert isinstance(first, SummaryProgress)
    assert (first.done, first.total, first.passages, first.remaining_s) == (0, 1, 1, None)
    assert server.requests == []
    *told, last = stream
    sentences = [part for part in told if isinstance(part, Sentence)]
    assert [(s.text, s.verdict, s.holds) for s in sentences] == [
        (TRUE, Verdict.SUPPORTED, True),
        (INVENTED, Verdict.REMOVED, False),
    ]
    assert isinstance(last, Summary)
    assert last.sentences == (sentences[0],)
    assert last.removed == (sentences[1],)


def test_a_sentence_is_told_before_the_next_prompt_is_asked(
    make_workbench: MakeWorkbench, long_folder: Path
) -> None:
    server = FakeServer(copying)
    session = make_workbench(server=server).session("ana")
    session.ingest(long_folder)
    stream = session.summarise_stream(style="bullets")
    for part in stream:
        if isinstance(part, Sentence):
            break
    written = [r for r in server.requests if r.prompt_version.startswith("summary@")]
    assert len(written) == 1
    stream.close()
    later = [r for r in server.requests if r.prompt_version.startswith("summary@")]
    assert later == written
    told = session.sql("SELECT outcome FROM runs WHERE resource = 'summarise'").to_dict()["rows"]
    assert [row["outcome"] for row in told] != ["ok"]
    assert len(told) == 1


@pytest.mark.parametrize("style", ["brief", "timeline", "per-section"])
def test_nothing_stands_in_the_summary_that_was_not_told_as_held(
    make_workbench: MakeWorkbench, long_folder: Path, style: str
) -> None:
    session = make_workbench(copying).session("ana")
    session.ingest(long_folder)
    *told, summary = session.summarise_stream(style=style)
    assert isinstance(summary, Summary)
    held = {part for part in told if isinstance(part, Sentence) and part.holds}
    assert set(summary.sentences) <= held
    progress = [part for part in told if isinstance(part, SummaryProgress)]
    assert [part.done for part in progress] == list(range(progress[0].total + 1))
    assert progress[1].remaining_s is not None
    joining = [number for number, part in enumerate(told) if getattr(part, "joining", False)]
    assert len(joining) == (style == "brief")
    if joining:
        joined = {part for part in told[joining[0] :] if isinstance(part, Sentence)}
        assert set(summary.sentences) <= joined


def test_sentences_that_differ_in_a_number_are_no_repetitions(
    make_workbench: MakeWorkbench, tmp_path: Path
) -> None:
    years = [f"The harbour office sold tickets for {n} million in {2018 + n}." for n in range(1, 5)]
    path = tmp_path / "sales.md"
    others = [f"Cats number {n} sleep." for n in range(8)]
    path.write_text("# Sales\n\n" + " ".join([*years, *others]), encoding="utf-8")
    again = "The harbour office sold tickets for 1 million."
    session = make_workbench(writes(*years, again)).session("ana")
    session.ingest(path)
    summary = session.summarise(style="timeline")
    assert [sentence.text for sentence in summary.sentences] == years


def test_a_hit_is_a_target(make_workbench: MakeWorkbench, folder: Path) -> None:
    session = make_workbench(writes(TRUE)).session("ana")
    session.ingest(folder)
    hit = session.search("sick leave")[0]
    assert session.summarise(hit).title == hit.document


@pytest.mark.parametrize("verb", ["summarise", "corpus_map", "themes"])
@pytest.mark.parametrize("target", [999, [1, 999], "leave.md", [None], {"a": 1}])
def test_what_is_no_document_is_refused(
    make_workbench: MakeWorkbench, folder: Path, verb: str, target: object
) -> None:
    session = make_workbench(writes(TRUE)).session("ana")
    session.ingest(folder)
    with pytest.raises(UsageError, match=r"no such document|nothing that can be summarised"):
        getattr(session, verb)(target)
