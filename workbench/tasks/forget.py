"""Forgetting a data subject: register, vault and everything that shows the placeholders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from workbench.guard.run import Run
from workbench.masking.masker import Masker
from workbench.masking.vault import Vault
from workbench.results.vault import ForgetReport
from workbench.store.corpus import Corpus
from workbench.tasks.reveal import PLACEHOLDER, placeholders_in


@dataclass(frozen=True, slots=True)
class ForgetRooms:
    """The collaborators of forgetting. ``vault`` is None where none is kept."""

    masker: Masker
    corpus: Corpus
    vault: Vault | None


def forget(run: Run, rooms: ForgetRooms, values: Sequence[str]) -> ForgetReport:
    """Forget whoever one of ``values`` names, a placeholder among them too; without values, only
    finish what was interrupted.

    Killed at any moment, it is finished by the next call, or by the next ingest.

    Raises:
        AccessDenied, VaultError, StoreError.
    """
    shown = [value.strip() for value in values if PLACEHOLDER.fullmatch(value.strip())]
    named = [value for value in values if value.strip() and value.strip() not in shown]
    keys = [key for value in named for key in rooms.masker.keys_of(value)]
    rooms.corpus.subjects.begin(run, keys, placeholders_in(" ".join(shown)))
    return finish_forgetting(run, rooms)


def finish_forgetting(run: Run, rooms: ForgetRooms) -> ForgetReport:
    """Do what ``forget`` noted: the vault first, so that nobody can be revealed in between.

    Raises:
        AccessDenied, VaultError, StoreError.
    """
    pending = rooms.corpus.subjects.pending(run)
    if not pending:
        return ForgetReport(0, 0, 0, (), run.id)
    entries = rooms.vault.remove(run, pending) if rooms.vault is not None else 0
    done = rooms.corpus.subjects.finish(run, pending)
    rooms.corpus.placeholders.reload()
    rooms.corpus.history.commit(run)
    return ForgetReport(len(pending), entries, done.documents, done.uris, run.id)
