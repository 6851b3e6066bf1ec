"""How probable it is that passages carry a claim: a model's yes or no, weighed with plain evidence.

The model is asked whether the text supports every detail; what counts is how probable it finds a
yes, not what it writes. A logistic regression joins that with what words alone tell. Its
coefficients are in ``groundedness.toml``, fitted by ``benchmarks.groundedness --fit``;
docs/decisions tell how well they hold. It is a score for sorting and for a threshold, not a rate of
errors to be shown.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources

from workbench.evaluation.evidence import about, signals
from workbench.guard.run import Run
from workbench.models.catalog import full_name
from workbench.models.governed import Models
from workbench.models.messages import ChatRequest
from workbench.prompts.registry import load_prompt

YES = "supported"
"""The signal that the model gives: the log odds of its yes."""

JUDGES = ("default", "light")
"""The models that may judge, the better one first; only those that are calibrated do."""

_WORDS = "words"
_LEAST = 1e-4
_DOUBT = 0.035
"""On 24 queries about meetings so much less than the threshold left a third fewer sentences that
the document does not carry; the threshold itself would have cost a twentieth of ROUGE-1."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Weights of a logistic regression over signals, and the probability from which a claim counts
    as supported. ``judged`` tells whether a model's answers are among the signals."""

    intercept: float
    threshold: float
    weights: Mapping[str, float]

    @property
    def judged(self) -> bool:
        return YES in self.weights

    def probability(self, found: Mapping[str, float]) -> float:
        """The probability, 0 to 1, for the signals ``found``."""
        logit = self.intercept + sum(weight * found[name] for name, weight in self.weights.items())
        return 1 / (1 + math.exp(-max(-30.0, min(30.0, logit))))


class Groundedness:
    """A scorer that asks ``model``; where it has no calibration it is not asked, words decide."""

    def __init__(self, models: Models, model: str) -> None:
        self._models = models
        self._model = model
        self._calibration = calibration_of(models.resolve(model))

    @property
    def asks(self) -> bool:
        """Whether a model reads the claim; otherwise words alone are compared."""
        return self._calibration.judged

    @property
    def threshold(self) -> float:
        """The probability from which a claim counts as supported."""
        return self._calibration.threshold

    def supports(self, probability: float) -> bool:
        """Whether a claim of this probability counts as supported."""
        return probability >= self._calibration.threshold

    def doubts(self, probability: float) -> bool:
        """Whether a claim that some passages carry is improbable in the light of a whole document,
        of which only the sentences that share most words with it are read."""
        return probability < self._calibration.threshold - _DOUBT

    def score(self, run: Run, claim: str, passages: Sequence[str]) -> float:
        """The probability, 0 to 1, that the passages carry every detail of the claim.

        Raises:
            AccessDenied, BudgetExceeded, ModelError: from asking the model.
        """
        run.require_open()
        text = about(claim, passages)
        found = signals(claim, text)
        if self._calibration.judged:
            found[YES] = self.asked(run, claim, text)
        return self._calibration.probability(found)

    def asked(self, run: Run, claim: str, text: str) -> float:
        """The log odds that the model says yes.

        Raises:
            As ``score``.
        """
        prompt = load_prompt("groundedness")
        request = ChatRequest(
            model=self._model,
            system=prompt.system,
            user=prompt.fill({"sources": text, "claim": claim}),
            schema=None,
            max_tokens=prompt.max_tokens,
            prompt_version=prompt.version,
        )
        yes, no = self._models.weigh(run, request, ("yes", "no"))
        return math.log(max(yes, _LEAST) / max(no, _LEAST))


def judge(models: Models, writer: str = JUDGES[0]) -> Groundedness:
    """The scorer for what ``writer`` wrote: with the writer itself, which is in memory already, if
    it is calibrated; else with the first of ``JUDGES`` that the server has; else of words alone.

    Raises:
        ModelUnavailable, ModelTimeout, InvalidReply.
    """
    present = {full_name(info.name) for info in models.available()}
    names = [name for name in (writer, *JUDGES) if calibration_of(models.resolve(name)).judged]
    able = [name for name in names if full_name(models.resolve(name)) in present]
    return Groundedness(models, next(iter(able), _WORDS))


def calibration_of(model: str) -> Calibration:
    """The shipped calibration of ``model``; of words alone where there is none for it."""
    text = resources.files("workbench.evaluation").joinpath("groundedness.toml").read_text("utf-8")
    told = tomllib.loads(text)["models"]
    found = told.get(model, told[_WORDS])
    return Calibration(found["intercept"], found["threshold"], found["weights"])
