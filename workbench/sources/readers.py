"""Documents of LlamaIndex readers as items: MongoDB, SharePoint, Confluence and many more."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from workbench.errors import FileTooLarge, UsageError
from workbench.sources.items import Access, Item, Listing
from workbench.sources.rows import MAX_ROWS, cell_text, key_digest, safe_part
from workbench.sources.text import clean
from workbench.values import Document

if TYPE_CHECKING:
    from llama_index.core.schema import Document as LlamaDocument

READERS_VERSION = "1"
"""Changes whenever the text or metadata of such a document changes."""

_NAME_FIELDS = ("title", "file_name", "filename", "name")
_MAX_FIELDS = 100
_MAX_VALUE_CHARS = 2_000
_MAX_NAME_CHARS = 200
_USER_IN_ADDRESS = re.compile(r"(?<=://)[^\s/@]+@")


@dataclass(frozen=True, slots=True)
class ReaderDocuments:
    """What a LlamaIndex reader returned, as a source.

    Args:
        documents: of ``reader.load_data(...)``.
        name: the collection, the same from ingest to ingest.
        key: the metadata field that tells the documents apart. Without it their ids do, which many
            readers draw at random, so that a repeated ingest would double the documents.
        media_type: what the texts are; ``text/markdown`` for text with headings and tables.
    """

    documents: Iterable[LlamaDocument] = field(repr=False)
    name: str
    key: str | None = None
    media_type: str = "text/plain"

    def listing(self, access: Access) -> Listing:
        """The documents as items.

        Raises:
            UsageError: if a document lacks the key, or two have the same.
        """
        prefix = f"reader://{safe_part(self.name)}/"
        items: dict[str, Item] = {}
        for number, document in enumerate(self.documents, start=1):
            key = self._key(document, number)
            uri = prefix + key_digest(key)
            if uri in items or number > MAX_ROWS:
                raise UsageError(
                    "two documents have the same key, or there are too many",
                    value=f"document {number}, allowed are {MAX_ROWS:,}",
                    next_step="Name a metadata field that is different in every document.",
                )
            name = _name(document.metadata, f"{self.name} {number}")
            read = partial(self._document, document, uri, name, access.limits.max_document_chars)
            items[uri] = Item(
                uri=uri,
                name=name,
                size_bytes=len(document.text),
                fingerprint=partial(_fingerprint, document, self.media_type),
                read=read,
            )
        return Listing(list(items.values()), covered=(prefix,))

    def _key(self, document: LlamaDocument, number: int) -> str:
        key = document.id_ if self.key is None else cell_text(document.metadata.get(self.key))
        if not key:
            raise UsageError(
                "a document has no key",
                value=f"{self.key} in document {number}",
                next_step="Name a metadata field that every document has.",
            )
        return key

    def _document(
        self, document: LlamaDocument, uri: str, name: str, max_chars: int, label: str
    ) -> Document:
        text = clean(document.text)
        if len(text) > max_chars:
            raise FileTooLarge(
                "the document holds too much text",
                value=f"{len(text):,} characters, allowed are {max_chars:,}",
                next_step="Split it, or raise limits.max_document_chars.",
            )
        return Document(
            uri=uri,
            name=name,
            media_type=self.media_type,
            content_hash=hashlib.sha256(document.text.encode("utf-8", "replace")).hexdigest(),
            text=text,
            label=label,
            metadata={"source": f"reader {self.name}", **_metadata(document.metadata)},
        )


def _fingerprint(document: LlamaDocument, media_type: str) -> str:
    described = [READERS_VERSION, media_type, document.text, _metadata(document.metadata)]
    return hashlib.sha256(json.dumps(described).encode()).hexdigest()


def _name(metadata: Mapping[str, Any], otherwise: str) -> str:
    found = (cell_text(metadata.get(name)) for name in _NAME_FIELDS)
    return clean(" ".join(next(filter(None, found), otherwise).split()))[:_MAX_NAME_CHARS]


def _metadata(metadata: Mapping[str, Any]) -> dict[str, str]:
    """The fields as text, without what a user and a password would be in an address."""
    kept = {}
    for name, value in list(metadata.items())[:_MAX_FIELDS]:
        text = _USER_IN_ADDRESS.sub("", clean(cell_text(value)))[:_MAX_VALUE_CHARS]
        if text:
            kept[clean(str(name))[:_MAX_NAME_CHARS]] = text
    return kept
