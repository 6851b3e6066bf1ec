"""A workbench whose masker numbers in the workspace and whose vault keeps, over a fake model."""

from __future__ import annotations

from pathlib import Path

from workbench.config import ActorConfig, Config, VaultConfig
from workbench.masking.detection import Patterns
from workbench.masking.masker import Masker
from workbench.masking.recognizers import RECOGNIZERS
from workbench.models.fake import FakeServer
from workbench.models.governed import Models
from workbench.workbench import Workbench

ACTORS = {
    "root": ActorConfig(role="admin", labels=("*",)),
    "ana": ActorConfig(role="analyst", labels=("internal",)),
    "rita": ActorConfig(role="analyst", labels=("internal",), may=("reveal",)),
    "eve": ActorConfig(role="viewer", may=("reveal",)),
}
VAULT = VaultConfig(enabled=True, key="file", key_file=Path("../vault.key"))
CONFIG = Config(actors=ACTORS, vault=VAULT)


def vaulted(
    folder: Path, config: Config = CONFIG, *, server: FakeServer | None = None
) -> Workbench:
    """Everything but the models and the masking networks is what it is outside of tests."""
    fake = server or FakeServer()
    workbench = Workbench(
        folder, config, {}, connect_models=lambda cache: Models(fake, config.models, cache)
    )
    keep = workbench.vault.keep if workbench.vault is not None and config.vault.enabled else None
    workbench._masker = Masker(
        config.masking,
        workbench.corpus.placeholders,
        key=bytes(32),
        detectors=[Patterns(RECOGNIZERS)],
        keep=keep,
    )
    return workbench
