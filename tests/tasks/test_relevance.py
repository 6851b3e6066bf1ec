from __future__ import annotations

from collections.abc import Callable

import pytest

from workbench.config import ModelsConfig
from workbench.guard.budget import Budget
from workbench.guard.policy import Action
from workbench.guard.run import Run
from workbench.models.fake import FakeServer
from workbench.models.governed import Models, NoCache
from workbench.tasks.relevance import FOCUS_NEAR, NEAR, is_about, is_answerable
from workbench.values import Actor, Chunk, Hit, Scope


def hit(similarity: float | None, text: str = "Parking is free on Sundays.") -> Hit:
    chunk = Chunk(0, 0, len(text), text, heading="Hours")
    return Hit(chunk, "doc", "file:///doc", "internal", 1.0, similarity=similarity)


Judge = Callable[..., tuple[bool, int]]


@pytest.fixture
def judge() -> Judge:
    """The decision, and how many model calls it took."""

    def decide(verdict: str, *hits: Hit) -> tuple[bool, int]:
        server = FakeServer(lambda request: verdict)
        models = Models(server, ModelsConfig(), NoCache())
        actor = Actor("ana", "analyst", Scope(unrestricted=True))
        run = Run(actor, Action.ASK, actor.scope, Budget(10_000, 60))
        found = is_answerable(run, models, "When does it open?", hits, model="light")
        return found, len(server.requests)

    return decide


def test_far_passages_cost_no_model_call(judge: Judge) -> None:
    assert judge("yes") == (False, 0)
    assert judge("yes", hit(NEAR - 0.01)) == (False, 0)
    assert judge("yes", hit(None)) == (False, 0)


def test_near_passages_need_no_verdict(judge: Judge) -> None:
    assert judge("no", hit(NEAR)) == (True, 0)
    assert judge("no", hit(0.1), hit(NEAR + 0.1)) == (True, 0)


@pytest.mark.parametrize(
    ("verdict", "expected"), [("yes", True), ("Yes.", True), ("no", False), ("", False)]
)
def test_shared_words_are_worth_a_verdict_however_far(
    judge: Judge, verdict: str, expected: bool
) -> None:
    row = hit(0.1, "Question: when does the shop open; Answer: at nine")
    assert judge(verdict, hit(0.2), row) == (expected, 1)


def test_a_topic_may_be_farther_away_than_a_question_or_share_its_words() -> None:
    far = [hit(None, "Employees earn 4 hours of sick leave."), hit(None, "Badges are blue.")]
    assert is_about("penguins", [0.1, FOCUS_NEAR], far)
    assert not is_about("penguins", [0.1, 0.2], far)
    assert is_about("hours of sick leave", [0.1, 0.2], far)
    assert not is_about("penguins", [], [])
