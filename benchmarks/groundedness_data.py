"""Claims with passages and whether the passages carry them, as published sets lay them out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

CLAIMS_PER_DOCUMENT = 6


@dataclass(frozen=True, slots=True)
class Pair:
    """A claim and the text it is held against. ``domain`` names the kind of text."""

    domain: str
    claim: str
    passage: str
    supported: bool

    @property
    def document(self) -> str:
        """The same for all claims about one text."""
        return _digest(self.passage)

    @property
    def key(self) -> str:
        """The same for the same claim about the same text."""
        return _digest(f"{self.claim}\0{self.passage}")

    @property
    def held_out(self) -> bool:
        """Whether the pair's document is kept from fitting; about every second one is."""
        return int(self.document[:2], 16) % 2 == 1


def load(folder: Path) -> list[Pair]:
    """The pairs of SummEdits (``summedits_*.json``), WiCE (``claim_*.jsonl``) or ContractNLI.

    WiCE's partly supported claims and ContractNLI's contradicted and unmentioned ones are not
    supported.
    """
    pairs = [*_summedits(folder), *_wice(folder), *_contractnli(folder)]
    if not pairs:
        raise SystemExit(f"{folder} holds none of the known sets")
    return pairs


def sample(pairs: list[Pair], limit: int) -> list[Pair]:
    """Up to ``limit`` pairs: documents by their hash, of each ``CLAIMS_PER_DOCUMENT`` at most,
    supported and unsupported ones in turn."""
    claims: dict[str, tuple[list[Pair], list[Pair]]] = {}
    for pair in sorted(pairs, key=lambda pair: pair.key):
        claims.setdefault(pair.document, ([], []))[pair.supported].append(pair)
    chosen: list[Pair] = []
    for document in sorted(claims, key=_digest):
        turns = zip_longest(*claims[document])
        own = [pair for turn in turns for pair in turn if pair is not None]
        chosen += own[:CLAIMS_PER_DOCUMENT]
    return chosen[:limit]


def _summedits(folder: Path) -> Iterator[Pair]:
    for path in sorted(folder.glob("summedits_*.json")):
        domain = path.stem.removeprefix("summedits_")
        for record in json.loads(path.read_text(encoding="utf-8")):
            yield Pair(domain, record["summary"], record["doc"], record["label"] == 1)


def _wice(folder: Path) -> Iterator[Pair]:
    for path in sorted(folder.glob("claim_*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            record = json.loads(line)
            text = "\n".join(record["evidence"])
            yield Pair("wice", record["claim"], text, record["label"] == "supported")


def _contractnli(folder: Path) -> Iterator[Pair]:
    for path in sorted(folder.glob("*.json")):
        data = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(data, dict) or not {"documents", "labels"} <= data.keys():
            continue
        for document in data["documents"]:
            for name, judged in document["annotation_sets"][0]["annotations"].items():
                hypothesis = data["labels"][name]["hypothesis"]
                supported = judged["choice"] == "Entailment"
                yield Pair("contractnli", hypothesis, document["text"], supported)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
