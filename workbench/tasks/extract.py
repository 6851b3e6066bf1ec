"""Documents and a schema to an Extraction: governed, resumable, one document after the other.

What is finished is stored before the next document begins. The same call later, after a kill or
by intent, reads finished documents from the store and asks the model nothing. Documents are read
one at a time: on one machine the model server computes with all cores for one request already.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace

from workbench.config import Config
from workbench.errors import BudgetExceeded
from workbench.extraction.assembling import plain
from workbench.extraction.replies import described, groups, reply_tokens
from workbench.extraction.schema import Schema, bare
from workbench.extraction.shots import SHOT_CHARS, similar, worked
from workbench.extraction.teaching import Example, Ranking, learn
from workbench.extraction.windows import merged
from workbench.guard.run import Run
from workbench.models.governed import Models
from workbench.prompts.registry import Prompt, load_prompt
from workbench.results.extraction import Excerpt, Extraction, ExtractionEstimate
from workbench.store.corpus import Corpus
from workbench.store.extractions import ExtractionKey, SavedSchema
from workbench.tasks.places import Originals, boxed
from workbench.tasks.reading import Options, Reader
from workbench.tasks.records import failed_record
from workbench.tasks.review import with_reviews
from workbench.values import ExtractionInfo, MaskedDocument, Record, RecordStatus

WHOLE_CHARS = 4_000
"""A document of up to so many characters is shown whole beside its record, others in excerpts."""

EXCERPT_CHARS = 300
_RULES = "3"
"""Raise it when locating, parsing or teaching changes: stored records are then read anew."""

_CHARS_PER_TOKEN = 3.0
_TOKENS_PER_FIELD = 16
PROMPT_TOKENS_PER_S = 60.0
OUTPUT_TOKENS_PER_S = 12.0
"""What two cores did with the default model, for estimates before anything was measured."""


@dataclass(frozen=True, slots=True)
class ExtractRooms:
    """The collaborators of an extraction."""

    config: Config
    models: Models
    corpus: Corpus
    originals: Originals


@dataclass(frozen=True, slots=True)
class ExtractProgress:
    """After each document: ``done`` of ``total``, the seconds so far, and those still expected
    (None before the first document that was not finished already)."""

    done: int
    total: int
    document: str
    status: RecordStatus
    seconds: float
    remaining_s: float | None


@dataclass(frozen=True, slots=True)
class ExtractJob:
    """What to do: documents, schema, model, options and the prompt's name. The examples teach the
    choice among a document's spans if ``taught``; the ``shots`` of them that are most like the
    document are shown to the model as worked examples."""

    document_ids: tuple[int, ...]
    schema: Schema
    model: str
    options: Options = field(default_factory=Options)
    examples: tuple[Example, ...] = ()
    shots: int = 0
    taught: bool = True
    prompt: str = "extract"


Progress = Callable[[ExtractProgress], None]


def extract(run: Run, rooms: ExtractRooms, job: ExtractJob, progress: Progress) -> Extraction:
    """Read every document of the job that is not finished yet; return all records.

    A document that fails is a failed record, and so are those that the run's budget leaves over;
    the same call later tries them again.

    Raises:
        ModelNotFound, ModelUnavailable, AccessDenied, StoreError.
    """
    prompt = load_prompt(job.prompt)
    store = rooms.corpus.extractions
    schema = job.schema
    saved = store.save_schema(run, schema.name, schema.fingerprint, schema.to_dict())
    key = _key(rooms, job, saved, prompt)
    number = store.begin(
        run, key, _digest([run.actor.name, asdict(key)]), rooms.corpus.version(run)
    )
    reader = Reader(run, rooms.models, rooms.corpus, schema, prompt, job.model, job.options)
    batch = _Batch(run, rooms, job, reader, number, progress)
    records = batch.read_all()
    return Extraction(
        id=number,
        schema=schema.to_dict(),
        schema_version=saved.version,
        kinds=_kinds(schema),
        records=with_reviews(run, rooms.corpus, schema, number, records),
        excerpts=batch.excerpts,
        model=key.model,
        prompt_version=prompt.version,
        run_id=run.id,
        usage=run.meter.usage,
    )


def estimate(run: Run, rooms: ExtractRooms, job: ExtractJob) -> ExtractionEstimate:
    """What the job would cost at most, without asking a model. Finished documents are free."""
    prompt = load_prompt(job.prompt)
    parts = groups(job.schema.fields)
    tokens = output = 0
    infos = {info.id: info for info in rooms.corpus.documents(run)}
    options = job.options
    for number in job.document_ids:
        characters = infos[number].characters if number in infos else options.window_chars
        windows = 1 + (characters - 1) // options.window_chars
        calls = min(windows, options.max_many_windows if options.many else options.max_windows)
        shown = min(characters, options.window_chars)
        for fields in parts:
            fixed = len(prompt.system) + len(described(fields)) + job.shots * SHOT_CHARS
            tokens += calls * int((fixed + shown) / _CHARS_PER_TOKEN)
            likely = _TOKENS_PER_FIELD * (reply_tokens(fields, many=options.many) // 56 + 1)
            output += calls * likely
    seconds = tokens / PROMPT_TOKENS_PER_S + output / OUTPUT_TOKENS_PER_S
    return ExtractionEstimate(
        documents=len(job.document_ids),
        prompt_tokens=tokens,
        output_tokens=output,
        seconds=seconds,
        budget_tokens=rooms.config.budget.max_tokens,
        budget_seconds=rooms.config.budget.max_seconds,
    )


def stored_extraction(run: Run, corpus: Corpus, schema: Schema, info: ExtractionInfo) -> Extraction:
    """What is stored of an extraction, as reviewers left it by now. No model is asked.

    Raises:
        AccessDenied, StoreError.
    """
    records = corpus.extractions.records(run, info.id)
    by_document: dict[int, list[Record]] = {}
    for record in records:
        by_document.setdefault(record.document_id, []).append(record)
    texts = corpus.extractions.texts(run, info.id)
    return Extraction(
        id=info.id,
        schema=schema.to_dict(),
        schema_version=info.schema_version,
        kinds=_kinds(schema),
        records=with_reviews(run, corpus, schema, info.id, records),
        excerpts={number: excerpts(texts[number], found) for number, found in by_document.items()},
        model=info.model,
        prompt_version=info.prompt_version,
        run_id=run.id,
        usage=run.meter.usage,
    )


class _Batch:
    """One pass over a job's documents."""

    def __init__(
        self,
        run: Run,
        rooms: ExtractRooms,
        job: ExtractJob,
        reader: Reader,
        number: int,
        progress: Progress,
    ) -> None:
        self._run = run
        self._rooms = rooms
        self._job = job
        self._reader = reader
        self._number = number
        self._progress = progress
        self._rankings: dict[int | None, Mapping[str, Ranking]] = {}
        self._taught: tuple[Example, ...] | None = None
        self._spent = ""
        self.excerpts: dict[int, tuple[Excerpt, ...]] = {}

    def read_all(self) -> list[Record]:
        corpus = self._rooms.corpus
        finished: dict[int, list[Record]] = {}
        for record in corpus.extractions.records(self._run, self._number):
            if record.status is not RecordStatus.FAILED:
                finished.setdefault(record.document_id, []).append(record)
        started_s = time.monotonic()
        records: list[Record] = []
        fresh = 0
        ids = self._job.document_ids
        for done, number in enumerate(ids, start=1):
            document = corpus.document(self._run, number)
            if number in finished:
                found = finished[number]
            else:
                found = self._document(document)
                fresh += 1
            self.excerpts[number] = excerpts(document.text, found)
            records += found
            seconds = time.monotonic() - started_s
            left = sum(other not in finished for other in ids[done:])
            self._progress(
                ExtractProgress(
                    done=done,
                    total=len(ids),
                    document=document.name,
                    status=found[0].status,
                    seconds=seconds,
                    remaining_s=seconds / fresh * left if fresh else None,
                )
            )
        return records

    def _document(self, document: MaskedDocument) -> list[Record]:
        if self._spent:
            return [failed_record(document, self._job.schema, self._spent)]
        try:
            reader = self._shown_examples(document.text)
            found = replace(reader, rankings=self._rankings_for(document)).read(document)
            if document.media_type == "application/pdf":
                found = boxed(self._run, self._rooms.originals, self._rooms.corpus, found)
        except BudgetExceeded as error:
            self._spent = f"not read: {error.what}"
            return [failed_record(document, self._job.schema, self._spent)]
        kinds = _kinds(self._job.schema)
        names = {f.name: kinds[bare(f.name)] for record in found for f in record.fields}
        ids = self._rooms.corpus.extractions.add(self._run, self._number, found, names)
        return [replace(record, id=number) for record, number in zip(found, ids, strict=True)]

    def _shown_examples(self, text: str) -> Reader:
        """The reader with the worked examples for a document with this text."""
        job = self._job
        examples = similar(job.examples, text, job.shots)
        return replace(self._reader, shots=worked(examples, job.schema, many=job.options.many))

    def _rankings_for(self, document: MaskedDocument) -> Mapping[str, Ranking]:
        """What the examples teach, without the one that is this very document."""
        job = self._job
        if job.options.many or not job.taught or not job.examples:
            return {}
        if self._taught is None:
            self._taught = tuple(
                replace(e, words=self._shown_examples(e.text).words(e.text)) for e in job.examples
            )
        texts = [example.text for example in self._taught]
        own = texts.index(document.text) if document.text in texts else None
        if own not in self._rankings:
            others = [e for index, e in enumerate(self._taught) if index != own]
            self._rankings[own] = learn(job.schema, others)
        return self._rankings[own]


def excerpts(text: str, records: Iterable[Record]) -> tuple[Excerpt, ...]:
    """A short text whole, else what stands around the located fields."""
    if len(text) <= WHOLE_CHARS:
        return (Excerpt(0, text),)
    spans = [
        (max(0, f.start - EXCERPT_CHARS), min(len(text), f.end + EXCERPT_CHARS))
        for record in records
        for f in record.fields
        if f.start is not None and f.end is not None
    ]
    return tuple(Excerpt(start, text[start:end]) for start, end in merged(spans))


def _kinds(schema: Schema) -> dict[str, str]:
    return {leaf.path: leaf.spec.type.value for leaf in schema.leaves}


def _key(rooms: ExtractRooms, job: ExtractJob, saved: SavedSchema, prompt: Prompt) -> ExtractionKey:
    examples = [[e.text, {k: plain(v) for k, v in e.values.items()}] for e in job.examples]
    options = asdict(job.options) | {"shots": job.shots, "taught": job.taught, "rules": _RULES}
    return ExtractionKey(
        schema_id=saved.id,
        model=rooms.models.resolve(job.model),
        model_digest=rooms.models.digest(job.model),
        prompt_version=prompt.version,
        options=json.dumps(options, sort_keys=True),
        examples=_digest(examples),
    )


def _digest(state: object) -> str:
    text = json.dumps(state, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
