"""Verbs that put extracted fields before a person, and learn from what the person says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.guard.policy import Action
from workbench.guard.run import Run
from workbench.results.extraction import Extraction
from workbench.results.review import CalibrationReport, ReviewItem, ReviewQueue
from workbench.verbs.verbs import Verbs

if TYPE_CHECKING:
    from workbench.extraction.schema import Schema
    from workbench.extraction.teaching import Example


class ReviewVerbs(Verbs):
    """Review extractions."""

    def review_queue(
        self, extraction: Extraction | int, *, limit: int | None = None
    ) -> ReviewQueue:
        """Fields of an extraction (or its id) that nobody has judged, the least certain first.

        Raises:
            AccessDenied, UsageError, StoreError.
        """
        from workbench.tasks.review import review_queue

        number = _number(extraction)
        with self._run(Action.REVIEW, f"extraction {number}") as run:
            schema = self._schema_of(run, number)
            return review_queue(run, self._workbench.corpus, schema, number, limit=limit)

    def accept(self, item: ReviewItem) -> None:
        """The value is right, or rightly missing.

        Raises:
            AccessDenied, UsageError, StoreError.
        """
        self._judge(item, "accepted")

    def correct(self, item: ReviewItem, value: object) -> None:
        """The right value is another one; the machine's stays beside it.

        Raises:
            UsageError: if ``value`` cannot be one of the field.
            AccessDenied, StoreError.
        """
        self._judge(item, "corrected", value)

    def reject(self, item: ReviewItem) -> None:
        """The value is wrong and the document states no other.

        Raises:
            AccessDenied, UsageError, StoreError.
        """
        self._judge(item, "rejected")

    def calibration(self, extraction: Extraction | int) -> CalibrationReport:
        """What the reviews of this extraction's schema say about confidence.

        Raises:
            AccessDenied, UsageError, StoreError.
        """
        from workbench.tasks.review import calibration_report

        number = _number(extraction)
        with self._run(Action.REVIEW, f"extraction {number}") as run:
            name = self._schema_of(run, number).name
            return calibration_report(run, self._workbench.corpus, name)

    def reviewed_examples(self, extraction: Extraction | int) -> tuple[Example, ...]:
        """Documents of which every field was judged, for ``extract(examples=...)``.

        Raises:
            AccessDenied, UsageError, StoreError.
        """
        from workbench.tasks.review import reviewed_examples

        number = _number(extraction)
        with self._run(Action.REVIEW, f"extraction {number}") as run:
            return reviewed_examples(run, self._workbench.corpus, self._schema_of(run, number))

    def _judge(self, item: ReviewItem, judgement: str, value: object = None) -> None:
        from workbench.store.reviews import Judgement
        from workbench.tasks.review import judge

        resource = f"{judgement} extraction {item.extraction_id}, document {item.document_id}"
        with self._run(Action.REVIEW, resource) as run:
            schema = self._schema_of(run, item.extraction_id)
            judge(run, self._workbench.corpus, schema, item, Judgement(judgement), value)

    def _schema_of(self, run: Run, extraction_id: int) -> Schema:
        from workbench.extraction.schema_sources import as_schema

        saved = self._workbench.corpus.extractions.schema_of(run, extraction_id)
        return as_schema(dict(saved.definition))


def _number(extraction: Extraction | int) -> int:
    return extraction.id if isinstance(extraction, Extraction) else int(extraction)
