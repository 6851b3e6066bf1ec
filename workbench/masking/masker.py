"""Document -> MaskedDocument: personal data becomes placeholders before anything is stored."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence

from workbench.config import MaskingConfig
from workbench.masking.aliases import Aliases
from workbench.masking.detection import Detection, Detector, Patterns
from workbench.masking.fields import person_field, readable_name
from workbench.masking.names import Names
from workbench.masking.placeholders import (
    Keep,
    Placeholders,
    digest,
    escape,
    hashed,
    normalise,
    placeholder,
    placeholder_spans,
)
from workbench.masking.presidio import Presidio
from workbench.masking.rampart import Rampart
from workbench.masking.recognizers import RECOGNIZERS
from workbench.masking.replacing import (
    NAME,
    Read,
    Replacement,
    masked_document,
    replaced,
    texts_of,
    values_of,
)
from workbench.masking.rules import MaskingRules, Treatment, Treatments
from workbench.masking.spans import CERTAIN, Span, repeats, resolve
from workbench.masking.uris import PrivateUris
from workbench.values import Document, MaskedDocument

_RULES = "4"
"""Raise it when masking changes in a way that no detector's version tells."""

_NAME_WORD = re.compile(r"[^\W\d_][\w'\u2019.-]*\b")
_MAX_NAME_WORDS = 4

Keys = list[tuple[str, str]]
"""Entity type and digest of each span of a text."""


class Masker:
    """Masks documents and questions with the same placeholders.

    Loads no model before its first use. One instance may serve many threads.

    ``uris`` recognises the places that ``shown_uri`` shows privately.

    Args:
        config: which types are masked, from which score on, and which labels are kept.
        placeholders: the register that numbers the values.
        key: 32 secret bytes for the digests in the register, see ``load_key``.
        detectors: other detectors in place of Presidio, Rampart and our own patterns.
        rules: what is done with which type under which label, and recognisers of one's own.
        keep: is given what the placeholders of documents stand for, by type and number, before
            a masked document is returned; the vault's, where there is one.
    """

    def __init__(
        self,
        config: MaskingConfig,
        placeholders: Placeholders,
        *,
        key: bytes,
        detectors: Sequence[Detector] | None = None,
        rules: MaskingRules | None = None,
        keep: Keep | None = None,
    ) -> None:
        self._config = config
        self._rules = rules or MaskingRules()
        self._treatments = Treatments(config, self._rules)
        self._placeholders = placeholders
        self._key = key
        self._keep = keep
        self._aliases = Aliases(placeholders, key)
        self.uris = PrivateUris(key)
        self._hidden_parts: dict[tuple[str, str], bool] = {}
        types = self._treatments.types
        chosen = detectors if detectors is not None else _detectors(types, config.threshold)
        custom = [own.recognizer() for own in self._rules.recognizers]
        added = (Patterns(custom),) if custom else ()
        self._detection = Detection((*chosen, *added), types, config.threshold)

    @property
    def version(self) -> str:
        """Changes whenever masked text could change: settings, detectors, models, rules."""
        settings = json.dumps(
            [part.model_dump(mode="json") for part in (self._config, self._rules)], sort_keys=True
        )
        kept = "" if self._keep is None else "|vault"
        parts = f"{_RULES}|{settings}|{self._detection.version}{kept}"
        return f"masking-{hashlib.sha256(parts.encode()).hexdigest()[:16]}"

    def mask(self, document: Document) -> MaskedDocument:
        """Mask one document; see ``mask_many``."""
        return self.mask_many([document])[0]

    def mask_many(self, documents: Sequence[Document]) -> list[MaskedDocument]:
        """Mask text, name and metadata of each document; pages keep their words.

        Each is masked as if it were alone, but they are read together and get their numbers at
        once, which for many small ones is much faster. A document under a kept label passes
        unmasked, except that literals which look like placeholders are escaped.

        Raises:
            MaskingError: if anything failed; no part of the documents may then be stored.
        """
        read = self._read(documents)
        parts = self._replaced(read)
        return [masked_document(*pair) for pair in zip(documents, parts, strict=True)]

    def preview(self, document: Document) -> list[Span]:
        """What ``mask`` would replace in the document's text; numbers and stores nothing.

        Raises:
            MaskingError: if anything failed.
        """
        return list(self._read([document])[0].spans[0])

    def mask_text(self, text: str, *, label: str | None = None) -> str:
        """Mask a question with the numbers that the documents use.

        A short form of a name, such as the surname, gets the number of the one person it fits.
        Placeholders in it stay: whoever asks may quote what a masked document shows.

        Raises:
            MaskingError: if anything failed.
        """
        if self._treatments.keeps(label):
            return text
        kept = placeholder_spans(text, self._treatments.types)
        people = self._not_kept(self._known_people(text), label)
        read = self._aliases.trimmed(text, self.find([text], label=label)[0])
        found = resolve(text, [*people, *read])
        spans = [
            span
            for span in found
            if not any(span.start < end and start < span.end for start, end in kept)
        ]
        return self._replaced([Read([text], [spans], None, label)], keep=False)[0][0].text

    def keys_of(self, value: str) -> list[tuple[str, str]]:
        """How the register may know a value: entity type and digest, for every type."""
        return [(kind, digest(self._key, kind, value)) for kind in self._treatments.types]

    def _known_people(self, text: str) -> list[Span]:
        """People whom the documents name: a bare question gives a detector little to go by."""
        if "PERSON" not in self._treatments.types:
            return []
        words = [match.span() for match in _NAME_WORD.finditer(text)]
        groups = [
            Span(words[first][0], words[last][1], "PERSON", CERTAIN)
            for first in range(len(words))
            for last in range(min(first + _MAX_NAME_WORDS, len(words)) - 1, first, -1)
            # "Meyer sign" may have been taken for a name in another question.
            if not (text[words[first][0]].isupper() and text[words[last][0]].islower())
        ]
        keys = [("PERSON", self._digest(text, span, None)) for span in groups]
        known = self._placeholders.known(keys)
        people: list[Span] = []
        for span, key in zip(groups, keys, strict=True):
            # Read from the left: in "Ann Lee, ann@x.org" there is no "Lee, ann".
            if key in known and not (people and span.start < people[-1].end):
                people.append(span)
        return people + self._aliases.spans(text)

    def mask_name(self, name: str, *, label: str) -> str:
        """Mask the name of a file as ``mask`` does, without the help of its text.

        Raises:
            MaskingError: if anything failed.
        """
        nameless = Document(uri="", name=name, media_type="", content_hash="", text="", label=label)
        return self.mask(nameless).name

    def shown_uri(self, uri: str, *, hide: bool, label: str) -> str:
        """``uri`` as it may be shown: without the names of folders that would be masked, and if
        there are any, or with ``hide``, without the name of the file. See ``PrivateUris``.

        Raises:
            MaskingError: if anything failed.
        """
        shown = self.uris.shown(uri, lambda part: self._hides(part, label))
        folder, _, _ = uri.rpartition("/")
        return shown if hide or not shown.startswith(f"{folder}/") else uri

    def _hides(self, part: str, label: str) -> bool:
        known = self._hidden_parts.get((part, label))
        if known is None:
            nameless = Document("", part, "", "", "", label)
            known = bool(self._read([nameless])[0].spans[NAME])
            self._hidden_parts[part, label] = known
        return known

    def mask_texts(self, texts: Sequence[str]) -> list[str]:
        """Mask many short texts, such as the cells of a column; equal ones are read once.

        Literals that look like placeholders are escaped, as in documents.

        Raises:
            MaskingError: if anything failed.
        """
        distinct = list(dict.fromkeys(texts))
        escaped = [escape(text) for text in distinct]
        parts = self._replaced([Read(escaped, self.find(escaped), None, None)])[0]
        masked = {text: part.text for text, part in zip(distinct, parts, strict=True)}
        return [masked[text] for text in texts]

    def find(self, texts: Sequence[str], *, label: str | None = None) -> list[list[Span]]:
        """What would be masked in each text, in order and without overlaps.

        Raises:
            MaskingError: if anything failed.
        """
        found = [self._not_kept(spans, label) for spans in self._detection.find(texts)]
        return [
            self._with_names([text], [spans])[0][0]
            for text, spans in zip(texts, found, strict=True)
        ]

    def keeps(self, label: str) -> bool:
        """Whether documents of ``label`` are public and stay as they are."""
        return self._treatments.keeps(label)

    def treatment(self, kind: str, label: str | None = None) -> Treatment:
        """What is done with values of type ``kind`` in documents of ``label``."""
        return self._treatments.of(kind, label)

    def _not_kept(self, spans: Sequence[Span], label: str | None) -> list[Span]:
        """Without what stays readable: it must not stand in the way of what does not."""
        return [s for s in spans if self._treatments.of(s.type, label) is not Treatment.KEEP]

    def _read(self, documents: Sequence[Document]) -> list[Read]:
        """What is found in all texts of each document, see ``texts_of``."""
        texts = [texts_of(document) for document in documents]
        hidden = [not self._treatments.keeps(document.label) for document in documents]
        # The name is read twice: as words, and as it is, for what its marks hold together. Those
        # are numbers and addresses: "paid-parental-leave.md" is nobody, however a model reads it.
        wanted = [
            [*own, readable_name(own[NAME])] if hide else []
            for own, hide in zip(texts, hidden, strict=True)
        ]
        found = iter(self._detection.find([text for own in wanted for text in own]))
        return [
            self._found(document, own, [next(found) for _ in asked])
            if asked
            else Read(own, [[] for _ in own], None, document.label)
            for document, own, asked in zip(documents, texts, wanted, strict=True)
        ]

    def _found(self, document: Document, texts: list[str], found: list[list[Span]]) -> Read:
        readable = found.pop()
        found[NAME] = [span for span in found[NAME] if span.type != "PERSON"] + readable
        fields = document.metadata
        for number, (key, value) in enumerate(zip(fields, texts[2:], strict=False), start=2):
            found[number] += person_field(key, value)
        spans, names = self._with_names(
            texts, [self._not_kept(own, document.label) for own in found]
        )
        return Read(texts, spans, names, document.label)

    def _with_names(
        self, texts: Sequence[str], found: Sequence[Sequence[Span]]
    ) -> tuple[list[list[Span]], Names | None]:
        """Disjoint spans, with the names that were found in one text found in all of them."""
        disjoint = [
            resolve(text, [*spans, *repeats(text, resolve(text, spans))])
            for text, spans in zip(texts, found, strict=True)
        ]
        persons = [
            text[span.start : span.end]
            for text, spans in zip(texts, disjoint, strict=True)
            for span in spans
            if span.type == "PERSON"
        ]
        if not persons:
            return disjoint, None
        names = Names(persons, texts)
        return [
            resolve(text, [*spans, *names.spans(text)])
            for text, spans in zip(texts, disjoint, strict=True)
        ], names

    def _replaced(self, read: Sequence[Read], *, keep: bool = True) -> list[list[Replacement]]:
        keys = [
            [
                [(span.type, self._digest(text, span, own.names)) for span in spans]
                for text, spans in zip(own.texts, own.spans, strict=True)
            ]
            for own in read
        ]
        if keep:
            self._learn_aliases(read, keys)
        else:
            keys = [self._meant(*pair) for pair in zip(read, keys, strict=True)]
        numbers = self._placeholders.numbers(
            key
            for own, own_keys in zip(read, keys, strict=True)
            for of_text in own_keys
            for key in of_text
            if self._treatments.of(key[0], own.label) is Treatment.MASK
        )
        if keep and self._keep is not None:
            self._keep(values_of(read, keys, numbers))
        return [
            [
                replaced(text, spans, [self._shown(key, numbers, own.label) for key in of_text])
                for text, spans, of_text in zip(own.texts, own.spans, own_keys, strict=True)
            ]
            for own, own_keys in zip(read, keys, strict=True)
        ]

    def _learn_aliases(self, read: Sequence[Read], keys: Sequence[Sequence[Keys]]) -> None:
        people: dict[str, str] = {}
        for own, own_keys in zip(read, keys, strict=True):
            for text, spans, of_text in zip(own.texts, own.spans, own_keys, strict=True):
                for span, (kind, known) in zip(spans, of_text, strict=True):
                    if kind == "PERSON" and known not in people:
                        value = text[span.start : span.end]
                        people[known] = own.names.canonical(value) if own.names else value
        self._aliases.learn(people)

    def _meant(self, read: Read, keys: Sequence[Keys]) -> list[Keys]:
        """Keys with those of the people whom short forms of names stand for."""
        return [
            self._meant_in(text, spans, of_text)
            for text, spans, of_text in zip(read.texts, read.spans, keys, strict=True)
        ]

    def _meant_in(self, text: str, spans: Sequence[Span], keys: Keys) -> Keys:
        names = [text[s.start : s.end] if s.type == "PERSON" else "" for s in spans]
        # A surname may have got a number of its own before; "A. Meyer" may stand in a document.
        several = {name for name in names if len(normalise("PERSON", name).split()) > 1}
        exact = self._placeholders.known(
            key for key, name in zip(keys, names, strict=True) if name in several
        )
        meant = self._aliases.keys([name for name in names if name])
        return [
            key if key in exact else meant.get(name, key)
            for key, name in zip(keys, names, strict=True)
        ]

    def _shown(
        self, key: tuple[str, str], numbers: Mapping[tuple[str, str], int], label: str | None
    ) -> str:
        treatment = self._treatments.of(key[0], label)
        if treatment is Treatment.MASK:
            return placeholder(key[0], numbers[key])
        return hashed(*key) if treatment is Treatment.HASH else ""

    def _digest(self, text: str, span: Span, names: Names | None) -> str:
        value = text[span.start : span.end]
        if span.type == "PERSON" and names is not None:
            value = names.canonical(value)
        return digest(self._key, span.type, value)


def _detectors(types: Sequence[str], threshold: float) -> tuple[Detector, ...]:
    if not types:
        return ()
    return (Patterns(RECOGNIZERS), Presidio(types, threshold), Rampart())
