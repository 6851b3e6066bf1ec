"""The nouns on the data's way, all frozen.

source -> Document -> MaskedDocument -> Chunk -> vector -> Hit -> Answer

All character offsets are half-open, ``start <= i < end``, and count Python characters of the text
they belong to: a Document's own text before masking, the masked text everywhere after.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

DEFAULT_LABEL = "internal"
"""The label of a document that was ingested without one."""

_EMPTY: Mapping[str, str] = MappingProxyType({})
_NO_COUNTS: Mapping[str, int] = MappingProxyType({})
_NO_SIGNALS: Mapping[str, float] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: a name, a role known to the policy, and what the actor may see.

    ``may`` names actions that were granted beside the role; the policy decides which can be.
    """

    name: str
    role: str
    scope: Scope
    may: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Scope:
    """What is visible: documents by their label, and single ones by their uri. The default scope
    sees nothing.

    ``documents`` are the uris granted one by one, whatever their label. A grant allows reading
    every version of the document, never writing.
    """

    labels: frozenset[str] = frozenset()
    unrestricted: bool = False
    documents: frozenset[str] = frozenset()

    @property
    def is_empty(self) -> bool:
        """Whether nothing at all can be visible."""
        return not (self.unrestricted or self.labels or self.documents)

    def allows(self, label: str) -> bool:
        """Whether everything under ``label`` is visible."""
        return self.unrestricted or label in self.labels

    def sees(self, label: str, uri: str) -> bool:
        """Whether a document of this label and uri is visible."""
        return self.allows(label) or uri in self.documents


@dataclass(frozen=True, slots=True)
class Page:
    """Characters ``start`` to ``end`` of a document's text stand on page ``number`` (from 1)."""

    number: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class PageBox:
    """A rectangle on page ``number``, in shares of the page's width and height from its top left
    corner, as the page is shown: 0 to 1, whatever the size of the picture."""

    number: int
    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, slots=True)
class Document:
    """One parsed source item, before masking. It must never be stored, logged or embedded.

    ``pages`` is empty for formats without pages. ``content_hash`` is the SHA-256 of the bytes.
    """

    uri: str
    name: str
    media_type: str
    content_hash: str
    text: str
    label: str = DEFAULT_LABEL
    pages: tuple[Page, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=lambda: _EMPTY)


@dataclass(frozen=True, slots=True)
class MaskedDocument:
    """A document whose text, name and metadata hold placeholders instead of personal data.

    ``id`` is 0 until the store gives it one; a changed file becomes a new document with a new id.
    ``masked`` counts the replaced spans by entity type.
    """

    uri: str
    name: str
    media_type: str
    content_hash: str
    text: str
    label: str = DEFAULT_LABEL
    pages: tuple[Page, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=lambda: _EMPTY)
    masked: Mapping[str, int] = field(default_factory=lambda: _NO_COUNTS)
    id: int = 0

    def page_at(self, offset: int) -> int | None:
        """The page number that holds the character at ``offset``; None without pages."""
        for page in self.pages:
            if page.start <= offset < page.end:
                return page.number
        return None


@dataclass(frozen=True, slots=True)
class Chunk:
    """A span of a masked document: ``document.text[start:end] == text``.

    ``heading`` is the path of headings above the span ("Leave > Sick leave"), possibly empty; it is
    searched and embedded with the text, but is not part of it. ``id`` and ``document_id`` are 0
    until stored.
    """

    ordinal: int
    start: int
    end: int
    text: str
    page: int | None = None
    heading: str = ""
    id: int = 0
    document_id: int = 0


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk that was found, with its document's name and uri.

    ``score`` is comparable within one result only. ``keyword_rank`` and ``vector_rank`` count from
    1 and are None where that search did not return the chunk. ``similarity`` is the cosine of the
    question and the chunk, -1 to 1, and None in a keyword-only search.
    """

    chunk: Chunk
    document: str
    uri: str
    label: str
    score: float
    keyword_rank: int | None = None
    vector_rank: int | None = None
    similarity: float | None = None


@dataclass(frozen=True, slots=True)
class Citation:
    """The exact words of a source: the masked text of ``document_id`` at ``start`` to ``end``."""

    document: str
    uri: str
    page: int | None
    start: int
    end: int
    quote: str
    document_id: int


class Support(StrEnum):
    """How far the sources carry an answer."""

    SUPPORTED = "supported"
    PARTIAL = "partial"
    ABSTAINED = "abstained"


@dataclass(frozen=True, slots=True)
class Claim:
    """One sentence of an answer. Without a located citation it is unsupported."""

    text: str
    citations: tuple[Citation, ...] = ()

    @property
    def supported(self) -> bool:
        return bool(self.citations)


@dataclass(frozen=True, slots=True)
class Usage:
    """What model calls consumed: tokens in and out, and seconds."""

    prompt_tokens: int = 0
    output_tokens: int = 0
    seconds: float = 0.0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.prompt_tokens + other.prompt_tokens,
            self.output_tokens + other.output_tokens,
            self.seconds + other.seconds,
        )

    def __sub__(self, other: Usage) -> Usage:
        return Usage(
            self.prompt_tokens - other.prompt_tokens,
            self.output_tokens - other.output_tokens,
            self.seconds - other.seconds,
        )

    @property
    def tokens(self) -> int:
        return self.prompt_tokens + self.output_tokens


@dataclass(frozen=True, slots=True)
class DocumentInfo:
    """A stored document without its text. ``characters`` and ``chunks`` are counts."""

    id: int
    uri: str
    name: str
    media_type: str
    label: str
    characters: int
    pages: int
    chunks: int
    masked: Mapping[str, int]
    ingested_at: str


@dataclass(frozen=True, slots=True)
class ExtractionInfo:
    """A stored extraction without its records.

    ``documents`` counts those with a record in it that the actor may see. ``updated_at`` is the
    UTC time of its last record.
    """

    id: int
    schema: str
    schema_version: int
    actor: str
    model: str
    prompt_version: str
    documents: int
    updated_at: str


class FieldStatus(StrEnum):
    """How an extracted value stands to its document.

    ``located``: its words stand at start to end. ``inferred``: it was given, but its words stand
    nowhere as they are (a yes or no, a choice). ``missing``: the document does not state it, as far
    as it was read. ``invalid``: what was found cannot be the value; ``problem`` says why.
    """

    LOCATED = "located"
    INFERRED = "inferred"
    MISSING = "missing"
    INVALID = "invalid"


class RecordStatus(StrEnum):
    """``complete``: all required fields have values. ``incomplete``: some do not. ``empty``:
    nothing was found. ``failed``: the document could not be read by the model; see ``problem``."""

    COMPLETE = "complete"
    INCOMPLETE = "incomplete"
    EMPTY = "empty"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Field:
    """One extracted value with its provenance.

    ``name`` is the path within the record (``items[0].price``). ``value`` is str, Decimal, date,
    bool or None; ``unit`` the currency of money as written. ``raw`` are the model's words,
    ``quote`` the document's: ``text[start:end] == quote`` of the masked text if ``status`` is
    located. ``box`` is (left, top, right, bottom) in shares of the page, see PageBox, where the
    format has one. ``confidence`` is 0 to 1 once there are reviewed labels to calibrate it;
    ``signals`` are what it is made from.
    ``review`` is accepted, corrected, rejected or "" while nobody judged it; ``value`` is then what
    the reviewer left or wrote, and ``machine_value`` what was extracted.
    """

    name: str
    value: object = None
    raw: str = ""
    quote: str = ""
    page: int | None = None
    start: int | None = None
    end: int | None = None
    box: tuple[float, float, float, float] | None = None
    status: FieldStatus = FieldStatus.MISSING
    confidence: float | None = None
    unit: str = ""
    problem: str = ""
    review: str = ""
    machine_value: object = None
    signals: Mapping[str, float] = field(default_factory=lambda: _NO_SIGNALS)


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a document; ``ordinal`` counts from 0 where a document has many.

    ``read_share`` is the part of the document's characters that the model was shown, 0 to 1.
    ``id`` is 0 until the store gives it one.
    """

    document_id: int
    document: str
    uri: str
    ordinal: int
    fields: tuple[Field, ...]
    status: RecordStatus
    problem: str = ""
    read_share: float = 1.0
    label: str = DEFAULT_LABEL
    id: int = 0

    def __getitem__(self, name: str) -> Field:
        for found in self.fields:
            if found.name == name:
                return found
        return Field(name)
