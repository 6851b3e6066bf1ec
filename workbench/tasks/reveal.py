"""Placeholders -> values, as far as the actor may read a document that shows them."""

from __future__ import annotations

import re

from workbench.guard.run import Run
from workbench.masking.vault import Vault
from workbench.results.vault import Revealed
from workbench.store.corpus import Corpus

PLACEHOLDER = re.compile(r"<([A-Z][A-Z0-9_]*)_([1-9][0-9]*)>")


def reveal(run: Run, corpus: Corpus, vault: Vault, text: str, *, hourly: int) -> Revealed:
    """``text`` with values in place of placeholders.

    A placeholder stays if no document within the run's scope shows it, if whom it stood for was
    forgotten, or if the vault does not know it.

    Raises:
        AccessDenied, BudgetExceeded, VaultError, StoreError.
    """
    asked = placeholders_in(text)
    allowed = corpus.subjects.occurring(run, asked) if asked else set()
    values = vault.reveal(run, allowed, hourly=hourly)

    def shown(match: re.Match[str]) -> str:
        return values.get((match.group(1), int(match.group(2))), match.group())

    return Revealed(
        PLACEHOLDER.sub(shown, text), len(values), len(asked) - len(values), run_id=run.id
    )


def placeholders_in(text: str) -> set[tuple[str, int]]:
    """Entity types and numbers of the placeholders in ``text``."""
    return {(match.group(1), int(match.group(2))) for match in PLACEHOLDER.finditer(text)}
