from __future__ import annotations

from pathlib import Path

from workbench.models.home import home_directory, models_directory


def test_environment_moves_the_home(tmp_path: Path) -> None:
    env = {"WORKBENCH_HOME": str(tmp_path)}
    assert home_directory(env) == tmp_path
    assert models_directory(env) == tmp_path / "models"


def test_default_is_the_users_data_directory() -> None:
    assert home_directory({}).name == "workbench"
    assert home_directory({}).is_absolute()
    assert home_directory({"WORKBENCH_HOME": ""}) == home_directory({})
