"""What is taken from a model's reply."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tasks.test_summarise import TRUE
from tests.workbenches import MakeWorkbench
from workbench.errors import InvalidReply
from workbench.models.fake import FakeServer
from workbench.models.messages import ChatRequest

OTHER = "Annual leave depends on years of service."


@pytest.mark.parametrize(
    "reply",
    [
        f"{TRUE} {OTHER}",
        f"- {TRUE}\n- {OTHER}",
        f"1. {TRUE}\n2. {OTHER}\n",
        f"# Summary\n\n{TRUE}\n\n{OTHER}",
        f"{TRUE} {OTHER} Employees who",
        f"The text states that {TRUE[0].lower()}{TRUE[1:]} {OTHER}",
    ],
)
def test_prose_and_lists_are_read_as_sentences(
    make_workbench: MakeWorkbench, folder: Path, reply: str
) -> None:
    session = make_workbench(lambda _: reply).session("ana")
    session.ingest(folder / "leave.md")
    summary = session.summarise(style="bullets")
    assert {TRUE, OTHER} <= {s.draft or s.text for s in (*summary.sentences, *summary.removed)}
    assert "Employees who" not in summary.text


def test_no_more_sentences_are_taken_than_were_asked_for(
    make_workbench: MakeWorkbench, folder: Path
) -> None:
    def asked(request: ChatRequest) -> str:
        return f"{TRUE}\n{OTHER}"

    server = FakeServer(asked)
    session = make_workbench(server=server).session("ana")
    session.ingest(folder / "leave.md")
    summary = session.summarise(style="bullets", length=1)
    assert len(summary.sentences) + len(summary.removed) == 1
    assert "in at most one sentence." in server.requests[0].user
    assert server.requests[0].schema is None


@pytest.mark.parametrize("reply", [" \n", "[1]", "#"])
def test_a_reply_without_a_sentence_is_an_error(
    make_workbench: MakeWorkbench, folder: Path, reply: str
) -> None:
    session = make_workbench(lambda _: reply).session("ana")
    session.ingest(folder / "leave.md")
    with pytest.raises(InvalidReply, match="wrote no sentence"):
        session.summarise(style="bullets")
