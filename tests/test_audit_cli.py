from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from workbench import cli
from workbench.store.corpus import Corpus

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    return tmp_path / "workspace"


@pytest.fixture
def call(workspace: Path) -> Call:
    """Run a command on the workspace, which has three audit rows; exit code, stdout, stderr."""

    def run(*arguments: str) -> tuple[int, str, str]:
        result = CliRunner().invoke(cli.app, ["--workspace", str(workspace), *arguments])
        return result.exit_code, result.stdout, result.stderr

    for _ in range(3):
        assert run("documents")[0] == 0
    return run


def damage(workspace: Path, statement: str) -> None:
    Corpus(workspace)._database.write(lambda c: c.execute(statement))


def test_an_intact_audit_is_told_with_its_head(call: Call) -> None:
    code, out, err = call("audit", "verify")
    assert (code, err) == (0, "")
    assert out.startswith("the audit is intact: 3 rows, head ")
    head = out.split()[-1]
    assert len(head) == 64
    _, out, _ = call("audit", "export")
    assert json.loads(out.splitlines()[2])["hash"] == head
    code, out, _ = call("audit", "verify", "--json")
    check = json.loads(out)
    # The check and the export were audited themselves.
    assert (code, check["intact"], check["rows"], check["first_broken"]) == (0, True, 5, None)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE store.runs SET actor = 'lokal' WHERE sequence = 2",
        "DELETE FROM store.runs WHERE sequence = 2",
    ],
)
def test_the_first_broken_row_is_one_line(call: Call, workspace: Path, statement: str) -> None:
    damage(workspace, statement)
    code, out, err = call("audit", "verify")
    assert (code, out) == (1, "")
    assert len(err.splitlines()) == 1
    assert err.startswith("error: the audit is broken at row 2")
    code, out, err = call("audit", "verify", "--json")
    assert code == 1
    assert json.loads(out)["first_broken"] == 2
    assert err


def test_an_audit_without_its_head_is_one_line(call: Call, workspace: Path) -> None:
    damage(workspace, "DELETE FROM store.audit_head")
    code, out, err = call("audit", "verify")
    assert (code, out, len(err.splitlines())) == (1, "", 1)
    assert "head is missing" in err


def test_exports_hold_every_row(call: Call, tmp_path: Path) -> None:
    lines, table = tmp_path / "audit.jsonl", tmp_path / "audit.csv"
    code, out, _ = call("audit", "export", "--out", str(lines))
    assert (code, out) == (0, f"3 rows in {lines}\n")
    previous = "0" * 64
    for line in lines.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        digest = row.pop("hash")
        text = json.dumps({**row, "previous": previous}, sort_keys=True, separators=(",", ":"))
        previous = hashlib.sha256(text.encode()).hexdigest()
        assert previous == digest
    assert call("audit", "export", "--out", str(table))[0] == 0
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["action"] for row in rows] == ["read", "read", "read", "audit"]
    assert rows[2]["hash"] == previous


def test_an_export_replaces_nothing(call: Call, tmp_path: Path) -> None:
    there = tmp_path / "audit.jsonl"
    there.write_text("evidence", encoding="utf-8")
    for out in (there, tmp_path / "no" / "folder.csv", tmp_path / "audit.xlsx"):
        code, _, err = call("audit", "export", "--out", str(out))
        assert (code, len(err.splitlines())) == (2, 1)
    assert there.read_text(encoding="utf-8") == "evidence"


def test_an_analyst_is_told_where_an_admin_is_configured(call: Call, workspace: Path) -> None:
    (workspace / "workbench.toml").write_text(
        '[actors.ana]\nrole = "analyst"\nlabels = ["*"]\n[actors.root]\nrole = "admin"\n',
        encoding="utf-8",
    )
    for verb in ("verify", "export"):
        code, out, err = call("--actor", "ana", "audit", verb)
        assert (code, out, len(err.splitlines())) == (1, "", 1)
        assert "role 'analyst' may not audit" in err
        assert "workbench.toml" in err
    assert call("--actor", "root", "audit", "verify")[0] == 0


def test_the_audit_is_counted(call: Call) -> None:
    assert "3 runs ever" in call("audit", "metrics")[1]
    [row] = json.loads(call("audit", "metrics", "--days", "1", "--json")[1])["actions"][1:]
    assert (row["action"], row["runs"]) == ("read", 3)
