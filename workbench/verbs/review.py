"""Verbs that put extracted fields before a person, and learn from what the person says."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from workbench.errors import AccessDenied
from workbench.guard.policy import Action, decide
from workbench.guard.run import Run
from workbench.results.extraction import Extraction
from workbench.results.review import CalibrationReport, ReviewItem, ReviewQueue
from workbench.results.tune import TuneReport
from workbench.values import ExtractionInfo
from workbench.verbs.extract import ExtractVerbs

if TYPE_CHECKING:
    from workbench.extraction.schema import Schema
    from workbench.extraction.teaching import Example


class ReviewVerbs(ExtractVerbs):
    """Extract and review."""

    @property
    def may_review(self) -> bool:
        """Whether the actor's role lets extracted fields be judged."""
        return decide(self.actor, Action.REVIEW, "extractions").allowed

    def extractions(self) -> list[ExtractionInfo]:
        """Every stored extraction with records of documents in scope, the latest first.

        Raises:
            AccessDenied, StoreError.
        """
        with self._run(Action.REVIEW, "extractions") as run:
            return self._workbench.corpus.extractions.infos(run)

    def extraction(self, extraction_id: int) -> Extraction:
        """A stored extraction, as reviewers left it by now. No model is asked.

        Raises:
            UsageError: if there is none of this id.
            AccessDenied: also if none of its records is in scope.
            StoreError.
        """
        from workbench.tasks.extract import stored_extraction

        corpus = self._workbench.corpus
        with self._run(Action.REVIEW, f"extraction {extraction_id}") as run, corpus.together(run):
            schema = self._schema_of(run, extraction_id)
            infos = {info.id: info for info in corpus.extractions.infos(run)}
            if extraction_id not in infos:
                raise AccessDenied(
                    "no record of this extraction is in your scope",
                    value=extraction_id,
                    next_step="Take one that extractions() lists.",
                )
            return stored_extraction(run, corpus, schema, infos[extraction_id])

    def review_queue(
        self, extraction: Extraction | int, *, limit: int | None = None
    ) -> ReviewQueue:
        """Fields of an extraction (or its id) that nobody has judged, the least certain first.

        Raises:
            AccessDenied, UsageError, StoreError.
        """
        from workbench.tasks.review import review_queue

        number = _number(extraction)
        corpus = self._workbench.corpus
        with self._run(Action.REVIEW, f"extraction {number}") as run, corpus.together(run):
            schema = self._schema_of(run, number)
            return review_queue(run, corpus, schema, number, limit=limit)

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
            schema = self._schema_of(run, number)
            return tuple(reviewed_examples(run, self._workbench.corpus, schema).values())

    def tune(
        self,
        extraction: Extraction | int,
        *,
        model: str | None = None,
        progress: Callable[[str, int, int], None] | None = None,
    ) -> TuneReport:
        """Try other ways of extracting on the documents that were reviewed under this extraction's
        schema; half of them teach, the other half judges. Every trial asks the model.

        Raises:
            UsageError: if too few documents were reviewed whole.
            AccessDenied, ModelError, StoreError.
        """
        from workbench.tasks.extract import ExtractJob
        from workbench.tasks.review import reviewed_examples
        from workbench.tasks.tune import tune

        number = _number(extraction)
        workbench = self._workbench
        with self._run(Action.EXTRACT, f"tune extraction {number}") as run:
            schema = self._schema_of(run, number)
            labels = reviewed_examples(run, workbench.corpus, schema)
            job = ExtractJob((), schema, model or workbench.config.models.chat)
            return tune(run, self._extract_rooms(), job, labels, progress=progress or _ignore)

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


def _ignore(name: str, done: int, total: int) -> None:
    """Show no progress."""


def _number(extraction: Extraction | int) -> int:
    return extraction.id if isinstance(extraction, Extraction) else int(extraction)
