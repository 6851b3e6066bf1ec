from __future__ import annotations

import inspect
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.test_session_verbs import QUESTION, VERBS, replied
from tests.workbenches import MakeWorkbench
from workbench import open_workbench
from workbench.config import ActorConfig, BudgetConfig, Config, ModelsConfig
from workbench.errors import AccessDenied, BudgetExceeded, ConfigError, UsageError
from workbench.guard.cache import ReplyCache
from workbench.models.fake import FakeServer
from workbench.models.governed import Models
from workbench.results import ItemStatus
from workbench.store.corpus import Corpus
from workbench.workbench import Workbench


def test_what_touches_data_demands_a_run() -> None:
    free = {"health", "digest", "digest_if_running", "available", "close", "resolve"}
    for kind in (Corpus, Models):
        for name, method in inspect.getmembers(kind, inspect.isfunction):
            if name.startswith("_") or name in free:
                continue
            run = list(inspect.signature(method).parameters.values())[1]
            assert (run.name, run.default) == ("run", inspect.Parameter.empty), name


def test_a_run_that_was_kept_opens_no_door(make_workbench: MakeWorkbench, folder: Path) -> None:
    from workbench.guard.policy import Action

    workbench = make_workbench()
    session = workbench.session("ana")
    session.ingest(folder)
    with workbench.guard.open(session.actor, Action.SEARCH) as run:
        assert workbench.corpus.documents(run)
    with pytest.raises(AccessDenied, match="ended"):
        workbench.corpus.documents(run)
    with pytest.raises(AccessDenied, match="ended"):
        workbench.models.embed(run, ["text"])


def test_a_small_budget_stops_the_model_call(make_workbench: MakeWorkbench, folder: Path) -> None:
    config = Config(budget=BudgetConfig(max_tokens=50))
    session = make_workbench(replied, config=config).session("ana")
    session.ingest(folder)
    with pytest.raises(BudgetExceeded):
        session.ask(QUESTION)
    outcomes = session.sql("SELECT outcome, detail FROM runs WHERE action = 'ask'").df()
    assert outcomes.to_numpy().tolist() == [["failed", "BudgetExceeded"]]


def test_settings_come_from_the_workspace(tmp_path: Path) -> None:
    (tmp_path / "workbench.toml").write_text('[models]\nchat = "light"\n', encoding="utf-8")
    assert open_workbench(tmp_path, env={}).config.models.chat == "light"
    (tmp_path / "workbench.toml").write_text("[models]\nchatt = 1\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="chatt"):
        open_workbench(tmp_path, env={})


def test_opening_writes_nothing(tmp_path: Path) -> None:
    session = open_workbench(tmp_path / "new", env={}).session("ana")
    assert session.actor.name == "ana"
    assert not (tmp_path / "new").exists()


def test_a_closed_workbench_opens_again(make_workbench: MakeWorkbench, folder: Path) -> None:
    workbench = make_workbench(replied)
    workbench.close()
    session = workbench.session("ana")
    session.ingest(folder)
    workbench.close()
    assert session.ask(QUESTION).claims
    (folder / "new.txt").write_text("Parking is free on Sundays.", encoding="utf-8")
    assert session.ingest(folder).count(ItemStatus.ADDED) == 1


def test_an_endless_query_is_refused(make_workbench: MakeWorkbench) -> None:
    with pytest.raises(UsageError, match="too long"):
        make_workbench().session("ana").sql("SELECT 1 " + " " * 200_000)


def test_only_an_admin_reads_the_audit(make_workbench: MakeWorkbench, folder: Path) -> None:
    roles = ("viewer", "analyst", "admin")
    actors = {role: ActorConfig(role=role, labels=("*",)) for role in roles}
    workbench = make_workbench(config=Config(actors=actors))
    workbench.session("analyst").ingest(folder)
    for role in ("viewer", "analyst"):
        for verb in ("verify_audit", "export_audit"):
            with pytest.raises(AccessDenied, match="may not audit"):
                VERBS[verb](workbench.session(role), folder)
    admin = workbench.session("admin")
    # The ingest and four denials; the check's own row comes after.
    check = admin.verify_audit()
    assert check.df().to_dict("records") == [
        {"intact": True, "rows": 5, "first_broken": None, "head": check.head}
    ]
    exported = admin.export_audit().df()
    assert exported["outcome"].tolist() == ["done", *["denied"] * 4, "done"]
    assert exported["hash"][4] == check.head


def test_without_actors_everybody_may_audit(make_workbench: MakeWorkbench) -> None:
    assert make_workbench().session().verify_audit().intact


def test_an_unknown_home_is_a_missing_path(make_workbench: MakeWorkbench, folder: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        make_workbench().session("ana").ingest("~nobody-of-this-name/documents")
    assert open_workbench("~nobody-of-this-name").folder.name == "~nobody-of-this-name"


def test_threads_that_come_at_once_enter_the_same_room(tmp_path: Path) -> None:
    made: list[Models] = []

    def connect(cache: ReplyCache) -> Models:
        time.sleep(0.05)
        made.append(Models(FakeServer(), ModelsConfig(), cache))
        return made[-1]

    workbench = Workbench(tmp_path, Config(), {}, connect_models=connect)
    with ThreadPoolExecutor(8) as pool:
        rooms = list(pool.map(lambda _: workbench.models, range(8)))
    assert len(made) == 1
    assert {id(room) for room in rooms} == {id(made[0])}
