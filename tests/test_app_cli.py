from __future__ import annotations

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from workbench.app_cli import SECRETS, is_loopback
from workbench.cli import app

EVERYWHERE = "0.0.0.0"  # noqa: S104 -- what is refused without sign-in
SIGN_IN = '[auth]\nredirect_uri = "https://docs.example.org/oauth2callback"\n'


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands that would have taken this process's place."""
    commands: list[list[str]] = []
    monkeypatch.setattr(os, "execve", lambda _, command, env: commands.append(command))
    monkeypatch.setattr(os, "chdir", lambda _: None)
    return commands


def call(workspace: Path, *arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["--workspace", str(workspace), "app", *arguments])
    return result.exit_code, result.stderr


def option(command: list[str], name: str) -> list[str]:
    return [command[at + 1] for at, word in enumerate(command) if word == name]


def test_one_user_is_served_on_loopback_only(tmp_path: Path, served: list[list[str]]) -> None:
    assert call(tmp_path, "--port", "8600")[0] == 0
    assert option(served[0], "--server.address") == ["127.0.0.1"]
    assert option(served[0], "--server.port") == ["8600"]
    assert option(served[0], "--secrets.files") == []
    for address in (EVERYWHERE, "192.168.1.4", "example.org", "::"):
        code, error = call(tmp_path, "--address", address)
        assert code == 2
        assert f"on this machine only: {address}" in error
    assert len(served) == 1


def test_with_sign_in_others_may_reach_it(tmp_path: Path, served: list[list[str]]) -> None:
    secrets = tmp_path / SECRETS
    secrets.parent.mkdir()
    secrets.write_text(SIGN_IN)
    assert call(tmp_path, "--address", EVERYWHERE, "--host", "docs.example.org")[0] == 0
    assert option(served[0], "--server.address") == [EVERYWHERE]
    assert option(served[0], "--server.allowedHosts") == ["docs.example.org"]
    assert option(served[0], "--secrets.files") == [str(secrets)]


@pytest.mark.parametrize("text", ["[database]\nuser = 'a'\n", ""])
def test_other_secrets_are_no_sign_in(tmp_path: Path, served: list[list[str]], text: str) -> None:
    (tmp_path / SECRETS).parent.mkdir()
    (tmp_path / SECRETS).write_text(text)
    assert call(tmp_path, "--address", EVERYWHERE)[0] == 2


def test_unreadable_settings_are_told(tmp_path: Path, served: list[list[str]]) -> None:
    (tmp_path / SECRETS).parent.mkdir()
    (tmp_path / SECRETS).write_text("[auth")
    code, error = call(tmp_path)
    assert code == 1
    assert "sign-in settings cannot be read" in error
    assert served == []


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("localhost", True),
        (EVERYWHERE, False),
        ("10.0.0.1", False),
        ("", False),
        ("local", False),
    ],
)
def test_loopback(address: str, expected: bool) -> None:
    assert is_loopback(address) == expected
