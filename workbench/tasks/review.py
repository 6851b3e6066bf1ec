"""Reviews: a queue of doubtful fields, judgements, and what they teach about confidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace

from workbench.errors import UsageError
from workbench.extraction.assembling import parsed, plain, violation
from workbench.extraction.calibration import Calibration, Label, calibrate, doubt
from workbench.extraction.parsing import Locale
from workbench.extraction.schema import Leaf, Schema, bare
from workbench.extraction.teaching import Example
from workbench.guard.run import Run
from workbench.results.review import CalibrationReport, ReviewItem, ReviewQueue
from workbench.store.corpus import Corpus
from workbench.store.reviews import Judgement, Review
from workbench.values import Field, Record, RecordStatus

Place = tuple[int, int, str]


def review_queue(
    run: Run, corpus: Corpus, schema: Schema, extraction_id: int, *, limit: int | None
) -> ReviewQueue:
    """Fields of an extraction that nobody has judged, the least certain first.

    Raises:
        AccessDenied, StoreError.
    """
    judged = {review.place for review in corpus.reviews.of(run, [extraction_id])}
    calibration = calibration_of(run, corpus, schema.name)
    records = with_confidence(corpus.extractions.records(run, extraction_id), calibration)
    items = [
        ReviewItem(extraction_id, r.document_id, r.document, r.ordinal, field, doubt(field))
        for r in records
        if r.status is not RecordStatus.FAILED
        for field in r.fields
    ]
    waiting = [i for i in items if (i.document_id, i.ordinal, i.field.name) not in judged]
    waiting.sort(key=lambda item: -item.doubt)
    return ReviewQueue(
        extraction_id=extraction_id,
        items=tuple(waiting[:limit]),
        reviewed=len(items) - len(waiting),
        total=len(items),
        run_id=run.id,
    )


def judge(
    run: Run,
    corpus: Corpus,
    schema: Schema,
    item: ReviewItem,
    judgement: Judgement,
    value: object = None,
) -> None:
    """Keep what a reviewer says about a field.

    Raises:
        UsageError: if a corrected value cannot be one of its field.
        AccessDenied, StoreError.
    """
    text = None
    if judgement is Judgement.CORRECTED:
        text = _checked(value, _leaf(schema, item.field.name))
    corpus.reviews.add(
        run,
        Review(
            item.extraction_id, item.document_id, item.ordinal, item.field.name, judgement, text
        ),
    )


def calibration_report(run: Run, corpus: Corpus, schema_name: str) -> CalibrationReport:
    """How well confidences of a schema hold, on documents held back.

    Raises:
        AccessDenied, StoreError.
    """
    labels = _labels(run, corpus, schema_name)
    found = calibrate(labels)
    if found is None:
        return CalibrationReport(len(labels), None, None, (), run.id)
    measured = found.measured
    bins = tuple(asdict(row) for row in measured.bins)
    return CalibrationReport(len(labels), measured.accuracy, measured.error, bins, run.id)


def calibration_of(run: Run, corpus: Corpus, schema_name: str) -> Calibration | None:
    """What the reviews of all extractions with a schema teach; None while they are too few."""
    return calibrate(_labels(run, corpus, schema_name))


def with_confidence(
    records: Sequence[Record], calibration: Calibration | None
) -> tuple[Record, ...]:
    """The records with the confidence of every field, as they are without a calibration."""
    if calibration is None:
        return tuple(records)
    return tuple(
        replace(
            record,
            fields=tuple(
                replace(field, confidence=sure)
                for field, sure in zip(
                    record.fields, calibration.confidence(record.fields), strict=True
                )
            ),
        )
        for record in records
    )


def reviewed_records(
    run: Run, corpus: Corpus, schema: Schema, extraction_id: int, records: Sequence[Record]
) -> tuple[Record, ...]:
    """The records with what reviewers decided; the machine's value stays in ``machine_value``."""
    reviews = {review.place: review for review in corpus.reviews.of(run, [extraction_id])}
    return tuple(
        replace(
            record,
            fields=tuple(
                _decided(field, reviews.get((record.document_id, record.ordinal, field.name)), leaf)
                for field in record.fields
                for leaf in [_leaf(schema, field.name)]
            ),
        )
        for record in records
    )


def with_reviews(
    run: Run, corpus: Corpus, schema: Schema, extraction_id: int, records: Sequence[Record]
) -> tuple[Record, ...]:
    """The records as reviewers left them, and how sure the others are."""
    sure = with_confidence(records, calibration_of(run, corpus, schema.name))
    return reviewed_records(run, corpus, schema, extraction_id, sure)


def reviewed_examples(run: Run, corpus: Corpus, schema: Schema) -> dict[int, Example]:
    """Documents of which every field was judged, by id: what the reviewers left or wrote.

    Raises:
        AccessDenied, StoreError.
    """
    examples: dict[int, Example] = {}
    for number in corpus.reviews.extractions_of(run, schema.name):
        reviews = {review.place: review for review in corpus.reviews.of(run, [number])}
        if not reviews:
            continue
        for record in corpus.extractions.records(run, number):
            values = _agreed(record, reviews, schema)
            if values is not None:
                text = corpus.document(run, record.document_id).text
                examples[record.document_id] = Example(text, values)
    return examples


def _labels(run: Run, corpus: Corpus, schema_name: str) -> list[Label]:
    labels = []
    for number in corpus.reviews.extractions_of(run, schema_name):
        reviews = {review.place: review for review in corpus.reviews.of(run, [number])}
        if not reviews:
            continue
        for record in corpus.extractions.records(run, number):
            for field in record.fields:
                review = reviews.get((record.document_id, record.ordinal, field.name))
                if review is not None:
                    right = review.judgement is Judgement.ACCEPTED
                    labels.append(Label(field, right, record.document_id))
    return labels


def _agreed(
    record: Record, reviews: Mapping[Place, Review], schema: Schema
) -> dict[str, object] | None:
    values: dict[str, object] = {}
    for field in record.fields:
        review = reviews.get((record.document_id, record.ordinal, field.name))
        if review is None:
            return None
        if "." not in field.name and "[" not in field.name:
            values[field.name] = _decided(field, review, _leaf(schema, field.name)).value
    return values


def _decided(field: Field, review: Review | None, leaf: Leaf) -> Field:
    if review is None:
        return field
    judged = replace(field, review=review.judgement.value, machine_value=field.value)
    if review.judgement is Judgement.REJECTED:
        return replace(judged, value=None)
    if review.judgement is Judgement.CORRECTED and review.value is not None:
        value, unit = parsed(review.value, leaf.spec, Locale())
        return replace(judged, value=value, unit=unit or field.unit)
    return judged


def _leaf(schema: Schema, name: str) -> Leaf:
    for leaf in schema.leaves:
        if leaf.path == bare(name):
            return leaf
    raise UsageError(
        "the schema has no such field", value=name, next_step="Take the items of review_queue."
    )


def _checked(value: object, leaf: Leaf) -> str:
    text = " ".join(str(plain(value)).split()) if value is not None else ""
    stated, unit = parsed(text, leaf.spec, Locale())
    problem = f"it is no {leaf.spec.type.value}" if stated is None else violation(stated, leaf.spec)
    if problem:
        raise UsageError(
            f"this cannot be the value of {leaf.path!r}: {problem}",
            value=text[:80],
            next_step="Write the value as the field's type asks, or reject the field.",
        )
    return f"{plain(stated)} {unit}".strip()
