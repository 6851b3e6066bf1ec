"""Typed extraction against langextract and a plain prompt: same model, same documents, same run.

    python -m benchmarks.extract --data DIR --limit N --model NAME [--peers langextract,plain]
        [--examples K] [--review R] [--skip M] [--max-seconds S] [--workspace DIR] --out FILE.json

DIR holds ``records.jsonl`` (SROIE) or ``gold.jsonl`` with PDFs (CUAD), see ``extract_data``. The
first K documents are reviewed examples for Workbench, the first one is the worked example that
langextract demands; the next N documents (after M more) are scored. The documents are public and
ingested under the label ``public``, which ``masking.keep_labels`` leaves as it is: a masked name
could not be compared. A run that stops after S seconds goes on where it was when it is called
again with the same FILE.

- F1: micro-averaged over fields; exact = the same words but for white space, normalised = the same
  letters and digits, date or amount;
- located: share of right values that have a place; valid = places whose words stand there;
- review: with ``--review R``, R of the scored documents are reviewed when all are done, see
  ``extract_review``; how well confidences hold then, and whether the queue begins with the errors.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.extract_data import Labelled, is_right, load
from benchmarks.extract_peers import peer
from benchmarks.extract_review import review
from workbench.config import BudgetConfig, Config, MaskingConfig, ModelsConfig, load_config
from workbench.extraction.parsing import Locale, evidence
from workbench.extraction.schema import FieldSpec, FieldType, Schema, bare
from workbench.extraction.schema_sources import as_schema
from workbench.session import Session
from workbench.tasks.extract import ExtractProgress
from workbench.values import Field, FieldStatus, Record
from workbench.workbench import Workbench, open_workbench

LABEL = "public"
BATCH = 10
"""So many documents are extracted by one call; what a piece finished of them is kept."""


class OutOfTime(Exception):
    """This piece of the run has used its seconds."""


@dataclass(frozen=True, slots=True)
class Bench:
    """What is run: documents to score, examples, and what was measured so far."""

    schema: Schema
    documents: Sequence[Labelled]
    examples: Sequence[Labelled]
    outcomes: dict[str, dict[str, Any]]
    deadline_s: float

    def check(self) -> None:
        """Raises OutOfTime when the piece is over."""
        if time.monotonic() > self.deadline_s:
            raise OutOfTime


def main() -> None:
    """Run what is left, print the table, write the JSON."""
    arguments = _arguments()
    everything = load(arguments.data)
    first = arguments.examples + arguments.skip
    documents = everything[max(first, 1) :][: arguments.limit]
    schema = _schema(arguments, everything)
    state = _state(arguments.out)
    bench = Bench(
        schema,
        documents,
        everything[: arguments.examples],
        state.setdefault("outcomes", {}),
        time.monotonic() + arguments.max_seconds,
    )
    # One workspace for several runs lets them share the model's replies.
    folder = arguments.workspace or arguments.out.with_suffix(".workspace")
    workbench = _workbench(folder, arguments.model)
    complete = True
    try:
        _ours(workbench, bench, folder.with_suffix(".documents"))
        for name in arguments.peers:
            _peer(name, workbench, bench, everything[0])
        if arguments.review and "review" not in state:
            state["review"] = _review(workbench.session("benchmark"), bench, arguments.review)
    except OutOfTime:
        complete = False
    report = {
        name: summary(outcomes, bench) for name, outcomes in bench.outcomes.items() if outcomes
    }
    state |= {
        "data": arguments.data.name,
        "model": arguments.model,
        "examples": arguments.examples,
        "limit": arguments.limit,
        "complete": complete,
        "systems": report,
    }
    arguments.out.write_text(json.dumps(state, indent=1, default=str) + "\n", encoding="utf-8")
    shown = {key: v for key, v in state.get("review", {}).items() if not isinstance(v, list)}
    _print(report | ({"review": shown} if shown else {}), arguments.model, complete)


def _ours(workbench: Workbench, bench: Bench, folder: Path) -> None:
    session = workbench.session("benchmark")
    ids = _ingested(session, [*bench.examples, *bench.documents], folder)
    outcomes = bench.outcomes.setdefault("workbench", {})
    examples = _examples(bench, ids)
    for start in range(0, len(bench.documents), BATCH):
        batch = [d for d in bench.documents[start : start + BATCH] if d.name not in outcomes]
        if batch:
            _batch(session, bench, {ids[d.name]: d for d in batch if d.name in ids}, examples)
            print(f"workbench {start + len(batch)}/{len(bench.documents)}", flush=True)


def _batch(
    session: Session,
    bench: Bench,
    documents: dict[int, Labelled],
    examples: list[dict[str, Any]],
) -> None:
    done: list[int] = []

    def watch(_: ExtractProgress) -> None:
        done.append(list(documents)[len(done)])
        bench.check()

    before = _used(session)
    try:
        session.extract(list(documents), bench.schema, examples=examples, progress=watch)
    finally:
        totals = bench.outcomes.setdefault("workbench_usage", {})
        for key, value in _used(session).items():
            totals[key] = totals.get(key, 0) + value - before.get(key, 0)
        # What is finished comes from the workspace, at no cost, also when the time is over.
        for record in session.extract(done, bench.schema, examples=examples):
            document = documents[record.document_id]
            text = session.document(record.document_id).text
            bench.outcomes["workbench"][document.name] = _judged(record, document, bench, text)


def _review(session: Session, bench: Bench, most: int) -> dict[str, Any]:
    ids = _names(session)
    documents = {ids[d.name]: d for d in bench.documents if d.name in ids}
    examples = _examples(bench, ids)
    # All of them are finished, so that this asks no model.
    extraction = session.extract(list(documents), bench.schema, examples=examples)
    return review(session, bench.schema, extraction.id, documents, most)


def _examples(bench: Bench, ids: Mapping[str, int]) -> list[dict[str, Any]]:
    return [{"document_id": ids[e.name], "values": e.values()} for e in bench.examples]


def _used(session: Session) -> dict[str, float]:
    row = session.sql(
        "SELECT sum(prompt_tokens) AS prompt_tokens, sum(output_tokens) AS output_tokens, "
        "sum(seconds) AS seconds FROM runs WHERE action = 'extract'"
    ).to_dict()["rows"][0]
    return {name: float(value or 0) for name, value in row.items()}


def _judged(record: Record, document: Labelled, bench: Bench, text: str) -> dict[str, Any]:
    predicted: dict[str, list[str]] = {spec.name: [] for spec in bench.schema.fields}
    places = valid = right_located = right = 0
    locale = evidence(text, Locale())
    specs = {leaf.path: leaf.spec for leaf in bench.schema.leaves}
    for found in record.fields:
        if found.status not in {FieldStatus.LOCATED, FieldStatus.INFERRED}:
            continue
        name = found.name.partition("[")[0]
        words = found.quote or str(found.value)
        predicted[name].append(words)
        hit = any(
            is_right(specs[bare(found.name)], words, wordings, locale)
            for wordings in document.gold.get(name, ())
        )
        right += hit
        right_located += hit and found.start is not None
        if found.start is not None:
            places += 1
            valid += text[found.start : found.end] == found.quote
    return {
        **_counts(predicted, document, bench.schema, locale),
        "predicted": predicted,
        "status": record.status.value,
        "pages": [f.page for f in record.fields if f.page is not None],
        "read_share": record.read_share,
        "places": places,
        "valid": valid,
        "right": right,
        "right_located": right_located,
        "signals": {f.name: dict(f.signals) for f in record.fields},
        "raw": {f.name: _brief(f) for f in record.fields},
    }


def _brief(found: Field) -> list[str]:
    return [found.status.value, found.raw, found.problem]


def _peer(name: str, workbench: Workbench, bench: Bench, shot: Labelled) -> None:
    outcomes = bench.outcomes.setdefault(name, {})
    texts = _texts(workbench.session("benchmark"))
    ask = peer(name, workbench, bench.schema, shot)
    for number, document in enumerate(bench.documents, start=1):
        if document.name in outcomes or document.name not in texts:
            continue
        bench.check()
        text = texts[document.name]
        predicted, cost = ask(text)
        counts = _counts(predicted, document, bench.schema, evidence(text, Locale()))
        outcomes[document.name] = {**counts, "predicted": predicted, **cost}
        print(f"{name} {number}/{len(bench.documents)}", end="\r", flush=True)


def _counts(
    predicted: dict[str, list[str]], document: Labelled, schema: Schema, locale: Locale
) -> dict[str, Any]:
    """Right, predicted and gold values per field, exact and normalised."""
    fields = {}
    for spec in schema.fields:
        gold = document.gold.get(spec.name, ())
        words = predicted.get(spec.name, [])
        leaf = spec.items if spec.type is FieldType.LIST and spec.items else spec
        fields[spec.name] = {
            "gold": len(gold),
            "predicted": len(words),
            "exact": sum(any(_same(w, g[0]) for w in words) for g in gold),
            "normalised": sum(_found(leaf, words, g, locale) for g in gold),
        }
    return {"fields": fields}


def _found(spec: FieldSpec, words: Sequence[str], gold: Sequence[str], locale: Locale) -> bool:
    return any(is_right(spec, word, gold, locale) for word in words)


def _same(left: str, right: str) -> bool:
    return " ".join(left.split()) == " ".join(right.split())


def summary(outcomes: dict[str, Any], bench: Bench) -> dict[str, Any]:
    """The table's figures for one system."""
    if not all(isinstance(o, dict) for o in outcomes.values()):
        return dict(outcomes)
    names = [spec.name for spec in bench.schema.fields]
    rows = list(outcomes.values())
    figures: dict[str, Any] = {"documents": len(rows)}
    for measure in ("exact", "normalised"):
        figures[f"f1_{measure}"] = _f1(rows, names, measure)
        for name in names:
            figures[f"f1_{measure}_{name}"] = _f1(rows, [name], measure)
    if "places" in rows[0]:
        places, right = sum(r["places"] for r in rows), sum(r["right"] for r in rows)
        figures["spans_valid"] = sum(r["valid"] for r in rows) / places if places else 0.0
        figures["right_located"] = sum(r["right_located"] for r in rows) / right if right else 0.0
    else:
        for key in ("seconds", "prompt_tokens", "output_tokens", "failed"):
            known = [r[key] for r in rows if key in r]
            figures[key] = sum(known) / len(known) if known else None
    return figures


def _f1(rows: Sequence[dict[str, Any]], names: Sequence[str], measure: str) -> float:
    counts = [row["fields"][name] for row in rows for name in names]
    right = sum(min(c[measure], c["predicted"]) for c in counts)
    total = sum(c["gold"] + c["predicted"] for c in counts)
    return 2 * right / total if total else 0.0


def _ingested(session: Session, documents: Sequence[Labelled], folder: Path) -> dict[str, int]:
    folder.mkdir(parents=True, exist_ok=True)
    for document in documents:
        if document.file is None:
            target = folder / f"{document.name}.txt"
            if not target.exists():
                target.write_text(document.text, encoding="utf-8")
        elif not (folder / document.name).exists():
            (folder / document.name).write_bytes(document.file.read_bytes())
    report = session.ingest(folder, label=LABEL)
    for item in report.failed:
        print(f"failed: {item.error}")
    return _names(session)


def _names(session: Session) -> dict[str, int]:
    return {info.name.removesuffix(".txt"): info.id for info in session.documents()}


def _texts(session: Session) -> dict[str, str]:
    return {name: session.document(number).text for name, number in _names(session).items()}


def _workbench(folder: Path, model: str) -> Workbench:
    models = load_config().models.model_dump() | {"chat": model}
    config = Config(
        models=ModelsConfig(**models),
        masking=MaskingConfig(keep_labels=(LABEL,)),
        budget=BudgetConfig(max_tokens=100_000_000, max_seconds=86_400),
    )
    return open_workbench(folder, config=config)


def _schema(arguments: argparse.Namespace, documents: Sequence[Labelled]) -> Schema:
    known = Path(__file__).parent / "schemas" / f"{arguments.data.name}.yaml"
    if arguments.schema or known.exists():
        return as_schema(arguments.schema or known)
    import pandas as pd

    return as_schema(pd.DataFrame([document.values() for document in documents[:20]]))


def _state(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}


def _print(report: dict[str, dict[str, Any]], model: str, complete: bool) -> None:
    print(f"{model}{'' if complete else ' (not complete: call again)'}")
    for name, figures in report.items():
        print(name)
        for figure, value in figures.items():
            shown = f"{value:.3f}" if isinstance(value, float) else value
            print(f"  {figure:<32}{shown}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--limit", type=int, default=100)
    parser.add_argument("--skip", type=int, default=0)
    parser.add_argument("--examples", type=int, default=0)
    parser.add_argument("--review", type=int, default=0)
    parser.add_argument("--model", default="default")
    parser.add_argument("--schema", type=Path)
    parser.add_argument("--peers", type=lambda t: [p for p in t.split(",") if p], default=[])
    parser.add_argument("--workspace", type=Path)
    parser.add_argument("--max-seconds", type=float, default=1e9)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    # Before the hours of work, not after them.
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    return arguments


if __name__ == "__main__":
    main()
