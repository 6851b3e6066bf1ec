"""An answer whose claims carry their citations."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from workbench import render
from workbench.results.frames import arrow, frame, pretty
from workbench.values import Citation, Claim, Hit, Support, Usage

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


ABSTENTION = "The sources do not answer this question."

CITATION_COLUMNS = {
    "document": "string",
    "uri": "string",
    "page": "int64",
    "start": "int64",
    "end": "int64",
    "quote": "string",
    "document_id": "int64",
}
_ANSWER_COLUMNS = {"claim": "int64", "text": "string", "supported": "bool", **CITATION_COLUMNS}


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer to ``question`` (masked) whose every supported claim carries its citations.

    ``status`` is ``supported`` (every claim is located in a source), ``partial`` (some are) or
    ``abstained`` (nothing relevant was found; ``text`` says so and ``claims`` is empty).
    ``id`` is what ``feedback`` takes, 0 until it is stored.
    """

    question: str
    text: str
    status: Support
    claims: tuple[Claim, ...]
    hits: tuple[Hit, ...]
    model: str
    run_id: str
    usage: Usage
    prompt_version: str
    corpus_version: int
    created_at: str
    id: int = 0

    @property
    def citations(self) -> tuple[Citation, ...]:
        """All citations in the order of the claims, each once."""
        return tuple(dict.fromkeys(c for claim in self.claims for c in claim.citations))

    def to_dict(self) -> dict[str, Any]:
        """The command line's JSON: status, text, citations, model, run_id and more."""
        return {
            "status": self.status.value,
            "text": self.text,
            "citations": [asdict(citation) for citation in self.citations],
            "claims": [{"text": c.text, "supported": c.supported} for c in self.claims],
            "model": self.model,
            "run_id": self.run_id,
            "id": self.id,
            "question": self.question,
            "prompt_version": self.prompt_version,
            "corpus_version": self.corpus_version,
            "usage": asdict(self.usage),
        }

    def df(self) -> pd.DataFrame:
        """One row per claim and citation: claim, supported, document, page, start, end, quote."""
        return frame(self._rows(), list(_ANSWER_COLUMNS))

    def arrow(self) -> pa.Table:
        """The rows of ``df`` as an Arrow table."""
        return arrow(self._rows(), _ANSWER_COLUMNS)

    def _rows(self) -> list[dict[str, Any]]:
        rows = []
        for number, claim in enumerate(self.claims, start=1):
            for citation in claim.citations or (None,):
                where = asdict(citation) if citation else {}
                rows.append(
                    {"claim": number, "text": claim.text, "supported": claim.supported, **where}
                )
        return rows

    _repr_pretty_ = pretty

    def _repr_html_(self) -> str:
        return render.answer_html(self.status.value, self.text, self.claims, self.model)

    def __str__(self) -> str:
        return render.answer_text(self.status.value, self.text, self.claims)


@dataclass(frozen=True, slots=True)
class PastAnswer:
    """An answer that its actor was given before, and what the actor thinks of it.

    ``good`` is None while nothing was said. ``created_at`` is UTC.
    """

    id: int
    question: str
    text: str
    status: Support
    model: str
    seconds: float
    created_at: str
    good: bool | None = None
    reason: str = ""
