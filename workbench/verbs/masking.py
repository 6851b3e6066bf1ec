"""Verbs that show what masking did and would do."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import UsageError
from workbench.guard.policy import Action
from workbench.results.masking import MaskedType, MaskingFinding, MaskingPreview, MaskingReport
from workbench.values import DEFAULT_LABEL, Document
from workbench.verbs.corpus import expanded
from workbench.verbs.verbs import Verbs

if TYPE_CHECKING:
    from workbench.guard.run import Run


class MaskingVerbs(Verbs):
    """Look at the masking without seeing what was masked."""

    def masking_report(self) -> MaskingReport:
        """How many values of each type were masked, by document label; never the values.

        Raises:
            AccessDenied, StoreError, AuditError; ConfigError if ``masking.yaml`` is not valid.
        """
        with self._run(Action.MASKING, "report") as run:
            documents = self._workbench.corpus.documents(run)
            values: Counter[tuple[str, str]] = Counter()
            holders: Counter[tuple[str, str]] = Counter()
            for info in documents:
                for kind, count in info.masked.items():
                    values[info.label, kind] += count
                    holders[info.label, kind] += 1
            masker = self._workbench.masker
            types = tuple(
                MaskedType(label, kind, str(masker.treatment(kind, label)), count, holders[key])
                for key, count in sorted(values.items(), key=lambda item: (item[0][0], -item[1]))
                for label, kind in [key]
            )
            return MaskingReport(types, len(documents), run.id)

    def preview_masking(
        self, text_or_path: str | Path, *, label: str = DEFAULT_LABEL
    ) -> MaskingPreview:
        """What would be masked in a text (a str) or in a file (a Path), were it ingested.

        The values are shown, to the caller alone: nothing is stored, logged or numbered. Of a file
        only the text is shown; its name and fields help to find people in it.

        Raises:
            SourceError: if the file cannot be read.
            AccessDenied, UsageError, MaskingError, AuditError.
        """
        with self._run(Action.MASKING, "preview") as run:
            document = self._document_of(text_or_path, label)
            masker = self._workbench.masker
            findings = tuple(
                MaskingFinding(
                    span.start,
                    span.end,
                    span.type,
                    round(span.score, 4),
                    str(masker.treatment(span.type, label)),
                )
                for span in masker.preview(document)
            )
            return _preview(run, document, findings)

    def _document_of(self, text_or_path: str | Path, label: str) -> Document:
        if isinstance(text_or_path, Path):
            return self._workbench.source.read(expanded(text_or_path), label=label)
        most = self._workbench.config.limits.max_document_chars
        if len(text_or_path) > most:
            raise UsageError(
                "the text is too long",
                value=f"{len(text_or_path):,} characters, at most {most:,}",
                next_step="Preview a part of it.",
            )
        return Document("", "", "text/plain", "", text_or_path, label)


def _preview(run: Run, document: Document, findings: tuple[MaskingFinding, ...]) -> MaskingPreview:
    return MaskingPreview(document.text, document.label, findings, run.id)
