"""A span of a stored text -> where it stands in the original file."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from workbench.errors import SourceError
from workbench.guard.run import Run
from workbench.sources.boxes import PageSpan
from workbench.sources.files import FileSource
from workbench.store.corpus import Corpus
from workbench.values import PageBox


def page_boxes(
    run: Run, files: FileSource, corpus: Corpus, document_id: int, span: tuple[int, int]
) -> list[PageBox]:
    """A box for each line of the PDF's pages that the characters of ``span`` cover.

    Empty for sources without pages, and where the words are not found, as on a scanned page.

    Raises:
        UsageError, AccessDenied: as ``Corpus.document``.
        SourceError: if the file is gone, changed since, or needs a password.
    """
    document = corpus.document(run, document_id)
    address = urlsplit(document.uri)
    if address.scheme != "file" or document.media_type != "application/pdf":
        return []
    path = Path(url2pathname(address.path))
    if files.fingerprint(path) != document.content_hash:
        raise SourceError(
            "the file changed since it was ingested",
            value=document.name,
            next_step="Ingest it again, and ask for the new document.",
        )
    start, end = span
    boxes: list[PageBox] = []
    for page in document.pages:
        if page.start < end and start < page.end:
            inside = PageSpan(
                page=page.number,
                text=document.text[page.start : page.end],
                start=max(start, page.start) - page.start,
                end=min(end, page.end) - page.start,
            )
            boxes.extend(files.boxes(path, inside))
    return boxes
