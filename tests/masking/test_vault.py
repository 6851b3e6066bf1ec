from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from workbench.errors import AccessDenied, BudgetExceeded, VaultError
from workbench.guard.budget import Budget
from workbench.guard.policy import Action
from workbench.guard.run import Run
from workbench.masking import vault as module
from workbench.masking.vault import Vault
from workbench.masking.vault_keys import EnvironmentKeys, FileKeys, new_key, shown
from workbench.values import Actor, Scope

EVERYTHING = Scope(unrestricted=True)
TOMMY, ANN = ("PERSON", 17), ("PERSON", 18)
VALUES = {TOMMY: "Tommy Smith", ANN: "Ann Lee", ("EMAIL_ADDRESS", 1): "tommy@example.org"}


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault(tmp_path / "vault.sqlite", FileKeys(tmp_path / "keys" / "vault.key"))


def run_for(action: Action, actor: str = "ana") -> Run:
    return Run(Actor(actor, "admin", EVERYTHING), action, EVERYTHING, Budget(1, 60))


def revealed(vault: Vault, *placeholders: tuple[str, int]) -> dict[tuple[str, int], str]:
    return vault.reveal(run_for(Action.REVEAL), placeholders, hourly=1_000)


def test_what_is_kept_is_revealed(vault: Vault) -> None:
    vault.keep(VALUES)
    assert revealed(vault, *VALUES) == VALUES
    assert revealed(vault, ("PERSON", 99)) == {}
    assert vault.known([TOMMY, ("PERSON", 1)]) == {TOMMY}
    assert vault.check() == 3


def test_what_is_kept_first_stays(vault: Vault) -> None:
    vault.keep({TOMMY: "Tommy Smith"})
    vault.keep({TOMMY: "tommy smith", ANN: "Ann Lee"})
    assert revealed(vault, TOMMY, ANN) == {TOMMY: "Tommy Smith", ANN: "Ann Lee"}


def test_reading_makes_no_file(vault: Vault) -> None:
    assert (
        revealed(vault, TOMMY),
        vault.known([TOMMY]),
        vault.remove(run_for(Action.FORGET), [TOMMY]),
    ) == ({}, set(), 0)
    assert vault.check() == 0
    assert not vault.path.exists()


def test_the_files_show_neither_values_nor_placeholders(vault: Vault) -> None:
    vault.keep(VALUES)
    revealed(vault, TOMMY)
    for file in vault.path.parent.rglob("*"):
        content = file.read_bytes() if file.is_file() else b""
        for word in (b"Tommy", b"Smith", b"example", b"PERSON", b"EMAIL", b"ana"):
            assert word not in content


def test_values_of_about_one_length_look_alike(vault: Vault) -> None:
    vault.keep({("A", n): "x" * n for n in range(1, 16)})
    with sqlite3.connect(vault.path) as connection:
        lengths = {row[0] for row in connection.execute("SELECT length(sealed) FROM entries")}
    assert len(lengths) == 1


def test_the_files_belong_to_their_owner_alone(vault: Vault, tmp_path: Path) -> None:
    vault.keep(VALUES)
    for file in (vault.path, tmp_path / "keys" / "vault.key"):
        assert file.stat().st_mode & 0o077 == 0


def test_a_removed_entry_is_gone_from_the_file(vault: Vault) -> None:
    vault.keep(VALUES)
    with sqlite3.connect(vault.path) as connection:
        before = {row[0] for row in connection.execute("SELECT sealed FROM entries")}
    assert vault.remove(run_for(Action.FORGET), [TOMMY, ("PERSON", 99)]) == 1
    assert revealed(vault, TOMMY, ANN) == {ANN: "Ann Lee"}
    with sqlite3.connect(vault.path) as connection:
        after = {row[0] for row in connection.execute("SELECT sealed FROM entries")}
    [gone] = before - after
    assert gone[12:] not in vault.path.read_bytes()


def test_rotating_exchanges_the_key(vault: Vault, tmp_path: Path) -> None:
    vault.keep(VALUES)
    keys = tmp_path / "keys" / "vault.key"
    old, sealed = keys.read_text(), vault.path.read_bytes()
    assert vault.rotate(run_for(Action.VAULT)) == 3
    assert revealed(vault, *VALUES) == VALUES
    assert keys.read_text() != old
    with_old = Vault(vault.path, EnvironmentKeys({"WORKBENCH_VAULT_KEY": old}))
    with pytest.raises(VaultError, match="missing, or is another one"):
        revealed(with_old, TOMMY)
    assert vault.path.read_bytes() != sealed


def test_another_process_follows_a_rotation(vault: Vault, tmp_path: Path) -> None:
    vault.keep({TOMMY: "Tommy Smith"})
    other = Vault(vault.path, FileKeys(tmp_path / "keys" / "vault.key"))
    assert revealed(other, TOMMY)
    vault.rotate(run_for(Action.VAULT))
    other.keep({ANN: "Ann Lee"})
    assert revealed(vault, TOMMY, ANN) == {TOMMY: "Tommy Smith", ANN: "Ann Lee"}


def test_a_key_from_the_environment_is_rotated_by_setting_two(tmp_path: Path) -> None:
    old, new = new_key(), new_key()

    def with_keys(*keys: bytes) -> Vault:
        env = {"WORKBENCH_VAULT_KEY": shown(keys)}
        return Vault(tmp_path / "vault.sqlite", EnvironmentKeys(env))

    with_keys(old).keep(VALUES)
    with pytest.raises(VaultError, match="no new key"):
        with_keys(old).rotate(run_for(Action.VAULT))
    assert with_keys(new, old).rotate(run_for(Action.VAULT)) == 3
    assert revealed(with_keys(new), *VALUES) == VALUES
    with pytest.raises(VaultError):
        revealed(with_keys(old), TOMMY)


def test_an_interrupted_rotation_is_finished(
    vault: Vault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault.keep(VALUES)
    keys = FileKeys(tmp_path / "keys" / "vault.key")

    class Stopped(Exception):
        pass

    def stop(*_: object) -> None:
        raise Stopped

    # Once before the entries are exchanged, once before the old key is dropped.
    with monkeypatch.context() as patched:
        patched.setattr(module._Cipher, "seal", stop)
        with pytest.raises(Stopped):
            vault.rotate(run_for(Action.VAULT))
    assert len(keys.read("")) == 2
    assert revealed(Vault(vault.path, keys), *VALUES) == VALUES
    written = iter([stop])
    with monkeypatch.context() as patched:
        patched.setattr(FileKeys, "write", lambda *_: next(written)())
        with pytest.raises(Stopped):
            vault.rotate(run_for(Action.VAULT))
    assert len(keys.read("")) == 2
    assert revealed(Vault(vault.path, keys), *VALUES) == VALUES
    assert Vault(vault.path, keys).rotate(run_for(Action.VAULT)) == 3
    assert len(keys.read("")) == 1
    assert revealed(Vault(vault.path, keys), *VALUES) == VALUES


def test_an_actor_sees_so_many_values_an_hour(
    vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [1_000_000.0]
    monkeypatch.setattr(module.time, "time", lambda: clock[0])
    vault.keep(VALUES)
    assert vault.reveal(run_for(Action.REVEAL, "ana"), [TOMMY, ANN], hourly=3)
    with pytest.raises(BudgetExceeded, match="2 were, 2 more are asked for, 3 are allowed"):
        vault.reveal(run_for(Action.REVEAL, "ana"), [TOMMY, ANN], hourly=3)
    assert vault.reveal(run_for(Action.REVEAL, "ana"), [TOMMY], hourly=3)
    assert vault.reveal(run_for(Action.REVEAL, "bob"), [TOMMY, ANN], hourly=3)
    clock[0] += 3_601
    assert vault.reveal(run_for(Action.REVEAL, "ana"), [TOMMY, ANN], hourly=3)


def test_many_at_once_do_not_get_around_the_limit(vault: Vault, tmp_path: Path) -> None:
    vault.keep(VALUES)

    def ask(_: int) -> int:
        own = Vault(vault.path, FileKeys(tmp_path / "keys" / "vault.key"))
        try:
            return len(own.reveal(run_for(Action.REVEAL), [TOMMY], hourly=5))
        except BudgetExceeded:
            return 0

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(ask, range(16))) == 5


def test_other_runs_open_no_vault(vault: Vault) -> None:
    vault.keep(VALUES)
    ended = run_for(Action.REVEAL)
    ended.close()
    with pytest.raises(AccessDenied, match="ended"):
        vault.reveal(ended, [TOMMY], hourly=5)
    for refused in (
        lambda: vault.reveal(run_for(Action.READ), [TOMMY], hourly=5),
        lambda: vault.remove(run_for(Action.REVEAL), [TOMMY]),
        lambda: vault.rotate(run_for(Action.REVEAL)),
    ):
        with pytest.raises(AccessDenied, match="may not"):
            refused()


def test_a_changed_entry_is_refused(vault: Vault) -> None:
    vault.keep(VALUES)
    with sqlite3.connect(vault.path) as connection:
        rows = connection.execute("SELECT id, sealed FROM entries").fetchall()
        # Two people's values exchanged: each is sealed under its own placeholder.
        connection.execute("UPDATE entries SET sealed = ? WHERE id = ?", (rows[1][1], rows[0][0]))
    with pytest.raises(VaultError, match="damaged or changed"):
        revealed(vault, *VALUES)


def test_a_vault_without_its_key_tells_so(tmp_path: Path) -> None:
    with pytest.raises(VaultError, match="no key yet"):
        Vault(tmp_path / "vault.sqlite", EnvironmentKeys({})).keep(VALUES)
    keys = tmp_path / "vault.key"
    Vault(tmp_path / "vault.sqlite", FileKeys(keys)).keep(VALUES)
    keys.unlink()
    with pytest.raises(VaultError, match="missing"):
        Vault(tmp_path / "vault.sqlite", FileKeys(keys)).keep({("PERSON", 1): "Bo Ek"})


@pytest.mark.parametrize("content", [b"not a database, whatever its name", b"\0" * 4096])
def test_a_damaged_file_is_told(vault: Vault, content: bytes) -> None:
    vault.path.write_bytes(content)
    with pytest.raises(VaultError, match="cannot be used"):
        vault.keep(VALUES)


def test_a_file_whose_maker_was_killed_is_used(vault: Vault) -> None:
    vault.path.touch()
    vault.keep(VALUES)
    assert revealed(vault, TOMMY) == {TOMMY: "Tommy Smith"}


_WRITER = """
import sys
from pathlib import Path
from workbench.masking.vault import Vault
from workbench.masking.vault_keys import FileKeys
vault = Vault(Path(sys.argv[1]), FileKeys(Path(sys.argv[2])))
for number in range(1, 100_000):
    vault.keep({("PERSON", number): f"Person {number}"})
    print(number, flush=True)
"""


@pytest.mark.skipif(os.name != "posix", reason="kills a process")
def test_nothing_acknowledged_is_lost_when_the_writer_is_killed(
    vault: Vault, tmp_path: Path
) -> None:
    keys = tmp_path / "keys" / "vault.key"
    acknowledged = 0
    for round_number in range(3):
        command = [sys.executable, "-c", _WRITER, str(vault.path), str(keys)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            time.sleep(0.05 + 0.07 * round_number)
            writer.send_signal(signal.SIGKILL)
            lines = writer.stdout.read().split("\n")
        acknowledged = max([acknowledged, *(int(line) for line in lines[:-1] if line)])
    wanted = [("PERSON", number) for number in range(1, acknowledged + 1)]
    assert vault.known(wanted) == set(wanted)
    assert revealed(vault, wanted[-1]) == {wanted[-1]: f"Person {acknowledged}"}
