"""What words alone tell about a claim and a text, and the part of a long text that is about it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from workbench.tasks.attribute import content_words, is_question, negated, word_list
from workbench.tasks.sentences import sentence_spans

WHOLE_BYTES = 3_600
"""A text up to this length is judged whole; in bytes, so that it fits the context in any script."""

PART_BYTES = 1_000
"""Of a longer text this much is read: the sentences that share most words with the claim."""

_REWORDED = 0.25
"""Faithful summaries have about this share of words of their own."""

_TURNS = re.compile(
    r"\b(?:all|always|any|before|after|both|but|cannot|decreas\w+|despite|every|fail\w*|fewer|first"
    r"|higher|increas\w+|instead|lack\w*|last|less|lower|more|most|neither|never|no|none|nor|not|only"
    r"|rather|some|unable|unlike|without|worse|better)\b|n['’]t\b",  # noqa: RUF001
    re.IGNORECASE,
)

_NO = re.compile(r"(?:cannot|neither|never|no|none|nor|not|without|n['’]t)$", re.IGNORECASE)  # noqa: RUF001
_REPLY_NO = re.compile(
    r"(?:[\w.' -]{1,40}:\s*)?(?:(?:oh|okay|u[hm]+|well)\W+)*"
    r"(?:(?:nah|negative|never|no|none|nope|not|nothing)\b"
    r"|(?:i|he|it|she|they|we)\s+(?:(?:did|do|does|had|has|have|is|was)\s+not|[a-z]+n['’]t)\b)"  # noqa: RUF001
    r"(?!\s+(?:certain|idea|know|recall|remember|sure|understand)\b)",
    re.IGNORECASE,
)
"""A reply may begin with who speaks."""

NAMES = ("number", "name", "negation", "turn", "unsaid", "uncovered")


def signals(claim: str, text: str) -> dict[str, float]:
    """What speaks against the claim, each 0 or more, by ``NAMES``.

    ``number``, ``name``, ``turn``: how many numbers, capitalised words, and words that turn a
    meaning ("not", "only", "less") stand in the claim and nowhere in the text. ``negation``: words
    that the claim negates and the text does not; a question that is answered with no is negated as
    a whole. ``unsaid``: the share of the claim's content
    words that the text does not have, beyond what other wording explains; ``uncovered``: that of
    the sentence of the claim that fares worst against the best two neighbours of the text.
    """
    said = content_words(text)
    known = {word.casefold() for word in word_list(text)}
    words = word_list(claim)
    new = [
        word for word in words if word.casefold() not in known and not content_words(word) <= said
    ]
    wanted = content_words(claim)
    pairs = _neighbours(text)
    gaps = [
        1 - max((len(own & pair) for pair in pairs), default=0) / len(own)
        for own in (content_words(sentence) for sentence in _sentences(claim))
        if own
    ]
    turns = {match.group().casefold() for match in _TURNS.finditer(claim)}
    turned = {match.group().casefold() for match in _TURNS.finditer(text)}
    against, denied = negated(claim), _denied(text)
    if against & denied:
        turned |= {turn for turn in turns if _NO.match(turn)}
    return {
        "number": float(sum(any(map(str.isdigit, word)) for word in new)),
        "name": float(sum(word[0].isupper() for word in new if word != words[0])),
        "negation": float(len((against - negated(text) - denied) & said)),
        "turn": float(len(turns - turned)),
        "unsaid": max(0.0, len(wanted - said) / len(wanted) - _REWORDED) if wanted else 0.0,
        "uncovered": max(0.0, max(gaps, default=0.0) - _REWORDED),
    }


def about(claim: str, passages: Sequence[str]) -> str:
    """The passages, or of long ones the sentences that share most words with the claim, with their
    neighbours, in order."""
    text = "\n\n".join(passages)
    if _size(text) <= WHOLE_BYTES:
        return text
    wanted = content_words(claim)
    sentences = _sentences(text)
    shared = [len(content_words(sentence) & wanted) for sentence in sentences]
    kept: set[int] = set()
    size = 0
    for row in sorted(range(len(sentences)), key=lambda row: -shared[row]):
        for near in (row, row + 1, row - 1):
            fits = 0 <= near < len(sentences) and size + _size(sentences[near]) <= PART_BYTES
            if fits and near not in kept:
                kept.add(near)
                size += _size(sentences[near])
    if not kept:  # no sentence is short enough, as in a table or a text without full stops
        return text.encode()[:PART_BYTES].decode(errors="ignore")
    return "\n".join(sentences[row] for row in sorted(kept))


def _denied(text: str) -> set[str]:
    """The content words of questions that the next statement answers with no."""
    denied: set[str] = set()
    asked: set[str] = set()
    for sentence in _sentences(text):
        if is_question(sentence):
            asked |= content_words(sentence)
            continue
        if _REPLY_NO.match(sentence):
            denied |= asked
        asked = set()
    return denied


def _size(text: str) -> int:
    return len(text.encode())


def _sentences(text: str) -> list[str]:
    return [text[start:end] for start, end in sentence_spans(text)]


def _neighbours(text: str) -> list[set[str]]:
    words = [content_words(sentence) for sentence in _sentences(text)]
    if not words:
        return []
    return [*(own | after for own, after in pairwise(words)), words[-1]]
