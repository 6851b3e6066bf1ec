"""Texts with reference summaries, as QMSum, MTS-Dialog and SciTLDR lay them out."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from itertools import accumulate
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Item:
    """A text to summarise in ``sentences`` sentences, about ``focus`` where there is one.

    ``evidence`` are the spans of the text, start and end, that annotators marked for it, if any.
    """

    name: str
    text: str
    references: tuple[str, ...]
    sentences: int
    focus: str = ""
    evidence: tuple[tuple[int, int], ...] = ()

    @property
    def question(self) -> str:
        """What a summariser that takes questions is asked."""
        asked = self.focus or "Summarise the text."
        plural = "" if self.sentences == 1 else "s"
        return f"{asked} Answer in at most {self.sentences} sentence{plural}."


def load(folder: Path, *, queries: int = 1) -> list[Item]:
    """The items of a folder in an order of chance that is always the same: so many queries per
    meeting of QMSum, the dialogues of MTS-Dialog, the abstracts of SciTLDR. Queries of one meeting
    follow each other, so that a server which keeps what it read need not read it again."""
    items = [*_qmsum(folder, queries), *_dialogues(folder), *_abstracts(folder)]
    if not items:
        raise SystemExit(f"{folder} holds none of the known sets")
    return sorted(items, key=lambda item: (sha256(item.text.encode()).hexdigest(), item.name))


def _qmsum(folder: Path, queries: int) -> Iterator[Item]:
    for number, record in _records(folder, "meeting_transcripts"):
        turns = [f"{turn['speaker']}: {turn['content']}" for turn in record["meeting_transcripts"]]
        text = "\n\n".join(turns)
        ends = list(accumulate(len(turn) + 2 for turn in turns))
        spans = [(end - len(turn) - 2, end - 2) for end, turn in zip(ends, turns, strict=True)]
        for place, query in enumerate(record["specific_query_list"][:queries]):
            asked = query["query"].strip()
            marked = [range(int(a), int(b) + 1) for a, b in query["relevant_text_span"]]
            evidence = tuple(spans[row] for rows in marked for row in rows if row < len(spans))
            name = f"meeting-{number}-{place}"
            yield Item(name, text, (query["answer"],), 3, asked, evidence)


def _dialogues(folder: Path) -> Iterator[Item]:
    for path in sorted(folder.glob("MTS-Dialog-*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                name = f"{path.stem}-{row['ID']}"
                yield Item(name, row["dialogue"], (row["section_text"],), 3)


def _abstracts(folder: Path) -> Iterator[Item]:
    for number, record in _records(folder, "source"):
        yield Item(f"paper-{number}", " ".join(record["source"]), tuple(record["target"]), 1)


def _records(folder: Path, key: str) -> Iterator[tuple[int, dict[str, Any]]]:
    for path in sorted(folder.glob("*.jsonl")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines()):
            record = json.loads(line)
            if key in record:
                yield number, record
