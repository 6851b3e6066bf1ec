from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from workbench.config import Config, load_config
from workbench.errors import ConfigError


def write(folder: Path, text: str) -> Path:
    path = folder / "workbench.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_defaults_without_a_file(tmp_path: Path) -> None:
    assert load_config(None, env={}) == Config()
    assert load_config(tmp_path / "absent.toml", env={}) == Config()


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "workbench.toml").mkdir()
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path / "workbench.toml", env={})
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path / ("x" * 5_000) / "workbench.toml", env={})
    file = tmp_path / "file"
    file.touch()
    assert load_config(file / "workbench.toml", env={}) == Config()


def test_a_file_changes_what_it_names(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        '[models]\nchat = "big"\n[actors.ana]\nrole = "admin"\nlabels = ["*"]\n'
        "[chunking]\nmax_chars = 500\n",
    )
    config = load_config(path, env={})
    assert config.models.chat == "big"
    assert config.models.embedding == Config().models.embedding
    assert (config.actors["ana"].role, config.actors["ana"].labels) == ("admin", ("*",))
    assert config.chunking.max_chars == 500


def test_the_environment_wins(tmp_path: Path) -> None:
    path = write(tmp_path, '[models]\nchat = "file"\nhost = "file:1"\n')
    env = {
        "OLLAMA_HOST": "box:11434",
        "WORKBENCH_CHAT_MODEL": "env",
        "WORKBENCH_EMBEDDING_MODEL": "minilm",
    }
    models = load_config(path, env=env).models
    assert (models.host, models.chat, models.embedding) == ("box:11434", "env", "minilm")


def test_an_empty_variable_is_no_setting(tmp_path: Path) -> None:
    path = write(tmp_path, '[models]\nhost = "file:1"\n')
    assert load_config(path, env={"OLLAMA_HOST": ""}).models.host == "file:1"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('[models]\nchatt = "x"\n', "models.chatt"),
        ("[nonsense]\n", "nonsense"),
        ("[masking]\nthreshold = 1.5\n", "masking.threshold"),
        ("[budget]\nmax_tokens = 0\n", "budget.max_tokens"),
        ('[actors.ana]\nrole = "root"\n', "actors.ana.role"),
        ('models = "x"\n', "models"),
    ],
)
def test_what_is_not_valid_is_named(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        load_config(write(tmp_path, text), env={})


@pytest.mark.parametrize("content", [b"[models\n", b"\xff\xfe\x00"])
def test_what_is_no_toml_is_an_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "workbench.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"not valid TOML: workbench\.toml"):
        load_config(path, env={})


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        Config().models.chat = "other"  # type: ignore[misc]


def test_an_actor_without_labels_sees_none(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, "[actors.ana]\n"), env={})
    assert (config.actors["ana"].role, config.actors["ana"].labels) == ("viewer", ())
