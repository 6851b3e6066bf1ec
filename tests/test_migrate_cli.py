from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.workbenches import MakeWorkbench
from workbench import cli
from workbench.config import ActorConfig, Config, StoreConfig
from workbench.errors import AccessDenied
from workbench.results import MigrationReport, MovedVectors


@pytest.mark.slow
def test_the_command_copies_and_the_configuration_moves_the_search(
    make_workbench: MakeWorkbench,
    folder: Path,
    tmp_path: Path,
    server_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here = make_workbench()
    session = here.session("ana")
    session.ingest(folder)
    monkeypatch.setattr("workbench.migrate_cli.open_workbench", lambda _: here)
    arguments = ["--workspace", str(tmp_path / "workspace"), "migrate", "--to", server_url]
    done = CliRunner().invoke(cli.app, [*arguments, "--json"])
    assert done.exit_code == 0, done.output
    report = json.loads(done.output)
    assert [one["chunks"] for one in report["moved"]] == [
        sum(info.chunks for info in session.documents())
    ]
    assert "sample queries find the same ten" in CliRunner().invoke(cli.app, arguments).output

    there = make_workbench(config=Config(store=StoreConfig(url=server_url)))
    for mode in ("vector", "hybrid"):
        ours = session.search("new badges", mode=mode).hits
        theirs = there.session("ana").search("new badges", mode=mode).hits
        assert [hit.chunk for hit in theirs] == [hit.chunk for hit in ours]
    (folder / "later.md").write_text("Badges are returned on the last day.", encoding="utf-8")
    there.session("ana").ingest(folder)
    found = there.session("ana").search("returned on the last day", mode="vector").hits
    assert found[0].document == "later.md"
    there.close()


def test_only_an_admin_of_all_labels_migrates(make_workbench: MakeWorkbench, folder: Path) -> None:
    actors = {
        "ana": ActorConfig(role="analyst", labels=("*",)),
        "adm": ActorConfig(role="admin", labels=("hr",)),
    }
    workbench = make_workbench(config=Config(actors=actors))
    workbench.session("ana").ingest(folder)
    for actor in actors:
        with pytest.raises(AccessDenied):
            workbench.session(actor).migrate("qdrant:///nowhere")


def test_a_wrong_address_is_one_line(tmp_path: Path) -> None:
    arguments = ["--workspace", str(tmp_path / "w"), "migrate", "--to", "mysql://host"]
    done = CliRunner().invoke(cli.app, arguments)
    assert done.exit_code == 1
    assert "no known kind" in done.output


def test_a_report_is_a_table() -> None:
    moved = MovedVectors("m", 5, 3, "ab", 20, 0.0)
    report = MigrationReport("qdrant://host:6333", 7, (moved, moved), 1.5, "run")
    assert report.df()["chunks"].tolist() == [5, 5]
    assert str(report).startswith("10 vectors of 2 models at qdrant://host:6333")
