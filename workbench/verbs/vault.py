"""Verbs around what placeholders stand for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.errors import UsageError, VaultError
from workbench.guard.policy import Action
from workbench.results import ForgetReport, Revealed
from workbench.verbs.verbs import Verbs

if TYPE_CHECKING:
    from workbench.masking.vault import Vault

MAX_REVEAL_CHARS = 1_000_000


class VaultVerbs(Verbs):
    """Reveal values, forget people, exchange the key."""

    def reveal(self, text: str) -> Revealed:
        """``text`` with the values that its placeholders stand for.

        Only what stands in a document that the actor may read is revealed. The audit holds how
        many placeholders were asked for, never a value.

        Raises:
            AccessDenied: unless the role is admin, or ``may = ["reveal"]`` is set for the actor.
            BudgetExceeded: beyond vault.reveals_per_hour values.
            VaultError: if no vault is kept, or it cannot be opened.
            UsageError, StoreError.
        """
        from workbench.tasks.reveal import placeholders_in, reveal

        if len(text) > MAX_REVEAL_CHARS:
            raise UsageError(
                "the text is too long",
                value=f"{len(text):,} characters",
                next_step="Reveal it in parts.",
            )
        workbench = self._workbench
        with self._run(Action.REVEAL, f"{len(placeholders_in(text))} placeholders") as run:
            hourly = workbench.config.vault.reveals_per_hour
            return reveal(run, workbench.corpus, self._vault(), text, hourly=hourly)

    def forget(self, *values: str) -> ForgetReport:
        """Forget a data subject by name, address, number or placeholder.

        The vault loses their entries, the register their digests; documents of all versions,
        chunks, answers and everything else that shows their placeholders show zeros instead, which
        are the same for everybody. From now on they are masked as forgotten. The report names
        the sources that still have to be cleaned. Without values, an interrupted forgetting is
        finished. What ``Ann Lee`` is found by is her name as it was masked: other spellings,
        her addresses and numbers are values of their own.

        Raises:
            AccessDenied: unless the role is admin and the scope unrestricted.
            VaultError, StoreError, MaskingError.
        """
        from workbench.tasks.forget import ForgetRooms, forget

        workbench = self._workbench
        with self._run(Action.FORGET, "data subject") as run:
            rooms = ForgetRooms(workbench.masker, workbench.corpus, workbench.vault)
            return forget(run, rooms, values)

    def rotate_vault(self) -> int:
        """Seal the vault anew under a new key; the old one opens it no more.

        A key in the keyring or in a file is exchanged too. One in the environment is set as
        ``NEW,OLD`` before, and as ``NEW`` afterwards. Returns the number of entries.

        Raises:
            AccessDenied: if this session's role is not admin.
            VaultError: if no vault is kept, or there is no new key.
        """
        with self._run(Action.VAULT, "vault key") as run:
            return self._vault().rotate(run)

    def _vault(self) -> Vault:
        vault = self._workbench.vault
        if vault is None:
            raise VaultError(
                "this workspace keeps no vault",
                value="vault.enabled is false",
                next_step="Set it to true in workbench.toml, and ingest again.",
            )
        return vault
