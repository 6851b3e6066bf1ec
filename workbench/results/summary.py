"""A summary whose every sentence leads back to the words it came from."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from io import BytesIO
from typing import TYPE_CHECKING, Any

from workbench import render
from workbench.results import summary_view
from workbench.results.answer import CITATION_COLUMNS
from workbench.results.frames import arrow, frame, pretty
from workbench.values import Citation, Claim, Usage

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


class Verdict(StrEnum):
    """What checking made of a sentence."""

    SUPPORTED = "supported"
    REPAIRED = "repaired"
    REPLACED = "replaced"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of a summary.

    ``verdict`` tells whether the model's words held (``supported``), held when written anew
    (``repaired``), gave way to the source's own (``replaced``) or were taken out (``removed``).
    ``draft`` is what the model wrote first where that differs from ``text``; ``support`` is the
    probability, 0 to 1, that the passages carry it.
    """

    text: str
    citations: tuple[Citation, ...]
    verdict: Verdict
    support: float
    section: str = ""
    draft: str = ""

    @property
    def holds(self) -> bool:
        """Whether the sources carry it: only then may it be shown as a part of the summary."""
        return bool(self.citations) and self.verdict is not Verdict.REMOVED

    def __str__(self) -> str:
        sources = "; ".join(render.where(citation) for citation in self.citations)
        return f"{self.verdict}: {self.text}" + (f" [{sources}]" if sources else "")


@dataclass(frozen=True, slots=True)
class SummaryProgress:
    """``done`` of ``total`` prompts were answered; before the first one they tell what it will
    take. ``passages`` are read in all, ``remaining_s`` is expected (None before there is something
    to go by). ``joining``: the sentences that follow are the text itself, made of those before.
    """

    done: int
    total: int
    passages: int = 0
    seconds: float = 0.0
    remaining_s: float | None = None
    joining: bool = False


@dataclass(frozen=True, slots=True)
class Summary:
    """A summary of ``title``. ``removed`` holds what was taken out because no source carried it.

    All ``chunks`` were ranked; ``chunks_read`` of them were shown to the model, ``coverage`` is
    their share, 0 to 1.
    ``chunks_lost`` were shown as well, but the model's reply about them could not be used.
    """

    title: str
    style: str
    focus: str
    sentences: tuple[Sentence, ...]
    removed: tuple[Sentence, ...]
    chunks: int
    chunks_read: int
    model: str
    run_id: str
    usage: Usage
    prompt_versions: tuple[str, ...]
    corpus_version: int
    created_at: str
    documents: tuple[str, ...] = field(default=())
    chunks_lost: int = 0

    @property
    def coverage(self) -> float:
        """Share of the source's chunks that the model read, 0 to 1."""
        return self.chunks_read / self.chunks if self.chunks else 0.0

    @property
    def text(self) -> str:
        """The summary in Markdown, without its citations."""
        return self.markdown(citations=False)

    @property
    def citations(self) -> tuple[Citation, ...]:
        """All citations in the order of the sentences, each once."""
        return tuple(dict.fromkeys(c for s in self.sentences for c in s.citations))

    def markdown(self, *, citations: bool = True) -> str:
        """Markdown with numbered citations, the quoted words below, and what was read; without
        ``citations`` the sentences alone."""
        return summary_view.markdown(self, citations=citations)

    def html(self) -> str:
        """A self-contained page of its own."""
        return summary_view.page(self.title, self._repr_html_())

    def docx(self) -> bytes:
        """A Word file with the sentences, numbered sources and what was read."""
        from docx import Document

        file = Document()
        file.add_heading(self.title, level=1)
        file.add_paragraph(summary_view.coverage(self))
        numbers = {citation: n for n, citation in enumerate(self.citations, start=1)}
        for words in summary_view.nothing(self):
            file.add_paragraph(words)
        for section, sentences in summary_view.sections(self):
            if section:
                file.add_heading(section, level=2)
            shown = [s.text + "".join(f" [{numbers[c]}]" for c in s.citations) for s in sentences]
            if self.style in summary_view.LISTED:
                for line in shown:
                    file.add_paragraph(line, style="List Bullet")
            else:
                file.add_paragraph(" ".join(shown))
        if numbers:
            file.add_heading("Sources", level=2)
        for citation, number in numbers.items():
            quote = " ".join(citation.quote.split())
            file.add_paragraph(f"[{number}] {render.where(citation)}: \u201c{quote}\u201d")
        target = BytesIO()
        file.save(target)
        return target.getvalue()

    def to_dict(self) -> dict[str, Any]:
        """The command line's JSON."""
        return {
            "title": self.title,
            "style": self.style,
            "focus": self.focus,
            "text": self.text,
            "sentences": [_plain(sentence) for sentence in self.sentences],
            "removed": [_plain(sentence) for sentence in self.removed],
            "coverage": self.coverage,
            "chunks": self.chunks,
            "chunks_read": self.chunks_read,
            "chunks_lost": self.chunks_lost,
            "documents": list(self.documents),
            "model": self.model,
            "run_id": self.run_id,
            "prompt_versions": list(self.prompt_versions),
            "corpus_version": self.corpus_version,
            "usage": asdict(self.usage),
        }

    def df(self) -> pd.DataFrame:
        """One row per sentence and citation, removed sentences last."""
        return frame(self._rows(), list(_COLUMNS))

    def arrow(self) -> pa.Table:
        """The rows of ``df`` as an Arrow table."""
        return arrow(self._rows(), _COLUMNS)

    def claims(self) -> tuple[Claim, ...]:
        """The sentences as claims, as an answer has them."""
        return tuple(Claim(sentence.text, sentence.citations) for sentence in self.sentences)

    def _rows(self) -> list[dict[str, Any]]:
        rows = []
        for number, sentence in enumerate((*self.sentences, *self.removed), start=1):
            base = {
                "sentence": number,
                "section": sentence.section,
                "text": sentence.text,
                "verdict": sentence.verdict.value,
                "support": sentence.support,
            }
            for citation in sentence.citations or (None,):
                rows.append({**base, **(asdict(citation) if citation else {})})
        return rows

    _repr_pretty_ = pretty

    def _repr_html_(self) -> str:
        return summary_view.html(self)

    def __str__(self) -> str:
        return self.markdown()


def _plain(sentence: Sentence) -> dict[str, Any]:
    return {**asdict(sentence), "verdict": sentence.verdict.value}


_COLUMNS = {
    "sentence": "int64",
    "section": "string",
    "text": "string",
    "verdict": "string",
    "support": "float64",
    **CITATION_COLUMNS,
}
