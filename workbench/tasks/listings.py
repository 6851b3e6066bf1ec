"""Sources -> items: what an ingest is given, in one list, with what it may use to list them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from workbench.errors import UsageError
from workbench.guard.run import Run
from workbench.sources.files import FileSource
from workbench.sources.items import Access, Item, Listing, Source
from workbench.store.corpus import Corpus

KeptAs = Callable[[str], tuple[str, str]]
"""Given where an incremental source is: what its mark is kept as, and what the uris of its stored
documents begin with."""


def list_items(
    run: Run,
    files: FileSource,
    corpus: Corpus,
    sources: Sequence[Source],
    *,
    pipeline: Callable[[], str],
    kept_as: KeptAs,
) -> Listing:
    """The items of all sources, each uri once. ``pipeline`` and ``kept_as`` are asked for
    only by marks.

    Raises:
        UsageError: if a source cannot be used as it is given.
        SourceError: if a source cannot be read at all.
        StoreError: if the workspace cannot be read.
    """

    def mark(identity: str) -> str | None:
        kept, below = kept_as(identity)
        return corpus.origins.mark(run, kept, pipeline(), below=below)

    access = Access(
        limits=files.limits,
        read_as=files.read_as,
        mark=mark,
        open_attached=partial(corpus.origins.attached, run),
    )
    if not sources:
        raise UsageError(
            "no path was given", next_step="Name at least one file, folder or other source."
        )
    listings = [source.listing(access) for source in sources]
    items: dict[str, Item] = {}
    for listing in listings:
        for item in listing.items:
            items.setdefault(item.uri, item)
    return Listing(
        items=list(items.values()),
        covered=tuple(start for listing in listings for start in listing.covered),
        unread=tuple(start for listing in listings for start in listing.unread),
        marks=tuple(mark for listing in listings for mark in listing.marks),
    )
