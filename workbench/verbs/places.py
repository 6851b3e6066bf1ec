"""Verbs that lead back to the original file."""

from __future__ import annotations

from workbench.guard.policy import Action, decide
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
        from workbench.tasks.places import Originals, page_boxes

        workbench = self._workbench
        with self._run(Action.READ, f"boxes of document {document_id}") as run:
            span = (int(start), int(end))
            originals = Originals(workbench.source, workbench.masker.uris)
            return page_boxes(run, originals, workbench.corpus, int(document_id), span)

    @property
    def may_see_originals(self) -> bool:
        """Whether pages are shown to the actor as they are, whatever is masked in their text."""
        return decide(self.actor, Action.ORIGINAL, "").allowed

    def page_image(self, document_id: int, page: int) -> bytes:
        """A page (from 1) of a document's PDF as a picture, PNG bytes: nothing on it is masked.

        Shown to whoever may see originals: admins, and actors with ``may = ["original"]``. To
        everybody else only if the label's documents are kept as they are, or if nothing in the
        document was masked and the page shows text alone.

        Raises:
            AccessDenied: also if this page may not be shown to the actor.
            UsageError: if there is no such page, or the document comes from no PDF file.
            SourceError: if the file is gone, changed since, or needs a password.
            StoreError.
        """
        from workbench.tasks.places import Originals, page_image

        workbench = self._workbench
        action = Action.ORIGINAL if self.may_see_originals else Action.READ
        with self._run(action, f"page {page} of document {document_id}") as run:
            return page_image(
                run,
                Originals(workbench.source, workbench.masker.uris),
                workbench.masker,
                workbench.corpus,
                int(document_id),
                int(page),
            )

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
