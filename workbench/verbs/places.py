"""Verbs that lead back to the original file."""

from __future__ import annotations

from workbench.guard.policy import Action
from workbench.values import PageBox
from workbench.verbs.verbs import Verbs


class PlaceVerbs(Verbs):
    """Where a quotation stands in its source."""

    def boxes(self, document_id: int, start: int, end: int) -> list[PageBox]:
        """Where characters ``start`` to ``end`` of a document stand on the pages of its PDF.

        A box for each line, in shares of the page, to be drawn over a picture of it. Empty for
        other sources, and on scanned pages.

        Raises:
            SourceError: if the file is gone, changed since, or needs a password.
            UsageError, AccessDenied, StoreError.
        """
        from workbench.tasks.places import page_boxes

        workbench = self._workbench
        with self._run(Action.READ, f"boxes of document {document_id}") as run:
            span = (int(start), int(end))
            return page_boxes(run, workbench.source, workbench.corpus, int(document_id), span)

    def cells(self, document_id: int, start: int, end: int) -> list[str]:
        """The cells of a workbook that characters ``start`` to ``end`` came from: ``Sales!B7``.

        A cell where the span lies within one value below a header, else a row; empty for other
        sources.

        Raises:
            UsageError, AccessDenied, StoreError.
        """
        from workbench.sources.cells import TABLES_FIELD, cell_ranges

        with self._run(Action.READ, f"cells of document {document_id}") as run:
            document = self._workbench.corpus.document(run, int(document_id))
            tables = document.metadata.get(TABLES_FIELD, "")
            return cell_ranges(document.text, tables, int(start), int(end)) if tables else []
