from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from workbench import cli
from workbench.models import server


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty models home, and no model server on this machine."""
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("OLLAMA_HOST", raising=False)
    monkeypatch.setattr(server, "OLLAMA_ADDRESS", "http://127.0.0.1:9")
    return tmp_path / "home"


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(cli.app, ["models", *arguments])
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.usefixtures("home")
def test_the_catalogue_is_listed_with_sizes_and_licences() -> None:
    code, out, _ = run("list", "--json")
    assert code == 0
    rows = {row["name"]: row for row in json.loads(out)}
    assert rows["qwen2.5-coder:1.5b"]["alias"] == "default"
    assert rows["qwen2.5-coder:0.5b"]["size"] == 491_400_064
    assert not any(row["present"] for row in rows.values())
    _, text, _ = run("list")
    assert "absent" in text


@pytest.mark.usefixtures("home")
def test_status_starts_nothing() -> None:
    code, out, _ = run("status")
    assert code == 0
    assert "no model server runs" in out
    _, out, _ = run("status", "--json")
    assert json.loads(out)["address"] is None


def test_a_local_file_of_another_digest_is_refused(home: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.gguf"
    wrong.write_bytes(b"not a model")
    code, _, err = run("pull", "light", "--from", str(wrong))
    assert code == 1
    assert err.startswith("error:")
    assert not list(home.rglob("*.gguf"))


@pytest.mark.usefixtures("home")
def test_an_unknown_model_is_one_clear_line() -> None:
    code, _, err = run("pull", "no-such-model")
    assert code == 1
    assert "no-such-model" in err
    assert len(err.strip().splitlines()) == 1
