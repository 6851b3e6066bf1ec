from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from docx import Document

from tests.tasks.test_summarise import INVENTED, TRUE, writes
from tests.workbenches import MakeWorkbench
from workbench.results import Summary
from workbench.results.summary import Sentence, Verdict
from workbench.values import Citation, Usage

HOSTILE = "<script>x</script> [a](javascript:b) | **c**"


def summary(style: str) -> Summary:
    citation = Citation("a<b>.md", "file:///a.md", None, 0, 5, HOSTILE, 1)
    return Summary(
        title=HOSTILE,
        style=style,
        focus="",
        sentences=(
            Sentence(HOSTILE, (citation,), Verdict.SUPPORTED, 0.9, section="One"),
            Sentence("Plain.", (citation,), Verdict.REPLACED, 1.0, section="Two", draft="Else."),
        ),
        removed=(Sentence("Gone.", (), Verdict.REMOVED, 0.0),),
        chunks=4,
        chunks_read=1,
        model="light",
        run_id="r",
        usage=Usage(),
        prompt_versions=(),
        corpus_version=1,
        created_at="2026-01-01T00:00:00+00:00",
    )


def test_text_of_documents_is_never_markup() -> None:
    made = summary("per-section")
    assert "<script>" not in made.html()
    assert "&lt;script&gt;" in made.html()
    assert "[a](javascript" not in made.markdown()
    assert "## One" in made.markdown()
    assert made.html().count("<h4>") == 2


def test_what_was_read_replaced_and_removed_is_told() -> None:
    told = str(summary("bullets"))
    assert "The model read 1 of 4 passages (25%), chosen from a ranking of all" in told
    assert "1 sentence given in the source's own words" in told
    assert "1 sentence removed for lack of a source" in told
    assert "- Plain. [1]" in told
    assert "Gone." not in summary("bullets").text


@pytest.mark.parametrize(
    ("chunks", "read", "told"),
    [
        (3_131, 24, "read 24 of 3,131 passages (0.8%), chosen from a ranking of all"),
        (7, 7, "read all 7 passages;"),
        (0, 0, "read 0 of 0 passages (0.0%);"),
    ],
)
def test_what_was_ranked_is_told_apart_from_what_was_read(
    chunks: int, read: int, told: str
) -> None:
    made = replace(summary("bullets"), chunks=chunks, chunks_read=read)
    assert told in str(made)


def test_a_sentence_tells_its_verdict_and_holds_only_with_a_source() -> None:
    made = summary("bullets")
    supported, replaced = made.sentences
    assert str(replaced) == "replaced: Plain. [a<b>.md, characters 0 to 5]"
    assert supported.holds
    assert not made.removed[0].holds
    assert not replace(supported, verdict=Verdict.REMOVED).holds
    assert str(made.removed[0]) == "removed: Gone."


def test_a_report_tells_what_was_read_and_removed_and_a_text_does_not() -> None:
    made = summary("brief")
    assert made.markdown().endswith("1 sentence removed for lack of a source.")
    assert "passages" not in made.text


@pytest.mark.parametrize(
    ("removed", "told"), [(True, "carry no sentence"), (False, "hold nothing")]
)
def test_an_empty_summary_says_so_everywhere(tmp_path: Path, removed: bool, told: str) -> None:
    made = replace(summary("brief"), sentences=())
    made = made if removed else replace(made, removed=())
    assert told in made.markdown()
    assert told in made.html()
    words = _words(made, tmp_path)
    assert told in words
    assert "Sources" not in words


def test_sentences_of_a_text_make_a_paragraph(tmp_path: Path) -> None:
    made = replace(summary("brief"), sentences=(summary("brief").sentences[1],) * 2)
    assert "Plain. [1] Plain. [1]" in _words(made, tmp_path)
    assert "Plain. [1]\nPlain. [1]" in _words(replace(made, style="bullets"), tmp_path)


def test_a_sentence_written_anew_says_so() -> None:
    made = summary("brief")
    again = replace(made.sentences[0], verdict=Verdict.REPAIRED)
    assert "Written anew after checking" in replace(made, sentences=(again,)).html()


def _words(made: Summary, folder: Path) -> str:
    target = folder / "summary.docx"
    target.write_bytes(made.docx())
    return "\n".join(paragraph.text for paragraph in Document(str(target)).paragraphs)


def test_exports(make_workbench: MakeWorkbench, folder: Path, tmp_path: Path) -> None:
    session = make_workbench(writes(TRUE, INVENTED)).session("ana")
    session.ingest(folder)
    summary = session.summarise(style="bullets")
    assert summary.df()["verdict"].tolist() == ["supported", "removed"]
    assert summary.arrow().num_rows == 2
    assert summary.html().startswith("<!doctype html>")
    assert summary.to_dict()["sentences"][0]["text"] == TRUE
    words = _words(summary, tmp_path)
    assert f"{TRUE} [1]" in words
    assert INVENTED not in words
