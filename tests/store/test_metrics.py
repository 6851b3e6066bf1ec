from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.test_session_verbs import QUESTION, replied
from tests.workbenches import MakeWorkbench
from workbench.config import ActorConfig, Config
from workbench.errors import AccessDenied, BudgetExceeded, UsageError
from workbench.guard.policy import Action

CONFIG = Config(
    actors={
        "root": ActorConfig(role="admin", labels=("*",)),
        "eve": ActorConfig(role="viewer", labels=("*",)),
    }
)


def test_runs_are_counted_by_action(make_workbench: MakeWorkbench, folder: Path) -> None:
    workbench = make_workbench(replied, config=CONFIG)
    root, eve = workbench.session("root"), workbench.session("eve")
    root.ingest(folder)
    eve.ask(QUESTION)
    eve.ask(QUESTION)
    with pytest.raises(AccessDenied):
        eve.sql("SELECT 1")
    with pytest.raises(UsageError):
        eve.ask("")
    metrics = root.metrics()
    counted = metrics.df().set_index("action")
    assert counted["runs"].to_dict() == {"ask": 3, "ingest": 1, "sql": 1}
    assert counted.loc["sql", "denied"] == 1
    assert counted.loc["ask", "failed"] == 1
    assert counted.loc["ask", "output_tokens"] > 0
    assert counted.loc["ask", "cache_hits"] > 0
    assert counted.loc["ask", "seconds_p95"] >= counted.loc["ask", "seconds_p50"] > 0
    assert metrics.cache_hit_share is not None
    assert 0 < metrics.cache_hit_share < 1
    assert "5 runs ever" in str(metrics)
    assert metrics._repr_html_().startswith("<")
    assert json.dumps(metrics.to_dict())
    assert root.metrics(days=1).df()["runs"].sum() == 6
    assert root.metrics(days=0).df().empty


def test_an_empty_workspace_is_counted(make_workbench: MakeWorkbench) -> None:
    metrics = make_workbench(config=CONFIG).session("root").metrics()
    assert (metrics.actions, metrics.cache_hit_share) == ((), None)


def test_only_an_admin_counts(make_workbench: MakeWorkbench) -> None:
    workbench = make_workbench(config=CONFIG)
    with pytest.raises(AccessDenied):
        workbench.session("eve").metrics()
    root = workbench.session("root")
    with pytest.raises(UsageError, match="days"):
        root.metrics(days=-1)
    with (
        workbench.guard.open(root.actor, Action.AUDIT) as run,
        pytest.raises(AccessDenied, match="may not count"),
    ):
        workbench.corpus.counters.metrics(run, days=None)


def test_a_day_is_bounded_across_restarts(make_workbench: MakeWorkbench, folder: Path) -> None:
    eve = ActorConfig(role="viewer", labels=("*",), max_tokens_per_day=900)
    config = Config(actors={"root": CONFIG.actors["root"], "eve": eve})
    make_workbench(replied, config=config).session("root").ingest(folder)

    def ask_on() -> int:
        for number in range(20):
            eve = make_workbench(replied, config=config).session("eve")
            try:
                eve.ask(f"{QUESTION} ({number})")
            except BudgetExceeded as error:
                return number if "left of the day" in str(error) else 0
        return 20

    assert 0 < ask_on() < 20
    assert make_workbench(replied, config=config).session("root").ask(QUESTION).claims
    assert make_workbench(replied, config=config).session("eve").documents()


def test_everybody_sees_the_own_activity_and_an_admin_all(
    make_workbench: MakeWorkbench, folder: Path
) -> None:
    workbench = make_workbench(replied, config=CONFIG)
    root, eve = workbench.session("root"), workbench.session("eve")
    root.ingest(folder)
    eve.feedback(eve.ask(QUESTION).id, False, "Too short.")
    root.feedback(root.ask("Who makes the badges?").id, True)
    own, everything = eve.activity(), root.activity(everybody=True)
    assert {action.action for action in own.actions} == {"ask", "feedback"}
    assert (own.runs, own.everybody) == (2, False)
    assert [(step.actor, step.action) for step in own.latest] == [
        ("eve", "feedback"),
        ("eve", "ask"),
    ]
    assert own.tokens > 0
    assert [(day.runs, day.tokens) for day in own.days] == [(2, own.tokens)]
    assert [(one.question, one.good, one.reason) for one in own.judgements] == [
        (QUESTION, False, "Too short.")
    ]
    assert own.cache_hit_share == 0
    assert "2 runs and" in str(own)
    assert own._repr_html_().startswith("<")
    assert json.dumps(own.to_dict())
    assert {one.actor for one in everything.judgements} == {"root", "eve"}
    assert {step.actor for step in everything.latest} == {"root", "eve"}
    assert not {step.actor for step in root.activity().latest} & {"eve"}
    with pytest.raises(AccessDenied):
        eve.activity(everybody=True)
    with pytest.raises(UsageError):
        eve.activity(days=0)
