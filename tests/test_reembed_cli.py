from __future__ import annotations

import json

from typer.testing import CliRunner

from tests.workbenches import MakeWorkbench
from workbench.cli import app


def test_it_tells_what_it_did(make_workbench: MakeWorkbench, folder, tmp_path, monkeypatch) -> None:
    workbench = make_workbench()
    workbench.session("local").ingest(folder)
    monkeypatch.setattr("workbench.reembed_cli.open_workbench", lambda _: workbench)
    place = ["--workspace", str(tmp_path / "workspace"), "reembed"]
    plain = CliRunner().invoke(app, place)
    assert (plain.exit_code, "already" in plain.stdout) == (0, True)
    found = json.loads(CliRunner().invoke(app, [*place, "--json"]).stdout)
    assert (found["chunks"], found["documents"]) == (0, 0)
