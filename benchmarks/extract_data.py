"""Labelled documents for ``benchmarks.extract``, and when a predicted value is right.

Two layouts: ``records.jsonl`` (id, text, gold by field), and CUAD's ``gold.jsonl`` with its PDFs
(file, pdf, answers, clauses). A gold value is a list of answers that all count as right; several
parties are several values.
"""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.extraction.assembling import parsed
from workbench.extraction.mentions import mentions
from workbench.extraction.parsing import Locale
from workbench.extraction.schema import FieldSpec, FieldType

MIN_OVERLAP = 0.5
"""Token F1 from which a clause counts as found; exact borders of clauses are a matter of taste."""

_CUAD = {
    "parties": "Parties",
    "agreement_date": "Agreement Date",
    "governing_law": "Governing Law",
    "expiration": "Expiration Date",
}


@dataclass(frozen=True, slots=True)
class Labelled:
    """One document: its text or its file, and per field the values it states.

    ``gold`` maps a field to its values, each a tuple of wordings that are right.
    """

    name: str
    text: str
    file: Path | None
    gold: Mapping[str, tuple[tuple[str, ...], ...]]

    def values(self) -> dict[str, str]:
        """One wording per field, as a reviewer would give it."""
        return {name: values[0][0] if values else "" for name, values in self.gold.items()}


def load(folder: Path) -> list[Labelled]:
    """The folder's documents in their order."""
    if (folder / "records.jsonl").exists():
        return [_record(line) for line in _lines(folder / "records.jsonl")]
    found = [_contract(folder, line) for line in _lines(folder / "gold.jsonl")]
    return [contract for contract in found if contract is not None]


def is_right(spec: FieldSpec, predicted: str, wordings: Sequence[str], locale: Locale) -> bool:
    """Equal once parsed (dates, amounts) or in letters and digits (texts).

    Several wordings are an answer and its clause: then a name or sentence may overlap one of them.
    """
    if spec.type is not FieldType.TEXT:
        stated = _stated(predicted, spec, locale)
        return stated is not None and any(stated == _stated(w, spec, locale) for w in wordings)
    said = _letters(predicted)
    if len(wordings) == 1:
        return said == _letters(wordings[0])
    return bool(said) and (
        any(_letters(w) in said or (len(said) > 4 and said in _letters(w)) for w in wordings[:1])
        or any(_token_f1(predicted, w) >= MIN_OVERLAP for w in wordings)
    )


def _stated(words: str, spec: FieldSpec, locale: Locale) -> object:
    """The value, also of words around it ("DATE 25/12/2018 8 PM"): nobody is graded on labels."""
    found = {mention.value for mention in mentions(words, spec.type, locale)}
    return found.pop() if len(found) == 1 else parsed(words, spec, locale)[0]


def _record(line: dict[str, Any]) -> Labelled:
    gold = {name: ((str(v),),) if v not in (None, "") else () for name, v in line["gold"].items()}
    return Labelled(str(line["id"]), line["text"], None, gold)


def _contract(folder: Path, line: dict[str, Any]) -> Labelled | None:
    file = folder / "pdf" / str(line.get("pdf") or "")
    if not line.get("pdf") or not file.is_file():
        return None
    gold: dict[str, tuple[tuple[str, ...], ...]] = {}
    for name, column in _CUAD.items():
        answer = line["answers"].get(column) or ""
        clauses = tuple(str(c) for c in ast.literal_eval(line["clauses"].get(column) or "[]"))
        if name == "parties":
            names = [re.sub(r"\s*\(.*", "", part).strip() for part in answer.split(";")]
            gold[name] = tuple((part, part) for part in names if part)
        elif name == "agreement_date":
            gold[name] = ((answer, *clauses),) if re.fullmatch(r"[\d/]+", answer) else ()
        else:
            gold[name] = ((answer, *clauses),) if answer else ()
    return Labelled(file.name, "", file, gold)


def _lines(path: Path) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.strip()]


def _letters(text: str) -> str:
    return re.sub(r"[\W_]", "", text.casefold())


def _token_f1(left: str, right: str) -> float:
    a, b = re.findall(r"\w+", left.casefold()), re.findall(r"\w+", right.casefold())
    shared = sum((Counter(a) & Counter(b)).values())
    return 2 * shared / (len(a) + len(b)) if shared else 0.0
