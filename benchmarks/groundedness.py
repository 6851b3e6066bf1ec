"""The groundedness scorer on labelled claims, beside word overlap and embeddings.

    python -m benchmarks.groundedness --data DIR [DIR ...] --out FILE.json
        [--limit N ...] [--model NAME] [--signals FILE.jsonl] [--fit FILE.toml]

Each DIR holds SummEdits, WiCE or ContractNLI, see ``groundedness_data``. Up to N claims of it are
judged, chosen document by document. Half of the documents, by
their hash, are kept from fitting; every figure is of that half. The baselines' thresholds are those
that do best on the other half, the scorer's is the shipped one.

``--signals`` keeps what the model said, so that a run goes on where it stopped. ``--fit`` writes
the coefficients anew from the first half, each set with equal weight, and measures those; the
model's yes stands alone in them if the words' signals do not help on documents of that half which
are left out in turn.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, roc_auc_score
from sklearn.model_selection import GroupKFold

from benchmarks.ask import open_benchmark
from benchmarks.groundedness_data import Pair, load, sample
from workbench.evaluation.evidence import NAMES, about, signals
from workbench.evaluation.groundedness import (
    JUDGES,
    YES,
    Calibration,
    Groundedness,
    calibration_of,
)
from workbench.guard.policy import Action
from workbench.tasks.attribute import coverage
from workbench.tasks.sentences import sentence_spans
from workbench.workbench import Workbench

BINS = 10
UNJUDGED = 600
"""Claims of each set for the calibration that needs no model."""

JUDGED = ((YES,), (YES, *NAMES))
"""What a model's calibration may be made of."""

FOLDS = 8
_STRENGTH = 0.1

Floats = NDArray[np.float64]
Row = dict[str, float]


def main() -> None:
    """Judge, compare, write the JSON."""
    arguments = _arguments()
    limits = [*arguments.limit, *[arguments.limit[-1]] * len(arguments.data)]
    pairs = [
        pair
        for folder, limit in zip(arguments.data, limits, strict=False)
        for pair in sample(load(folder), limit)
    ]
    with tempfile.TemporaryDirectory() as folder:
        workbench = open_benchmark(Path(folder), arguments.model)
        model = workbench.models.resolve(arguments.model)
        rows = _signals(workbench, arguments.model, pairs, arguments.signals)
    if arguments.fit:
        unjudged = [p for folder in arguments.data for p in sample(load(folder), UNJUDGED)]
        words = fit(unjudged, [_worded(pair) for pair in unjudged], NAMES)
        judged = max(JUDGED, key=lambda names: left_out(pairs, rows, names))
        calibrations = {model: fit(pairs, rows, judged), "words": words}
        _write(arguments.fit, calibrations)
    else:
        calibrations = {name: calibration_of(name) for name in (model, "words")}
    report = _report(pairs, rows, calibrations[model], calibrations["words"])
    _print(report)
    arguments.out.write_text(json.dumps({"model": model, **report}, indent=1) + "\n", "utf-8")


def fit(pairs: Sequence[Pair], rows: Sequence[Row], names: Sequence[str]) -> Calibration:
    """A calibration from the pairs that are not held out; every domain weighs the same.

    A signal against a claim that would speak for it, as rare words do in edited summaries, is a
    quirk of the data and left out. The threshold is the one of best balanced accuracy there.
    """
    own = [n for n, pair in enumerate(pairs) if not pair.held_out]
    return _fitted([pairs[n] for n in own], [rows[n] for n in own], names)


def left_out(pairs: Sequence[Pair], rows: Sequence[Row], names: Sequence[str]) -> float:
    """Balanced accuracy in the half that is fitted, each document judged by a fit without it."""
    own = [n for n, pair in enumerate(pairs) if not pair.held_out]
    documents = [pairs[n].document for n in own]
    right = np.array([pairs[n].supported for n in own])
    said = np.zeros(len(own), np.bool_)
    for train, test in GroupKFold(min(FOLDS, len(set(documents)))).split(own, groups=documents):
        kept = [own[n] for n in train]
        found = _fitted([pairs[n] for n in kept], [rows[n] for n in kept], names)
        said[test] = [found.probability(rows[own[n]]) >= found.threshold for n in test]
    return float(balanced_accuracy_score(right, said))


def _fitted(pairs: Sequence[Pair], rows: Sequence[Row], names: Sequence[str]) -> Calibration:
    labels = np.array([pair.supported for pair in pairs])
    domains = [pair.domain for pair in pairs]
    weights = np.array([1 / domains.count(domain) for domain in domains])
    weights *= len(pairs) / weights.sum()
    kept = tuple(names)
    while True:
        table = np.array([[row[name] for name in kept] for row in rows])
        centre, scale = table.mean(axis=0), table.std(axis=0)
        scale[scale == 0] = 1
        model = LogisticRegression(C=_STRENGTH, max_iter=1_000)
        model.fit((table - centre) / scale, labels, sample_weight=weights)
        slopes = dict(zip(kept, model.coef_[0] / scale, strict=True))
        sound = tuple(name for name in kept if name == YES or slopes[name] <= 0)
        if sound == kept:
            break
        kept = sound
    intercept = round(float(model.intercept_[0] - model.coef_[0] @ (centre / scale)), 4)
    plain = Calibration(intercept, 0.5, {name: round(float(w), 4) for name, w in slopes.items()})
    chances = np.array([plain.probability(row) for row in rows])
    return replace(plain, threshold=best_threshold(labels, chances, weights))


def best_threshold(labels: NDArray[np.bool_], scores: Floats, weights: Floats) -> float:
    """From where on to call a claim supported, for the best balanced accuracy."""
    tried = np.quantile(scores, np.linspace(0.02, 0.98, 49))
    found = [
        balanced_accuracy_score(labels, scores >= limit, sample_weight=weights) for limit in tried
    ]
    return round(float(tried[int(np.argmax(found))]), 3)


def calibration_error(labels: NDArray[np.bool_], chances: Floats) -> float:
    """Expected calibration error in ``BINS`` bins of equal width (Guo et al., ICML 2017)."""
    places = np.minimum((chances * BINS).astype(int), BINS - 1)
    return float(
        sum(
            abs(chances[places == each].mean() - labels[places == each].mean())
            * (places == each).mean()
            for each in set(places.tolist())
        )
    )


def _signals(
    workbench: Workbench, model: str, pairs: Sequence[Pair], kept: Path | None
) -> list[Row]:
    known: dict[str, Row] = {}
    if kept and kept.exists():
        lines = kept.read_text(encoding="utf-8").splitlines()
        known = {each["key"]: each["row"] for each in map(json.loads, lines)}
    # Claims about one text follow each other, so that the server reads the text once.
    for number, pair in enumerate(sorted(pairs, key=lambda pair: pair.document), start=1):
        if pair.key in known:
            continue
        known[pair.key] = _row(workbench, model, pair)
        if kept:
            with kept.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"key": pair.key, "row": known[pair.key]}) + "\n")
        print(f"{number}/{len(pairs)}", end="\r", flush=True)
    return [known[pair.key] | _worded(pair) for pair in pairs]


def _worded(pair: Pair) -> Row:
    text = about(pair.claim, [pair.passage])
    return {**signals(pair.claim, text), "overlap": coverage(pair.claim, text)}


def _row(workbench: Workbench, model: str, pair: Pair) -> Row:
    text = about(pair.claim, [pair.passage])
    actor = workbench.session("benchmark").actor
    with workbench.guard.open(actor, Action.EVALUATE, resource="groundedness") as run:
        asked = Groundedness(workbench.models, model).asked(run, pair.claim, text)
        sentences = [text[start:end] for start, end in sentence_spans(text)]
        vectors = workbench.models.embed(run, [pair.claim, *sentences])
    return {YES: asked, "embedding": float((vectors[1:] @ vectors[0]).max())}


def _report(
    pairs: Sequence[Pair], rows: Sequence[Row], judged: Calibration, words: Calibration
) -> dict[str, Any]:
    scores = {
        "scorer": np.array([judged.probability(row) for row in rows]),
        "words only": np.array([words.probability(row) for row in rows]),
        "word overlap": np.array([row["overlap"] for row in rows]),
        "embedding": np.array([row["embedding"] for row in rows]),
    }
    labels = np.array([pair.supported for pair in pairs])
    held = np.array([pair.held_out for pair in pairs])
    equal = np.ones(int((~held).sum()))
    thresholds = {
        name: best_threshold(labels[~held], values[~held], equal) for name, values in scores.items()
    }
    thresholds |= {"scorer": judged.threshold, "words only": words.threshold}
    domains = np.array([pair.domain for pair in pairs])
    table: dict[str, dict[str, Any]] = {}
    for domain in ("all", *dict.fromkeys(domains.tolist())):
        mask = held & ((domains == domain) | (domain == "all"))
        table[domain] = {
            name: _figures(labels[mask], values[mask], thresholds[name])
            for name, values in scores.items()
        }
        table[domain]["claims"] = int(mask.sum())
    return {"thresholds": thresholds, "held_out": table}


def _figures(labels: NDArray[np.bool_], scores: Floats, threshold: float) -> dict[str, float]:
    return {
        "balanced_accuracy": float(balanced_accuracy_score(labels, scores >= threshold)),
        "roc_auc": float(roc_auc_score(labels, scores)),
        "calibration_error": calibration_error(labels, np.clip(scores, 0, 1)),
    }


def _print(report: dict[str, Any]) -> None:
    print(f"{'':<14}{'claims':>7}  balanced accuracy / ROC-AUC / calibration error")
    for domain, systems in report["held_out"].items():
        print(f"{domain:<14}{systems['claims']:>7}")
        for name, figures in systems.items():
            if name != "claims":
                print(f"  {name:<19}" + " / ".join(f"{value:.3f}" for value in figures.values()))


def _write(path: Path, calibrations: dict[str, Calibration]) -> None:
    """Replace the calibrations of these models in the file, keep those of others."""
    lines = path.read_text(encoding="utf-8").split("\n[models.") if path.exists() else [_HEADER]
    head, *sections = lines
    kept = [each for each in sections if each.split("]")[0].strip('"') not in calibrations]
    for name, found in calibrations.items():
        weights = ", ".join(f"{key} = {value}" for key, value in found.weights.items())
        kept.append(
            f'"{name}"]\nintercept = {found.intercept}\nthreshold = {found.threshold}\n'
            f"weights = {{ {weights} }}\n"
        )
    path.write_text("\n[models.".join([head, *sorted(kept)]), encoding="utf-8")


_HEADER = """\
# Written by benchmarks.groundedness --fit from half of the documents of its data; see there.
"""


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data", type=Path, nargs="+", required=True)
    parser.add_argument("--limit", type=int, nargs="+", default=[200])
    parser.add_argument("--model", choices=JUDGES, default=JUDGES[0])
    parser.add_argument("--signals", type=Path)
    parser.add_argument("--fit", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    return parser.parse_args()


if __name__ == "__main__":
    main()
