"""Ways of extracting, tried on reviewed documents that taught nothing: is one surely better?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from workbench.errors import UsageError
from workbench.extraction.parsing import Locale, evidence
from workbench.extraction.schema import Schema
from workbench.extraction.teaching import Example, same
from workbench.guard.run import Run
from workbench.results.tune import Trial, TuneReport, Way
from workbench.tasks.extract import ExtractJob, ExtractRooms, extract
from workbench.tasks.reading import Options
from workbench.values import Record

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MIN_DOCUMENTS = 8
"""With fewer reviewed documents no interval would say anything."""

_SAMPLES = 2_000
_SEED = 0


PLAIN = Way(
    name="plain",
    shots=0,
    taught=False,
    window_chars=Options().window_chars,
    prompt="extract",
)
WAYS = (
    PLAIN,
    replace(PLAIN, name="taught by examples", taught=True),
    replace(PLAIN, name="the most similar example in the prompt", shots=1),
    replace(PLAIN, name="three similar examples in the prompt", shots=3),
    replace(PLAIN, name="taught, and one similar example", taught=True, shots=1),
    replace(PLAIN, name="small windows", window_chars=2_500),
    replace(PLAIN, name="fields after the document", prompt="extract_fields_last"),
)


def tune(
    run: Run,
    rooms: ExtractRooms,
    job: ExtractJob,
    labels: Mapping[int, Example],
    *,
    progress: Callable[[str, int, int], None],
) -> TuneReport:
    """Try every way of ``WAYS`` on the second half of the reviewed documents; the first half is
    where examples come from. ``labels`` are reviewed documents by id, halved in that order.

    Raises:
        UsageError: if there are fewer than ``MIN_DOCUMENTS``.
        ModelError, StoreError, AccessDenied.
    """
    if len(labels) < MIN_DOCUMENTS:
        raise UsageError(
            "there are too few reviewed documents to tell ways apart",
            value=len(labels),
            next_step=f"Review at least {MIN_DOCUMENTS} documents whole.",
        )
    ids = sorted(labels)
    teachers = [labels[number] for number in ids[::2]]
    held_back = {number: labels[number] for number in ids[1::2]}
    trials: list[Trial] = []
    plain: NDArray[np.float64] | None = None
    for done, way in enumerate(WAYS):
        progress(way.name, done, len(WAYS))
        used = run.meter.usage
        trial = replace(job, document_ids=tuple(held_back), examples=tuple(teachers))
        right = _tried(run, rooms, in_way(trial, way), held_back)
        plain = right if plain is None else plain
        cost = run.meter.usage
        trials.append(
            _trial(
                way,
                right,
                plain,
                tokens=(cost.prompt_tokens - used.prompt_tokens) / len(held_back),
                seconds=(cost.seconds - used.seconds) / len(held_back),
            )
        )
    progress("", len(WAYS), len(WAYS))
    return TuneReport(tuple(trials), len(teachers), len(held_back), run.id)


def in_way(job: ExtractJob, way: Way) -> ExtractJob:
    """The job, done in this way."""
    return replace(
        job,
        options=replace(job.options, window_chars=way.window_chars),
        examples=job.examples if way.taught or way.shots else (),
        shots=way.shots,
        taught=way.taught,
        prompt=way.prompt,
    )


def _tried(
    run: Run, rooms: ExtractRooms, job: ExtractJob, labels: Mapping[int, Example]
) -> NDArray[np.float64]:
    """The share of each document's fields that came out as reviewed (documents,)."""
    import numpy as np

    records = {
        record.document_id: record for record in extract(run, rooms, job, lambda _: None).records
    }
    return np.asarray(
        [_right(job.schema, records[number], label) for number, label in labels.items()]
    )


def _right(schema: Schema, record: Record, label: Example) -> float:
    locale = evidence(label.text, Locale())
    judged = [spec for spec in schema.fields if spec.name in label.values]
    right = 0
    for spec in judged:
        found, meant = record[spec.name], label.values[spec.name]
        # A finished document comes with its reviews; what counts is what the machine said.
        value = found.machine_value if found.review else found.value
        if meant is None or meant == "":
            right += value is None
        elif value is not None:
            # The reviewer's value may be a date or an amount already; words are parsed alike.
            right += value == meant or same(spec, meant, found.quote or str(value), locale)
    return right / len(judged) if judged else 0.0


def _trial(
    way: Way,
    right: NDArray[np.float64],
    plain: NDArray[np.float64],
    *,
    tokens: float,
    seconds: float,
) -> Trial:
    import numpy as np

    gains = right - plain
    random = np.random.default_rng(_SEED)
    samples = random.choice(gains, (_SAMPLES, len(gains))).mean(axis=1)
    low, high = np.quantile(samples, (0.025, 0.975))
    return Trial(
        **asdict(way),
        accuracy=float(right.mean()),
        gain=float(gains.mean()),
        low=float(low),
        high=float(high),
        prompt_tokens=tokens,
        seconds=seconds,
    )
