"""How much of the reference texts parsers keep, and in which order: our own beside other libraries.

    python -m benchmarks.parsers --data DIR --out FILE.json [--candidate NAME ...]

DIR holds manifest.jsonl (file, reference, password, must_include) as docs-parsers-a does. The other
libraries are used where they are installed; none of them belongs to Workbench.

Definitions. Words are runs of letters and digits in lower case, of the reference without its
markup (link addresses, picture marks, table rules).

- recall, precision: shared words, each as often as it occurs in both, over the reference's words
  and over the candidate's.
- in order: the longest common subsequence of words over the reference's words. Text that is read
  in another order, such as across columns, lowers it while recall stays.
- verbatim: how many of the must_include strings stand in the text as they are.
"""

from __future__ import annotations

import argparse
import json
import re
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rapidfuzz.distance import LCSseq

Read = Callable[[Path, str | None], str]

_WORD = re.compile(r"[^\W_]+")
_MARKUP = re.compile(
    r"!\[[^\]]*\]\([^)]*\)|(?<=\])\([^)\s]*\)|<!--.*?-->|^\|[\s|:-]+\|$", re.M | re.S
)


@dataclass(frozen=True)
class Score:
    """One file by one candidate; shares are None without a reference."""

    file: str
    kind: str
    seconds: float
    characters: int
    error: str
    recall: float | None
    precision: float | None
    in_order: float | None
    verbatim: tuple[int, int]


def words(text: str) -> list[str]:
    """The words of a text, lower case."""
    return [word.casefold() for word in _WORD.findall(text)]


def reference_words(markdown: str) -> list[str]:
    """The words of a reference, without its markup."""
    return words(_MARKUP.sub(" ", markdown).replace("&amp;", "&").replace("\\_", "_"))


def shares(reference: list[str], found: list[str]) -> tuple[float, float, float]:
    """Recall, precision, and the share of the reference's words found in its order."""
    common = sum((Counter(reference) & Counter(found)).values())
    in_order = LCSseq.similarity(reference, found)
    return (
        common / len(reference) if reference else 1.0,
        common / len(found) if found else 0.0,
        in_order / len(reference) if reference else 1.0,
    )


def score(folder: Path, entry: dict[str, Any], read: Read) -> Score:
    """Read one file of a manifest."""
    path = folder / entry["file"]
    started_s = time.perf_counter()
    text, error = "", ""
    try:
        text = read(path, entry["password"])
    except Exception as failure:  # noqa: BLE001
        error = f"{type(failure).__name__}: {failure}"[:200]
    seconds = time.perf_counter() - started_s
    recall = precision = in_order = None
    if entry["reference"] and not error:
        reference = (folder / entry["reference"]).read_text(encoding="utf-8")
        recall, precision, in_order = shares(reference_words(reference), words(text))
    wanted = entry["must_include"]
    return Score(
        file=entry["file"],
        kind=path.suffix[1:],
        seconds=seconds,
        characters=len(text),
        error=error,
        recall=recall,
        precision=precision,
        in_order=in_order,
        verbatim=(sum(string in text for string in wanted), len(wanted)),
    )


def candidates() -> dict[str, Callable[[], Read]]:
    """Those that are installed, each with the way to start it."""
    known = {
        "workbench": _workbench,
        "kreuzberg": _kreuzberg,
        "markitdown": _markitdown,
        "pdfplumber": _pdfplumber,
        "pypdfium2": _pypdfium2,
    }
    return {name: make for name, make in known.items() if find_spec(name) is not None}


def _workbench() -> Read:
    from workbench.config import LimitsConfig
    from workbench.sources.files import FileSource

    source = FileSource(LimitsConfig())
    return lambda path, password: source.read(path, label="x", password=password).text


def _kreuzberg() -> Read:
    from kreuzberg import ExtractionConfig, extract_file_sync

    return lambda path, _: str(extract_file_sync(str(path), config=ExtractionConfig()).content)


def _markitdown() -> Read:
    from markitdown import MarkItDown

    reader = MarkItDown()
    return lambda path, _: str(reader.convert(str(path)).text_content)


def _pdfplumber() -> Read:
    import pdfplumber

    def read(path: Path, password: str | None) -> str:
        with pdfplumber.open(path, password=password or "") as pdf:
            return "\n\n".join(page.extract_text() or "" for page in pdf.pages)

    return read


def _pypdfium2() -> Read:
    from pypdfium2 import PdfDocument

    def read(path: Path, password: str | None) -> str:
        document = PdfDocument(path, password=password)
        return "\n\n".join(page.get_textpage().get_text_range() for page in document)

    return read


def summary(scores: list[Score]) -> dict[str, dict[str, Any]]:
    """Means over the files of a kind that have a reference; counts over all."""
    groups: dict[str, list[Score]] = defaultdict(list)
    for item in scores:
        groups[item.kind].append(item)
    groups["all"] = scores
    return {kind: _mean(found) for kind, found in groups.items()}


def _mean(scores: list[Score]) -> dict[str, Any]:
    measured = [item for item in scores if item.recall is not None]

    def mean(name: str) -> float | None:
        values = [float(getattr(item, name)) for item in measured]
        return round(sum(values) / len(values), 3) if values else None

    return {
        "files": len(scores),
        "read": sum(not item.error for item in scores),
        "with_reference": len(measured),
        "recall": mean("recall"),
        "precision": mean("precision"),
        "in_order": mean("in_order"),
        "verbatim": [sum(item.verbatim[i] for item in scores) for i in (0, 1)],
        "seconds": round(sum(item.seconds for item in scores), 2),
    }


def main() -> None:
    """Print a line per candidate and kind of file, and write everything as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--candidate", action="append", default=[])
    options = parser.parse_args()
    lines = (options.data / "manifest.jsonl").read_text(encoding="utf-8").splitlines()
    entries = [json.loads(line) for line in lines]
    results: dict[str, Any] = {}
    for name, make in candidates().items():
        if options.candidate and name not in options.candidate:
            continue
        only_pdf = name in {"pdfplumber", "pypdfium2"}
        chosen = [e for e in entries if e["file"].endswith(".pdf")] if only_pdf else entries
        read = make()
        scores = [score(options.data, entry, read) for entry in chosen]
        results[name] = {"by_kind": summary(scores), "files": [vars(item) for item in scores]}
        for kind, figures in results[name]["by_kind"].items():
            print(name, kind, json.dumps(figures))
    options.out.write_text(json.dumps(results, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
