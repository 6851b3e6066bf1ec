from __future__ import annotations

from pathlib import Path

import pytest

from workbench.models.embedded import process
from workbench.models.embedded.__main__ import main
from workbench.models.embedded.process import ServeOptions
from workbench.models.embedded.state import server_lock


def test_arguments_and_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[ServeOptions] = []
    monkeypatch.setattr(process, "serve", given.append)
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path))
    assert main(["--port", "5000", "--idle-stop-s", "7"]) == 0
    assert given == [ServeOptions(tmp_path, port=5000, idle_stop_s=7)]


def test_failure_is_one_line_and_exit_code_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(process, "_LOCK_WAIT_S", 0.1)
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path))
    with server_lock(tmp_path):
        assert main([]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_bad_arguments(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--port", "high"])
    assert caught.value.code == 2
    assert "--port" in capsys.readouterr().err
