"""A span of a stored text -> where it stands in the original file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from workbench.errors import AccessDenied, SourceError, UsageError
from workbench.guard.policy import Action
from workbench.guard.run import Run
from workbench.masking.masker import Masker
from workbench.masking.uris import PrivateUris
from workbench.sources.boxes import PageSpan
from workbench.sources.files import FileSource
from workbench.store.corpus import Corpus
from workbench.values import MaskedDocument, PageBox, Record


@dataclass(frozen=True, slots=True)
class Originals:
    """The files that documents were read from; ``uris`` finds those that are shown privately."""

    files: FileSource
    uris: PrivateUris

    def path(self, document: MaskedDocument) -> Path:
        """The file of a document, as long as it is the one that was ingested.

        Raises:
            SourceError: if it is gone or changed since.
        """
        path = _path(self.uris.found(document.uri, _inside))
        if self.files.fingerprint(path) != document.content_hash:
            raise SourceError(
                "the file changed since it was ingested",
                value=document.name,
                next_step="Ingest it again, and ask for the new document.",
            )
        return path


def boxed(
    run: Run, originals: Originals, corpus: Corpus, records: Sequence[Record]
) -> list[Record]:
    """The records with the box of each field that is located on a page of a PDF: the rectangle
    around its lines on the first page it stands on. Without the file as it was, without boxes."""
    return [
        replace(
            record,
            fields=tuple(
                field
                if field.page is None or field.start is None or field.end is None
                else replace(
                    field,
                    box=_around(
                        _tried(run, originals, corpus, record.document_id, (field.start, field.end))
                    ),
                )
                for field in record.fields
            ),
        )
        for record in records
    ]


def _tried(
    run: Run, originals: Originals, corpus: Corpus, document_id: int, span: tuple[int, int]
) -> list[PageBox]:
    try:
        return page_boxes(run, originals, corpus, document_id, span)
    except SourceError:
        # The words are located all the same; only the picture of their page is not to be had.
        return []


def _around(boxes: Sequence[PageBox]) -> tuple[float, float, float, float] | None:
    lines = [box for box in boxes if box.number == boxes[0].number]
    if not lines:
        return None
    return (
        min(box.left for box in lines),
        min(box.top for box in lines),
        max(box.right for box in lines),
        max(box.bottom for box in lines),
    )


def page_boxes(
    run: Run, originals: Originals, corpus: Corpus, document_id: int, span: tuple[int, int]
) -> list[PageBox]:
    """A box for each line of the PDF's pages that the characters of ``span`` cover.

    Empty for sources without pages, and where the words are not found, as on a scanned page.

    Raises:
        UsageError, AccessDenied: as ``Corpus.document``.
        SourceError: if the file is gone, changed since, or needs a password.
    """
    document = corpus.document(run, document_id)
    if not _is_pdf_file(document):
        return []
    path = originals.path(document)
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
            boxes.extend(originals.files.boxes(path, inside))
    return boxes


def page_image(
    run: Run, originals: Originals, masker: Masker, corpus: Corpus, document_id: int, number: int
) -> bytes:
    """Page ``number`` of a document's PDF as PNG bytes: the original, which nothing masks.

    A run for anything but originals gets only what is public anyway: pages of kept labels, and
    those whose document holds nothing that was masked and that show nothing but text.

    Raises:
        UsageError: if the document has no such page, or comes from no PDF file.
        AccessDenied: also if the page may not be shown to this run.
        SourceError: as ``page_boxes``.
    """
    document = corpus.document(run, document_id)
    pages = document.pages if _is_pdf_file(document) else ()
    if number not in {page.number for page in pages}:
        raise UsageError(
            "the document has no such page to show",
            value=f"page {number} of {document.name}",
            next_step="Read its text instead.",
        )
    cleared = run.action is Action.ORIGINAL or masker.keeps(document.label)
    if not cleared and document.masked:
        raise _closed("details on this page are masked for you")
    image = originals.files.page_image(originals.path(document), number)
    if image is None:
        raise SourceError(
            "the file has no such page",
            value=f"page {number} of {document.name}",
            next_step="Ingest it again, and ask for the new document.",
        )
    if not cleared and image.has_pictures:
        raise _closed("pictures on this page cannot be masked")
    return image.png


def _is_pdf_file(document: MaskedDocument) -> bool:
    return urlsplit(document.uri).scheme == "file" and document.media_type == "application/pdf"


def _inside(folder: str) -> list[str]:
    try:
        return [child.as_uri() for child in _path(folder).iterdir()]
    except OSError:
        return []


def _path(uri: str) -> Path:
    return Path(url2pathname(urlsplit(uri).path) or "/")


def _closed(reason: str) -> AccessDenied:
    return AccessDenied(
        reason, next_step='Read its text, or ask an administrator for may = ["original"].'
    )
