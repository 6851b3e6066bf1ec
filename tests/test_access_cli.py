from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.workbenches import MakeWorkbench
from workbench import access_cli
from workbench.cli import app
from workbench.config import ActorConfig, Config

CONFIG = Config(
    actors={
        "root": ActorConfig(role="admin", labels=("*",)),
        "eve": ActorConfig(role="viewer"),
    }
)


def test_access_is_granted_listed_and_revoked(
    make_workbench: MakeWorkbench, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workbench = make_workbench(config=CONFIG)
    workbench.session("root").ingest(folder)
    monkeypatch.setattr(access_cli, "open_workbench", lambda _: workbench)

    def run(*words: str, actor: str = "root") -> tuple[int, str]:
        done = CliRunner().invoke(app, ["--actor", actor, "access", *words])
        return done.exit_code, done.output

    code, output = run("grant", "eve", "1")
    assert (code, "eve may read" in output) == (0, True)
    assert len(workbench.session("eve").documents()) == 1
    code, output = run("list", "--json")
    assert [row["actor"] for row in json.loads(output)["rows"]] == ["eve"]
    assert "eve" in run("list")[1]
    assert run("revoke", "eve", "1")[0] == 0
    assert workbench.session("eve").documents() == []
    assert run("revoke", "eve", "1")[0] == 2
    assert run("grant", "eve", "1", actor="eve")[0] == 1
