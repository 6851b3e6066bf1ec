from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.tasks.vaults import vaulted
from workbench import vault_cli
from workbench.cli import app
from workbench.masking.vault_keys import parsed

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Run a command as root on a workspace that names Mr Tommy Smith."""
    workbench = vaulted(tmp_path / "workspace")
    (tmp_path / "a.txt").write_text("Mr Tommy Smith books flights.", encoding="utf-8")
    workbench.session("root").ingest(tmp_path / "a.txt")
    monkeypatch.setattr(vault_cli, "open_workbench", lambda _: workbench)

    def run(*words: str, stdin: str = "", actor: str = "root") -> tuple[int, str, str]:
        done = CliRunner().invoke(app, ["--actor", actor, *words], input=stdin)
        return done.exit_code, done.stdout, done.stderr

    return run


def test_a_text_is_revealed(call: Call) -> None:
    assert call("reveal", "Dear <PERSON_1>") == (0, "Dear Tommy Smith\n", "1 revealed, 0 kept\n")
    assert call("reveal", stdin="Dear <PERSON_1>\n")[1] == "Dear Tommy Smith\n"
    assert json.loads(call("reveal", "<PERSON_2>", "--json")[1])["hidden"] == 1
    code, output, error = call("reveal", "<PERSON_1>", actor="ana")
    assert (code, output) == (1, "")
    assert "may not reveal" in error


def test_somebody_is_forgotten(call: Call) -> None:
    code, output, _ = call("forget", "-", stdin="Tommy Smith\n\n")
    assert code == 0
    assert output.startswith("1 placeholders forgotten, 1 vault entries deleted, 1 documents")
    assert "a.txt" in output
    assert call("reveal", "Dear <PERSON_1>")[1] == "Dear <PERSON_1>\n"
    assert "nothing in this workspace" in call("forget", "Tommy Smith")[1]
    assert json.loads(call("forget", "--resume", "--json")[1])["placeholders"] == 0


def test_forgetting_nobody_is_bad_usage(call: Call) -> None:
    assert call("forget")[0] == 2
    assert call("forget", "Tommy Smith", "--resume")[0] == 2


def test_the_key_is_exchanged(call: Call, tmp_path: Path) -> None:
    before = (tmp_path / "vault.key").read_text()
    code, output, _ = call("vault", "rotate")
    assert (code, output.split()[0]) == (0, "1")
    assert (tmp_path / "vault.key").read_text() != before
    assert call("reveal", "<PERSON_1>")[1] == "Tommy Smith\n"


def test_a_new_key_is_a_key(call: Call) -> None:
    first, second = call("vault", "new-key")[1], call("vault", "new-key")[1]
    assert first != second
    assert len(parsed(first.strip(), "stdout")) == 1
