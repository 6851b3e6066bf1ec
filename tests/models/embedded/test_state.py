from __future__ import annotations

from pathlib import Path

import pytest

from workbench.errors import ModelUnavailable
from workbench.models.embedded.state import (
    ServerState,
    is_locked,
    log_path,
    read_state,
    remove_state,
    server_lock,
    write_state,
)

STATE = ServerState("http://127.0.0.1:5000", "secret", 42, "1.0")


def test_state_is_read_while_its_server_lives(tmp_path: Path) -> None:
    with server_lock(tmp_path):
        write_state(tmp_path, STATE)
        assert read_state(tmp_path) == STATE
    assert read_state(tmp_path) is None


def test_state_is_private_and_replaced_whole(tmp_path: Path) -> None:
    (tmp_path / "server.json").write_text("old and readable by all")
    write_state(tmp_path, STATE)
    assert (tmp_path / "server.json").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["server.json"]


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"address": "x"}', '{"a": 1}'])
def test_damaged_state_is_no_state(tmp_path: Path, content: str) -> None:
    with server_lock(tmp_path):
        (tmp_path / "server.json").write_text(content)
        assert read_state(tmp_path) is None


def test_state_is_withdrawn(tmp_path: Path) -> None:
    with server_lock(tmp_path):
        write_state(tmp_path, STATE)
        remove_state(tmp_path)
        assert read_state(tmp_path) is None
        remove_state(tmp_path)


def test_lock(tmp_path: Path) -> None:
    assert not is_locked(tmp_path / "home")
    with server_lock(tmp_path / "home"):
        assert is_locked(tmp_path / "home")
    assert log_path(tmp_path).parent == tmp_path


def test_home_below_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelUnavailable, match="WORKBENCH_HOME"):
        server_lock(tmp_path / "file" / "home")
