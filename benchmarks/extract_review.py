"""Does a review pay? Confidence and the order of the queue, on documents that nobody reviewed.

Every second scored document, up to as many as asked for, is reviewed as its labels say, through the
session's own verbs. On all the others: the expected calibration error (mean gap of confidence and
accuracy over ten bins, Guo 2017), and the share of all errors among the first fifth of the queue,
before and after the review. An error is a value that is not the labelled one, or none where there
is one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.extract_data import Labelled, is_right
from workbench.errors import UsageError
from workbench.extraction.parsing import Locale, evidence
from workbench.extraction.schema import Schema, bare
from workbench.results.review import ReviewItem
from workbench.session import Session
from workbench.values import Field

FIRST_SHARE = 0.2
_BINS = 10


def review(
    session: Session,
    schema: Schema,
    extraction_id: int,
    documents: Mapping[int, Labelled],
    most: int,
) -> dict[str, Any]:
    """Review up to ``most`` of ``documents``; figures of the others."""
    locales = {n: evidence(session.document(n).text, Locale()) for n in documents}
    reviewers = sorted(documents)[::2][:most]
    others = documents.keys() - set(reviewers)

    def judged(items: Sequence[ReviewItem]) -> list[bool]:
        return [
            is_as_labelled(i.field, schema, documents[i.document_id], locales[i.document_id])
            for i in items
        ]

    queue = session.review_queue(extraction_id)
    before = [item for item in queue if item.document_id in others]
    figures: dict[str, Any] = {
        "reviewed": len(reviewers),
        "held_back": len(others),
        "errors_first_fifth_unreviewed": first_errors(judged(before)),
    }
    mine = [item for item in queue if item.document_id in reviewers]
    for item, right in zip(mine, judged(mine), strict=True):
        _decide(session, item, documents[item.document_id], right=right)
    waiting = [i for i in session.review_queue(extraction_id) if i.document_id in others]
    truth = judged(waiting)
    sure = [i.field.confidence for i in waiting]
    pairs = [(c, t) for c, t in zip(sure, truth, strict=True) if c is not None]
    report = session.calibration(extraction_id)
    return figures | {
        "fields": len(waiting),
        "errors": truth.count(False),
        "errors_first_fifth": first_errors(truth),
        "calibration_error": calibration_error(pairs) if pairs else None,
        "calibration_error_reported": report.error,
        "bins": [dict(row) for row in report.bins],
        "pairs": [(i.field.name, c, t) for i, c, t in zip(waiting, sure, truth, strict=True)],
    }


def is_as_labelled(field: Field, schema: Schema, document: Labelled, locale: Locale) -> bool:
    """Whether the machine left the field as its label says, also where that says nothing."""
    wordings = document.gold.get(field.name.partition("[")[0], ())
    if field.value is None:
        return not wordings
    spec = next(leaf.spec for leaf in schema.leaves if leaf.path == bare(field.name))
    words = field.quote or str(field.value)
    return any(is_right(spec, words, wording, locale) for wording in wordings)


def first_errors(truth: Sequence[bool]) -> float | None:
    """The share of all errors among the first fifth of a queue, given which fields are right."""
    errors = truth.count(False)
    first = truth[: round(len(truth) * FIRST_SHARE)]
    return first.count(False) / errors if errors else None


def calibration_error(pairs: Sequence[tuple[float, bool]]) -> float:
    """Expected calibration error (Guo 2017) of confidences and whether each was right."""
    error = 0.0
    for number in range(_BINS):
        inside = [p for p in pairs if min(int(p[0] * _BINS), _BINS - 1) == number]
        if inside:
            sure = sum(p[0] for p in inside) / len(inside)
            right = sum(p[1] for p in inside) / len(inside)
            error += abs(sure - right) * len(inside) / len(pairs)
    return error


def _decide(session: Session, item: ReviewItem, document: Labelled, *, right: bool) -> None:
    if right:
        session.accept(item)
        return
    value = document.values().get(item.field.name)
    if not value:
        session.reject(item)
        return
    try:
        session.correct(item, value)
    except UsageError:
        # A label that cannot be a value of the field, such as a day the calendar has not.
        session.reject(item)
