from __future__ import annotations

from pathlib import Path

import pytest

from workbench.doctor import Check, examine
from workbench.masking.vault import VAULT_FILE, Vault
from workbench.masking.vault_keys import FileKeys, new_key, shown
from workbench.models import server


@pytest.fixture
def env(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.setattr(server, "OLLAMA_ADDRESS", "http://127.0.0.1:9")
    return {"WORKBENCH_HOME": str(tmp_path / "home")}


def by_name(checks: list[Check]) -> dict[str, Check]:
    return {check.name: check for check in checks}


def test_a_fresh_machine_is_told_what_to_fetch(tmp_path: Path, env: dict[str, str]) -> None:
    checks = by_name(examine(tmp_path / "workspace", env))
    assert checks["packages"].state == "ok"
    assert checks["masking"].state == "ok"
    assert checks["chat model"].state == "broken"
    assert checks["chat model"].mend == "workbench models pull qwen2.5-coder:1.5b"
    assert checks["embedding model"].state == "broken"
    assert checks["workspace"].state == "warning"
    assert "ingest" in checks["workspace"].mend


def test_a_bad_configuration_is_named(tmp_path: Path, env: dict[str, str]) -> None:
    (tmp_path / "workbench.toml").write_text("nonsense = 1", encoding="utf-8")
    checks = by_name(examine(tmp_path, env))
    assert checks["configuration"].state == "broken"
    assert "model server" not in checks


def test_a_damaged_workspace_is_named(tmp_path: Path, env: dict[str, str]) -> None:
    (tmp_path / "workbench.duckdb").write_bytes(b"this is no database" * 1000)
    check = by_name(examine(tmp_path, env))["workspace"]
    assert check.state == "broken"
    assert check.mend


def _vault_check(folder: Path, env: dict[str, str], *lines: str) -> Check:
    folder.mkdir(exist_ok=True)
    (folder / "workbench.toml").write_text("[vault]\n" + "\n".join(lines), encoding="utf-8")
    return by_name(examine(folder, env))["vault"]


def test_a_vault_is_opened_and_its_key_is_judged(tmp_path: Path, env: dict[str, str]) -> None:
    folder, on = tmp_path / "w", "enabled = true"
    assert _vault_check(folder, env).finding.startswith("none is kept")
    assert _vault_check(folder, env, on).state == "broken"
    key = shown([new_key()])
    assert _vault_check(folder, {**env, "WORKBENCH_VAULT_KEY": key}, on).state == "ok"
    inside = _vault_check(folder, env, on, 'key = "file"', 'key_file = "vault.key"')
    assert (inside.state, "has both" in inside.finding) == ("warning", True)
    outside = _vault_check(folder, env, on, 'key = "file"', 'key_file = "../vault.key"')
    assert (outside.state, "has both" in outside.finding) == ("warning", False)
    Vault(folder / VAULT_FILE, FileKeys(tmp_path / "vault.key")).keep({("PERSON", 1): "Bo Ek"})
    assert (
        "1 entries"
        in _vault_check(folder, env, on, 'key = "file"', 'key_file = "../vault.key"').finding
    )
    wrong = _vault_check(folder, {**env, "WORKBENCH_VAULT_KEY": key}, on)
    assert (wrong.state, "another one" in wrong.finding) == ("broken", True)


def test_an_unreachable_ollama_is_named(tmp_path: Path, env: dict[str, str]) -> None:
    checks = by_name(examine(tmp_path, {**env, "OLLAMA_HOST": "http://127.0.0.1:9"}))
    assert checks["model server"].state == "broken"
    assert checks["model server"].mend
