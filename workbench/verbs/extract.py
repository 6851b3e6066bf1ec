"""Verbs that turn documents into typed tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from workbench.errors import UsageError
from workbench.guard.policy import Action, decide
from workbench.guard.run import Run
from workbench.results import Hits
from workbench.results.extraction import Extraction, ExtractionEstimate
from workbench.results.tune import Way
from workbench.values import DocumentInfo, Hit
from workbench.verbs.verbs import Verbs

if TYPE_CHECKING:
    from workbench.extraction.schema import Schema
    from workbench.extraction.teaching import Example
    from workbench.tasks.extract import ExtractJob, ExtractProgress, ExtractRooms

ALL = "all"
"""Names every visible document, where a list of documents, hits or a label can stand too."""

REVIEWED = "reviewed"
"""Names the documents that were reviewed under the same schema, where examples can stand."""


class ExtractVerbs(Verbs):
    """Extract."""

    @property
    def may_extract(self) -> bool:
        """Whether the actor's role lets documents be turned into tables."""
        return decide(self.actor, Action.EXTRACT, ALL).allowed

    def schema(self, source: object) -> dict[str, Any]:
        """The definition of a schema: of anything that ``extract`` takes as one, checked.

        Raises:
            UsageError: if ``source`` is no schema, or names none that was used here.
            AccessDenied, StoreError.
        """
        with self._run(Action.EXTRACT, "schema") as run:
            return self._schema(run, source).to_dict()

    def extract(
        self,
        source: object,
        schema: object,
        *,
        model: str | None = None,
        many: bool = False,
        examples: object = None,
        progress: Callable[[ExtractProgress], None] | None = None,
    ) -> Extraction:
        """One typed record per document of ``source``, or with ``many`` as many as it holds.

        ``source`` is "all", a label, hits of a search, or document ids and infos. ``schema`` is a
        Pydantic model, a dict, a JSON Schema, a file of one, a DataFrame of example rows, or the
        name of a schema saved here before. ``examples`` are reviewed documents, see ``Example``:
        dicts with ``values`` and ``document_id`` or ``text``; "reviewed" takes those that were
        reviewed here under the same schema; a trial of ``tune`` takes those too, in that trial's
        way.

        Finished documents are stored as they come: the same call again reads them from the
        workspace. What fails is a record with its problem; the batch goes on.

        Raises:
            AccessDenied, UsageError, ModelError, StoreError.
        """
        from workbench.tasks.extract import extract

        with self._run(Action.EXTRACT, _named(source)) as run:
            job = self._job(run, source, schema, model=model, many=many, examples=examples)
            return extract(run, self._extract_rooms(), job, progress or _ignore)

    def estimate_extraction(
        self, source: object, schema: object, *, many: bool = False, model: str | None = None
    ) -> ExtractionEstimate:
        """What ``extract`` would cost at most, without asking a model.

        Raises:
            AccessDenied, UsageError, StoreError.
        """
        from workbench.tasks.extract import estimate

        with self._run(Action.EXTRACT, _named(source)) as run:
            job = self._job(run, source, schema, model=model, many=many, examples=None)
            return estimate(run, self._extract_rooms(), job)

    def _extract_rooms(self) -> ExtractRooms:
        from workbench.tasks.extract import ExtractRooms
        from workbench.tasks.places import Originals

        workbench = self._workbench
        originals = Originals(workbench.source, workbench.masker.uris)
        return ExtractRooms(workbench.config, workbench.models, workbench.corpus, originals)

    def _job(
        self,
        run: Run,
        source: object,
        schema: object,
        *,
        model: str | None,
        many: bool,
        examples: object,
    ) -> ExtractJob:
        from workbench.tasks.extract import ExtractJob
        from workbench.tasks.reading import Options
        from workbench.tasks.tune import in_way

        found = self._schema(run, schema)
        way = examples if isinstance(examples, Way) else None
        job = ExtractJob(
            document_ids=self._document_ids(run, source),
            schema=found,
            model=model or self._workbench.config.models.chat,
            options=Options(many=many),
            examples=self._examples(run, found, REVIEWED if way else examples),
        )
        return in_way(job, way) if way else job

    def _schema(self, run: Run, schema: object) -> Schema:
        from workbench.extraction.schema_sources import as_schema, is_file

        if isinstance(schema, str) and not is_file(schema):
            return as_schema(
                dict(self._workbench.corpus.extractions.schema(run, schema).definition)
            )
        return as_schema(schema)

    def _document_ids(self, run: Run, source: object) -> tuple[int, ...]:
        infos = self._workbench.corpus.documents(run)
        if isinstance(source, str):
            chosen = [i.id for i in infos if source in {ALL, i.label}]
            if not chosen and source != ALL:
                raise UsageError(
                    "no visible document has this label",
                    value=source,
                    next_step='Use one of your labels, "all", or document ids.',
                )
            return tuple(chosen)
        found = [_document_id(part) for part in _parts(source)]
        return tuple(dict.fromkeys(found))

    def _examples(self, run: Run, schema: Schema, examples: object) -> tuple[Example, ...]:
        from workbench.extraction.teaching import Example

        if examples is None:
            return ()
        if examples == REVIEWED:
            from workbench.tasks.review import reviewed_examples

            return tuple(reviewed_examples(run, self._workbench.corpus, schema).values())
        given: Sequence[Any] = (
            _example_rows(examples) if hasattr(examples, "to_dict") else list(_iterated(examples))
        )
        found = []
        for part in given:
            if isinstance(part, Example):
                found.append(part)
                continue
            if not isinstance(part, Mapping) or not isinstance(part.get("values"), Mapping):
                raise _bad_example()
            if isinstance(part.get("text"), str):
                # Given by hand, so masked like the documents that it stands for.
                text = self._workbench.masker.mask_texts([part["text"]])[0]
            elif "document_id" in part:
                text = self._workbench.corpus.document(run, int(part["document_id"])).text
            else:
                raise _bad_example()
            found.append(Example(text, dict(part["values"])))
        return tuple(found)


def _example_rows(rows: Any) -> list[dict[str, Any]]:
    """Rows of a DataFrame: ``document_id`` or ``text``, every other column a field."""
    keys = {"document_id", "text"}
    return [
        {
            **{key: row[key] for key in keys if key in row},
            "values": {key: value for key, value in row.items() if key not in keys},
        }
        for row in rows.to_dict(orient="records")
    ]


def _parts(source: object) -> Iterable[object]:
    if isinstance(source, int | DocumentInfo | Hit):
        return [source]
    return source.hits if isinstance(source, Hits) else _iterated(source)


def _iterated(parts: object) -> Iterable[object]:
    if isinstance(parts, Iterable) and not isinstance(parts, str | bytes | Mapping):
        return parts
    raise UsageError(
        "these are no documents",
        value=type(parts).__name__,
        next_step='Give "all", a label, hits, or a list of document ids or infos.',
    )


def _document_id(part: object) -> int:
    if isinstance(part, DocumentInfo):
        return part.id
    if isinstance(part, Hit):
        return part.chunk.document_id
    found = getattr(part, "id", part)
    if isinstance(found, int) and not isinstance(found, bool):
        return found
    raise UsageError(
        "this is no document",
        value=type(part).__name__,
        next_step="Give ids as documents() lists them, or its infos.",
    )


def _named(source: object) -> str:
    return source if isinstance(source, str) else "documents"


def _bad_example() -> UsageError:
    return UsageError(
        "an example cannot be used",
        next_step='Give dicts such as {"document_id": 7, "values": {"total": "9.00"}}.',
    )


def _ignore(_: ExtractProgress) -> None:
    """Show no progress."""
