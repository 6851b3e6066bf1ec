"""One document to Records: windows, the model's words, location, one repair round, merging.

What the model says is never taken as it is: see ``workbench.extraction``. A document that cannot
be read becomes a failed record; only what concerns every document (no server, no budget, no
access) is raised.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from workbench.errors import InvalidReply, ModelError, ModelTimeout
from workbench.extraction.assembling import assemble, completed, placed_field
from workbench.extraction.locating import Source
from workbench.extraction.mentions import mentions
from workbench.extraction.merging import Fields, merge_fields, merge_rows
from workbench.extraction.parsing import Locale, evidence
from workbench.extraction.replies import (
    Reply,
    Words,
    described,
    groups,
    parse_reply,
    reply_schema,
    reply_tokens,
)
from workbench.extraction.schema import FieldSpec, FieldType, Leaf, Schema, bare
from workbench.extraction.teaching import Ranking
from workbench.extraction.tidying import tidied
from workbench.extraction.windows import Passage, Window, chosen, consecutive, read_share
from workbench.guard.run import Run
from workbench.models.governed import Models
from workbench.models.messages import ChatRequest
from workbench.prompts.registry import Prompt
from workbench.store.corpus import Corpus
from workbench.tasks.records import (
    failed_record,
    halved,
    in_order,
    is_bad,
    is_found,
    is_of,
    joined,
    marked_cut,
)
from workbench.values import Field, FieldStatus, MaskedDocument, Record

_CHARS_PER_TOKEN = 2.6
"""Careful: codes, amounts and names in capitals take more tokens than prose."""

_MIN_WINDOW_CHARS = 400
_TASK = "Copy each field's words from the document."
_MANY_TASK = "Copy the fields of every record in the document, in their order, one entry for each."
_KEPT = {FieldStatus.LOCATED, FieldStatus.INFERRED}
_VALUED = (FieldType.DATE, FieldType.MONEY, FieldType.NUMBER)


@dataclass(frozen=True, slots=True)
class Options:
    """How documents are read. ``window_chars`` bounds what one call shows, ``max_windows`` the
    calls per group of fields (without ``many``) or the windows of a document (with it)."""

    many: bool = False
    window_chars: int = 6_000
    max_windows: int = 3
    max_many_windows: int = 12
    repair: bool = True
    locale: Locale = field(default_factory=Locale)


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads documents for one run with one schema, model and prompt.

    ``shots`` is the text of worked examples, ``rankings`` come from reviewed ones, by field.
    """

    run: Run
    models: Models
    corpus: Corpus
    schema: Schema
    prompt: Prompt
    model: str
    options: Options
    shots: str = ""
    rankings: Mapping[str, Ranking] = field(default_factory=dict)

    def read(self, document: MaskedDocument) -> list[Record]:
        """The document's records; one failed record if it could not be read.

        Raises:
            ModelNotFound, ModelUnavailable, BudgetExceeded, AccessDenied, StoreError.
        """
        if not document.text.strip():
            return [self._failed(document, "the document has no text")]
        source = Source(document.text, evidence(document.text, self.options.locale))
        try:
            rows, share, unread = self._rows(document, source)
        except (ModelTimeout, InvalidReply) as error:
            return [self._failed(document, error.what)]
        rows = rows if self.options.many else [self._chosen_spans(rows[0], source, share)]
        return [
            self._record(document, ordinal, row, share=share, unread=unread)
            for ordinal, row in enumerate(rows or [{}])
        ]

    def words(self, text: str) -> Words:
        """What the model says about a short text, as it would of a document's first window; of a
        text that it fails at, nothing."""
        said: dict[str, str] = {}
        for fields in groups(self.schema.fields):
            try:
                said |= self._ask(fields, text[: self._room(fields)]).records[0]
            except (ModelTimeout, InvalidReply):
                continue
        return said

    def _rows(self, document: MaskedDocument, source: Source) -> tuple[list[Fields], float, str]:
        """The rows, the share of the text that was read, and why the rest was not."""
        found: list[list[Fields]] = []
        shown: list[Window] = []
        failures: list[ModelError] = []
        for fields in groups(self.schema.fields):
            windows = self._windows(document, fields)
            if self.options.many:
                parts = [self._tried(fields, source, w, (shown, failures)) for w in windows]
                found.append(merge_rows(parts))
                continue
            row: Fields = {}
            for window in windows:
                lacking = [f for f in fields if not is_found(f, row)]
                if not lacking:
                    break
                for read in self._tried(lacking, source, window, (shown, failures)):
                    row = merge_fields([row, read]) if row else read
            found.append([row])
        if failures and not any(f.raw for rows in found for row in rows for f in row.values()):
            raise failures[0]
        share = read_share(shown, source.text)
        unread = f"not all was read: {failures[0].what}" if failures else ""
        if self.options.many:
            return joined(found), share, unread
        return [{name: f for rows in found for name, f in rows[0].items()}], share, unread

    def _tried(
        self,
        fields: Sequence[FieldSpec],
        source: Source,
        window: Window,
        noted: tuple[list[Window], list[ModelError]],
    ) -> list[Fields]:
        """As ``_fields``; what one window or group fails at does not undo the others. ``noted``
        takes the windows that were read, and the failures."""
        shown, failures = noted
        try:
            rows = self._fields(fields, source, window)
        except (ModelTimeout, InvalidReply) as error:
            failures.append(error)
        else:
            shown.append(window)
            return rows
        if self.options.many:
            return []
        paths = (leaf.path for leaf in self.schema.leaves if not leaf.listed)
        names = [path for path in paths if any(is_of(field, path) for field in fields)]
        return [{name: Field(name, problem=failures[-1].what) for name in names}]

    def _fields(self, fields: Sequence[FieldSpec], source: Source, window: Window) -> list[Fields]:
        """One set of fields, or with ``many`` one per row, from one window."""
        try:
            return self._window_fields(fields, source, window)
        except InvalidReply:
            # A text of many tokens per character does not fit where it was thought to.
            if window.chars <= _MIN_WINDOW_CHARS:
                raise
            return self._window_fields(fields, source, halved(window))

    def _window_fields(
        self, fields: Sequence[FieldSpec], source: Source, window: Window
    ) -> list[Fields]:
        shown = window.shown(source.text)
        reply = self._ask(fields, shown)
        leaves = self._leaves()
        rows = [assemble(words, leaves, source, window.spans) for words in reply.records]
        if not self.options.many:
            rows = [self._repaired(rows[0], fields, source, window)]
        if not reply.whole:
            rows = [marked_cut(row) for row in rows]
        return [tidied(row, leaves, source) for row in rows]

    def _repaired(
        self, row: Fields, fields: Sequence[FieldSpec], source: Source, window: Window
    ) -> Fields:
        """The row after one more question about what was invalid; a worse answer is not taken."""
        row = {name: self._only_mention(found, source) for name, found in row.items()}
        bad = [f for f in fields if any(is_of(f, n) and is_bad(v) for n, v in row.items())]
        if not bad or not self.options.repair:
            return row
        problems = "; ".join(
            f'"{v.raw[:80]}" for {n}: {v.problem}' for n, v in row.items() if is_bad(v)
        )
        note = f"Wrong before: {problems}. Copy the right words from the document, for these only."
        try:
            reply = self._ask(fields, window.shown(source.text), only=bad, note=note)
        except (InvalidReply, ModelTimeout):
            return row
        again = assemble(reply.records[0], self._leaves(), source, window.spans)
        for name, answer in again.items():
            found = self._only_mention(answer, source)
            if name not in row or (is_bad(row[name]) and found.status in _KEPT):
                row[name] = replace(found, signals={**found.signals, "repaired": 1.0})
        return row

    def _only_mention(self, found: Field, source: Source) -> Field:
        """An invalid date or amount is taken from the document if that states just one."""
        spec = self._leaves()[bare(found.name)].spec
        if found.status is not FieldStatus.INVALID or spec.type not in _VALUED:
            return found
        stated = mentions(source.text, spec.type, source.locale)
        if not stated or any(m.value != stated[0].value for m in stated):
            return found
        from workbench.extraction.locating import Match, Place

        place = Place(stated[0].start, stated[0].end, Match.VALUE, 100.0, len(stated))
        only = placed_field(found.name, spec, source, place)
        return replace(only, raw=found.raw, signals={**only.signals, "only": 1.0})

    def _chosen_spans(self, row: Fields, source: Source, share: float) -> Fields:
        """The row with the spans that reviewed examples make most probable."""
        if share < 1.0:
            return row
        words = {name: found.raw for name, found in row.items()}
        for name, ranking in self.rankings.items():
            found = row.get(name)
            if found is None:
                continue
            choice = ranking.choose(source, words)
            if choice is None:
                continue
            signals = {**found.signals, "taught": choice.probability}
            if choice.place is None:
                row[name] = Field(name, raw=found.raw, signals=signals)
                continue
            place = choice.place
            signals["moved"] = float((found.start, found.end) != (place.start, place.end))
            better = placed_field(name, ranking.spec, source, place)
            if better.status is FieldStatus.LOCATED:
                signals = {**better.signals, **signals}
                row[name] = replace(better, raw=found.raw, signals=signals)
        # What was moved may now end where another field begins.
        return tidied(row, self._leaves(), source)

    def _ask(
        self,
        fields: Sequence[FieldSpec],
        shown: str,
        *,
        only: Sequence[FieldSpec] = (),
        note: str = "",
    ) -> Reply:
        many = self.options.many
        asked = only or fields
        task = note or (_MANY_TASK if many else _TASK)
        values = {
            "fields": described(fields),
            "examples": self.shots,
            "document": shown,
            "task": task,
        }
        request = ChatRequest(
            model=self.model,
            system=self.prompt.system,
            user=self.prompt.fill(values),
            schema=reply_schema(asked, many=many),
            max_tokens=min(reply_tokens(asked, many=many), self._most_tokens()),
            prompt_version=self.prompt.version,
        )
        reply = self.models.chat(self.run, request)
        return parse_reply(reply.text, asked, many=many)

    def _most_tokens(self) -> int:
        return min(self.prompt.max_tokens, self.models.config.num_ctx // 2)

    def _room(self, fields: Sequence[FieldSpec]) -> int:
        """How many characters of a document fit beside prompt and reply."""
        reply = min(reply_tokens(fields, many=self.options.many), self._most_tokens())
        rest = len(self.prompt.system) + len(described(fields)) + len(self.shots) + 200
        room = (self.models.config.num_ctx - reply) * _CHARS_PER_TOKEN - rest
        return max(_MIN_WINDOW_CHARS, min(self.options.window_chars, int(room)))

    def _windows(self, document: MaskedDocument, fields: Sequence[FieldSpec]) -> list[Window]:
        room = self._room(fields)
        text = document.text
        if len(text) <= room:
            return [Window(((0, len(text)),))]
        read = self.corpus.passages.read(self.run, [document.id])
        queries = [f"{f.name.replace('_', ' ')}: {f.description}" for f in fields]
        likeness = np.zeros((len(read.hits), len(queries)), dtype=np.float32)
        if read.vectors.shape[1]:
            likeness = read.vectors @ self.models.embed(self.run, queries).T
        passages = [
            Passage(hit.chunk.start, hit.chunk.end, tuple(float(x) for x in row))
            for hit, row in zip(read.hits, likeness, strict=True)
        ]
        if self.options.many:
            most = self.options.max_many_windows
            return consecutive(text, passages, queries, max_chars=room, most=most)
        most = self.options.max_windows
        return chosen(text, passages, queries, max_chars=room, most=most)

    def _leaves(self) -> Mapping[str, Leaf]:
        return {leaf.path: leaf for leaf in self.schema.leaves}

    def _record(
        self, document: MaskedDocument, ordinal: int, row: Fields, *, share: float, unread: str
    ) -> Record:
        fields = tuple(
            replace(f, page=document.page_at(f.start)) if f.start is not None else f
            for f in in_order(row, self.schema)
        )
        status, problem = completed(fields, self.schema.fields)
        return Record(
            document_id=document.id,
            document=document.name,
            uri=document.uri,
            ordinal=ordinal,
            fields=fields,
            status=status,
            problem="; ".join(part for part in (problem, unread) if part),
            read_share=share,
            label=document.label,
        )

    def _failed(self, document: MaskedDocument, problem: str) -> Record:
        return failed_record(document, self.schema, problem)
