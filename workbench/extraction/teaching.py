"""Reviewed examples -> a ranking of a document's spans for each field.

A conditional logit (McFadden 1974): among the candidates of one document, those that state the
reviewed value should be the most probable ones, under an L2 penalty. What the model said about the
example, without having seen its answer, is among the features, so that the ranking learns from the
same examples how far the model is to be trusted and where it errs: one line too few, the sum
before rounding. It needs no model call of its own and takes seconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from workbench.extraction.assembling import normalised, parsed
from workbench.extraction.candidates import Candidate, Features, candidates
from workbench.extraction.locating import Match, Place, Source
from workbench.extraction.parsing import Locale, as_decimal, evidence
from workbench.extraction.schema import FieldSpec, FieldType, Schema

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MIN_EXAMPLES = 6
"""A field with fewer usable examples is left to the model."""

PENALTY = 0.5


@dataclass(frozen=True, slots=True)
class Example:
    """A reviewed document. ``values`` by field name; None or "" where it does not state the field.

    ``words`` are what the model said about it, see ``replies.Words``.
    """

    text: str
    values: Mapping[str, object]
    words: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Choice:
    """The most probable candidate; ``place`` is None for "the document does not say"."""

    place: Place | None
    probability: float


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """Weights by feature for one field."""

    spec: FieldSpec
    names: Mapping[str, int]
    weights: NDArray[np.float64]

    def choose(self, source: Source, words: Mapping[str, str]) -> Choice | None:
        """The best candidate of a document; None if it has none or too many to compare.

        ``words`` are the model's by field.
        """
        import numpy as np

        found = candidates(self.spec, source, words)
        if not found:
            return None
        scores = np.array([self._score(candidate.features) for candidate in found])
        odds = np.exp(scores - scores.max())
        best = int(odds.argmax())
        probability = float(odds[best] / odds.sum())
        start, end = found[best].start, found[best].end
        if start < 0:
            return Choice(None, probability)
        return Choice(Place(start, end, Match.EXACT, 100.0), probability)

    def _score(self, features: Features) -> float:
        names = self.names
        return sum(float(self.weights[names[n]]) * v for n, v in features.items() if n in names)


def learn(schema: Schema, examples: Sequence[Example]) -> dict[str, Ranking]:
    """A ranking for every top-level field that the examples teach enough about."""
    sources = [Source(e.text, evidence(e.text, Locale())) for e in examples]
    rankings = {}
    for spec in schema.fields:
        documents = []
        for example, source in zip(examples, sources, strict=True):
            if spec.name not in example.values:
                continue
            found = candidates(spec, source, example.words)
            right = [_is_right(c, spec, example.values[spec.name], source) for c in found]
            if any(right):
                documents.append((found, right))
        if len(documents) >= MIN_EXAMPLES:
            rankings[spec.name] = _fit(spec, documents)
    return rankings


def _is_right(candidate: Candidate, spec: FieldSpec, value: object, source: Source) -> bool:
    if candidate.start < 0 or value is None or value == "":
        return candidate.start < 0 and (value is None or value == "")
    words = source.text[candidate.start : candidate.end]
    return same(spec, value, words, source.locale)


def same(spec: FieldSpec, value: object, words: str, locale: Locale) -> bool:
    """Whether ``words`` state ``value``: equal once parsed, or in their letters and digits."""
    if spec.type is FieldType.TEXT:
        keys = ("lower", "letters_digits")
        return normalised(str(value), keys) == normalised(words, keys)
    stated = parsed(words, spec, locale)[0]
    if isinstance(value, str):
        return stated is not None and stated == parsed(value, spec, locale)[0]
    meant = as_decimal(value) if isinstance(value, int | float) else value
    return stated is not None and stated == meant


def _fit(
    spec: FieldSpec, documents: Sequence[tuple[Sequence[Candidate], Sequence[bool]]]
) -> Ranking:
    import numpy as np
    from scipy.optimize import minimize
    from scipy.sparse import csr_matrix

    names: dict[str, int] = {}
    data: list[float] = []
    columns: list[int] = []
    ends = [0]
    for found, _ in documents:
        for candidate in found:
            for name, value in candidate.features.items():
                columns.append(names.setdefault(name, len(names)))
                data.append(value)
            ends.append(len(columns))
    rows = csr_matrix((data, columns, ends), shape=(len(ends) - 1, len(names)))
    sizes = [len(found) for found, _ in documents]
    firsts = np.cumsum([0, *sizes[:-1]])
    owner = np.repeat(np.arange(len(sizes)), sizes)
    right = np.concatenate([np.asarray(truth, dtype=float) for _, truth in documents])

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        scores = np.asarray(rows @ weights, dtype=np.float64)
        odds = np.exp(scores - np.maximum.reduceat(scores, firsts)[owner])
        every, good = np.add.reduceat(odds, firsts), np.add.reduceat(odds * right, firsts)
        # A right candidate may be too improbable for a float; its share is then taken as tiny.
        good = np.maximum(good, 1e-300)
        slope = rows.T @ (odds / every[owner] - odds * right / good[owner])
        cost = float(np.log(every / good).sum() + 0.5 * PENALTY * weights @ weights)
        return cost, slope + PENALTY * weights

    fitted = minimize(
        loss, np.zeros(len(names)), jac=True, method="L-BFGS-B", options={"maxiter": 150}
    )
    return Ranking(spec, names, np.asarray(fitted.x, dtype=np.float64))
