from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from workbench.errors import VaultError
from workbench.masking.vault_keys import (
    EnvironmentKeys,
    FileKeys,
    KeyringKeys,
    new_key,
    parsed,
    shown,
)


def test_keys_survive_being_written_as_text() -> None:
    keys = [new_key(), new_key()]
    assert parsed(shown(keys), "here") == keys
    assert len(set(keys)) == 2


@pytest.mark.parametrize("text", ["", "secret", "correct horse battery staple", "A" * 44, "é", ","])
def test_a_password_is_no_key(text: str) -> None:
    with pytest.raises(VaultError, match="not 32 bytes in base64") as caught:
        parsed(text, "the test")
    assert not text or text not in str(caught.value) or text == ","


def test_the_environment_is_read_and_never_written() -> None:
    key = new_key()
    assert EnvironmentKeys({}).read("v") == []
    home = EnvironmentKeys({"WORKBENCH_VAULT_KEY": shown([key])})
    assert home.read("v") == [key]
    with pytest.raises(VaultError, match="set from outside"):
        home.write("v", [key])


def test_a_key_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    home = FileKeys(tmp_path / "deep" / "vault.key")
    assert home.read("v") == []
    for keys in ([new_key()], [new_key(), new_key()]):
        home.write("v", keys)
        assert home.read("v") == keys
    assert [file.name for file in (tmp_path / "deep").iterdir()] == ["vault.key"]


def test_a_key_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    home = FileKeys(tmp_path / "vault.key")
    home.write("v", [new_key()])
    (tmp_path / "vault.key").chmod(0o640)
    with pytest.raises(VaultError, match="others may read"):
        home.read("v")


def test_a_key_file_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir(mode=0o700)
    with pytest.raises(VaultError, match="cannot be used"):
        FileKeys(tmp_path / "folder").read("v")
    (tmp_path / "file").write_text("x")
    with pytest.raises(VaultError, match="cannot be used"):
        FileKeys(tmp_path / "file" / "vault.key").write("v", [new_key()])


@pytest.fixture
def keyring_backend() -> Iterator[type]:
    keyring = pytest.importorskip("keyring")
    from keyring.backend import KeyringBackend

    class InMemory(KeyringBackend):
        """What an operating system's keyring does, for this process."""

        priority = 1

        def __init__(self) -> None:
            super().__init__()
            self.kept: dict[tuple[str, str], str] = {}

        def get_password(self, service: str, username: str) -> str | None:
            return self.kept.get((service, username))

        def set_password(self, service: str, username: str, password: str) -> None:
            self.kept[service, username] = password

        def delete_password(self, service: str, username: str) -> None:
            del self.kept[service, username]

    before = keyring.get_keyring()
    keyring.set_keyring(InMemory())
    yield InMemory
    keyring.set_keyring(before)


@pytest.mark.usefixtures("keyring_backend")
def test_the_keyring_keeps_each_vaults_keys_apart() -> None:
    home = KeyringKeys()
    first, second = [new_key()], [new_key(), new_key()]
    assert home.read("one") == []
    home.write("one", first)
    home.write("two", second)
    assert (home.read("one"), home.read("two")) == (first, second)


def test_a_machine_without_a_keyring_is_told() -> None:
    keyring = pytest.importorskip("keyring")
    from keyring.backends.fail import Keyring

    before = keyring.get_keyring()
    keyring.set_keyring(Keyring())
    try:
        with pytest.raises(VaultError, match="keyring cannot be used"):
            KeyringKeys().read("v")
        with pytest.raises(VaultError, match="keyring cannot be used"):
            KeyringKeys().write("v", [new_key()])
    finally:
        keyring.set_keyring(before)
