"""What the corpus knows of an ingest's items, so that what did not change is not read again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from workbench.chunking import CHUNKER_VERSION
from workbench.errors import SourceError
from workbench.guard.run import Run
from workbench.sources.items import Item
from workbench.store.records import Refusal, StoredSource

if TYPE_CHECKING:
    from workbench.tasks.ingest import IngestRooms


@dataclass(frozen=True)
class Known:
    """What decides whether an item is unchanged, and the model that would embed it."""

    label: str
    pipeline: str
    digest: str
    stored: Mapping[str, StoredSource]
    refused: Mapping[str, Refusal]
    private_part: Callable[[str], str]

    def has(self, item: Item) -> bool:
        """Whether the item is stored as it is, or was refused as it is."""
        _, stored, refused = self.about(item)
        fingerprint = self.fingerprint(item)
        if stored is not None and stored.fingerprint == fingerprint:
            return True
        return refused is not None and refused.fingerprint == refusal_print(item, fingerprint)

    def about(self, item: Item) -> tuple[str, StoredSource | None, Refusal | None]:
        """The identity under which an item is known, and what is known of it.

        What has a name in its uri is known by a keyed digest, the last part of what is shown.
        """
        uri = self._by_last_part.get(self.private_part(item.uri), item.uri)
        return uri, self.stored.get(uri), self.refused.get(uri)

    @cached_property
    def _by_last_part(self) -> dict[str, str]:
        return {uri.rpartition("/")[2]: uri for uri in (*self.stored, *self.refused)}

    def fingerprint(self, item: Item) -> str:
        """Everything that decides what is stored of an item."""
        try:
            content = item.fingerprint()
        except SourceError as error:
            # It cannot even be opened. Reading it tells so again, unless that is known.
            content = f"{type(error).__name__}, {error.what}"
        return f"{content}:{self.pipeline}"


class KnownState:
    """What the corpus knows already, without a model server where one can do without.

    Starting a server takes longer than telling that nothing changed. So if none runs, the digest
    that the workspace last saw is believed, until an item turns out to need the model.
    """

    def __init__(self, run: Run, rooms: IngestRooms, label: str) -> None:
        self._rooms = rooms
        self._label = label
        self._embedding = rooms.config.models.embedding
        self._stored, digest = rooms.corpus.stored(run, self._embedding)
        self._refused = rooms.corpus.origins.refusals(run, label)
        running = rooms.models.digest_if_running(self._embedding)
        self._believed = running is None and digest is not None
        self.known = self._with(running or digest or rooms.models.digest(self._embedding))

    def for_items(self, items: Sequence[Item]) -> Known:
        """What is known, asked from the server if one of the items will be embedded."""
        if self._believed and not all(self.known.has(item) for item in items):
            self.known = self._with(self._rooms.models.digest(self._embedding))
        return self.known

    def _with(self, digest: str) -> Known:
        pipeline = _pipeline(self._rooms, self._label, digest)
        private_part = self._rooms.masker.uris.part
        return Known(self._label, pipeline, digest, self._stored, self._refused, private_part)


def refusal_print(item: Item, fingerprint: str) -> str:
    """What a refusal of an item holds for: its content, and what else decides."""
    return f"{fingerprint}:{item.conditions}"


def _pipeline(rooms: IngestRooms, label: str, digest: str) -> str:
    """Everything besides the source that decides what is stored; a change re-ingests."""
    parts = (
        CHUNKER_VERSION,
        rooms.config.chunking.model_dump_json(),
        rooms.masker.version,
        digest,
        label,
    )
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
