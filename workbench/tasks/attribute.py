"""Which words of the sources carry a claim: quotes that were located, or the best source sentence.

Deterministic and lexical on purpose: a citation must be something a reader can check at a glance.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from workbench.tasks.locate import Located, locate
from workbench.tasks.sentences import sentence_spans
from workbench.tasks.spoken import written
from workbench.values import Citation, Claim, Hit

MIN_COVERAGE = 0.6
"""Smallest share of a claim's content words that its citations must contain."""

MIN_LIKENESS = 0.3
"""From this share of a sentence's content words on, a source is about the same thing."""

_ALREADY_SAID = 0.8
_MAX_CITATIONS = 3
_NEGATION = re.compile(r"\b(?:cannot|neither|never|no|nor|not|without)\b|n['’]t\b", re.I)  # noqa: RUF001
_REACH = re.compile(r"(?:[^\w.!?;\n]+\w[^\s.!?;]*){0,4}")
"""What a negation may negate: the next few words of its clause."""

_ASKED = re.compile(  # not "Do your part", "Have it ready", "Should you need help, call"
    r"(?:[\w.' -]{1,40}:\s+)?(?:(?:do|have)\s+(?:anybody|anyone|i|they|we|you)"
    r"|(?:are|can|could|did|does|has|is|was|will|would)"
    r"\s+(?:any|anybody|anyone|he|her|his|i|it|she|there|they|we|you|your))\b",
    re.IGNORECASE,
)
_END = re.compile(r"[.!?…:][\"'”’)\]]*$")  # noqa: RUF001
_WORD = re.compile(r"\w+(?:[.,:/-]\w+)*")
_UNSPACED = re.compile(r"([\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+)")
"""Japanese and Chinese."""

_STOP_WORDS = frozenset(
    """
    a about an and are as at be been but by can cannot could did do does for from had has have
    he her his how i if in into is it its may might more most must no not of on or our said say
    says she should so such than that the their them then there these they this those to was we
    were what when where which while who whom whose why will with would you your
    """.split()  # noqa: SIM905
)


@dataclass(frozen=True, slots=True)
class Draft:
    """What a model wrote: quotes as it copied them, and the answer it drew from them."""

    quotes: tuple[str, ...]
    answer: str


@dataclass(frozen=True, slots=True)
class _Span:
    """Words of a hit: ``start`` and ``end`` count from the beginning of the hit's chunk."""

    hit: Hit
    start: int
    end: int

    @property
    def text(self) -> str:
        return self.hit.chunk.text[self.start : self.end]


def sentences(text: str) -> list[str]:
    """The sentences of a short text, trimmed; a line break ends one too."""
    return [line[start:end] for line in text.splitlines() for start, end in sentence_spans(line)]


def whole_sentences(text: str) -> list[str]:
    """As ``sentences``, without a last one that breaks off where the one before it does not."""
    return _ended(sentences(text))


def located_quotes(quotes: Sequence[str], hits: Sequence[Hit]) -> list[Citation]:
    """A citation for every quote that stands in a hit; the others are left out."""
    texts = [hit.chunk.text for hit in hits]
    found = (locate(quote, texts) for quote in quotes)
    spans = (_unbroken(_span(place, hits)) for place in found if place is not None)
    return list(dict.fromkeys(map(_cite, spans)))


def attribute(draft: Draft, question: str, hits: Sequence[Hit]) -> tuple[Claim, ...]:
    """The sentences of an answer, then the quotes it left out, each with its citations.

    For a sentence the located quotes are tried first, then single sentences of the hits. What
    neither covers stays without citation, and so unsupported. A sentence that only says the
    question again is left out. A located quote is a claim of its own, in the source's words,
    unless a sentence of the answer already says it.
    """
    quoted = located_quotes(draft.quotes, hits)
    candidates = [citation for hit in hits for citation in cite_sentences(hit)]
    asked = content_words(question)
    given = asked.union(*(content_words(f"{hit.document} {hit.chunk.heading}") for hit in hits))
    claims = [
        _claim(sentence, [quoted, candidates], must=_facts(sentence, given))
        for sentence in whole_sentences(draft.answer)
        if not content_words(sentence) <= asked
    ]
    said = " ".join(claim.text for claim in claims if claim.supported)
    quotes = [c for c in quoted if coverage(c.quote, said) < _ALREADY_SAID]
    spoken = " ".join(citation.quote for citation in quotes)
    kept = [claim for claim in claims if not (claim.supported and claim.text in spoken)]
    return (*kept, *(Claim(" ".join(c.quote.split()), (c,)) for c in quotes))


def carried_by(sentence: str, hits: Sequence[Hit]) -> Claim:
    """The sentence as a claim with the fewest source sentences that carry it; none if none do.

    Source sentences of one hit are preferred to those of several, earlier hits to later ones.
    """
    must = _facts(sentence, set())
    for hit in hits:
        chosen = _covering(sentence, cite_sentences(hit), must=must)
        if chosen:
            return Claim(sentence, tuple(chosen))
    spread = [citation for hit in hits for citation in cite_sentences(hit)]
    return Claim(sentence, tuple(_covering(sentence, spread, must=must)))


def told_by(sentence: str, hits: Sequence[Hit]) -> Claim:
    """The sentence as a claim with source sentences that hold its numbers, its names and some of
    its words, whatever they negate: enough to be read by a judge, not to be let stand. None if
    there are none.
    """
    spread = [citation for hit in hits for citation in cite_sentences(hit)]
    must = _facts(sentence, set())
    chosen = _covering(sentence, spread, must=must, least=MIN_LIKENESS, negation=False)
    return Claim(sentence, tuple(chosen))


def cite_sentences(hit: Hit) -> list[Citation]:
    """A citation for each sentence of the hit, in order."""
    return [_cite(span) for span in _sentence_spans(hit)]


def is_question(text: str) -> bool:
    """Whether the text asks and so states nothing; transcripts often lack the question mark."""
    marked = text.rstrip("\"'”’)]* ").endswith(("?", "？", "؟"))  # noqa: RUF001
    return marked or _ASKED.match(text) is not None


def content_words(text: str) -> set[str]:
    """Folded words that carry meaning, cut to a crude stem so that inflections agree.

    Number words are digits in it: "fifty-one" and 51 are the same.
    """
    return set(_stems(text))


def word_list(text: str) -> list[str]:
    """All words and numbers as they are written, in order."""
    return _WORD.findall(text)


def negated(text: str) -> set[str]:
    """The content word after each negation: "may not be carried over" negates "carried", "we don't
    have it." nothing of what follows."""
    after = (_REACH.match(text, match.end()) for match in _NEGATION.finditer(text))
    words = (next(_stems(reach.group()), None) for reach in after if reach is not None)
    return {word for word in words if word is not None}


def facts(sentence: str) -> set[str]:
    """The numbers and names that make it another sentence, however alike the rest is."""
    return _facts(sentence, set())


def coverage(claim: str, evidence: str) -> float:
    """Share of the claim's content words that stand in the evidence, 0 to 1."""
    wanted = content_words(claim)
    return len(wanted & content_words(evidence)) / len(wanted) if wanted else 0.0


def _claim(sentence: str, pools: Sequence[Sequence[Citation]], *, must: set[str]) -> Claim:
    for pool in pools:
        chosen = _covering(sentence, pool, must=must)
        if chosen:
            return Claim(sentence, tuple(chosen))
    return Claim(sentence)


def _covering(
    sentence: str,
    pool: Sequence[Citation],
    *,
    must: set[str],
    least: float = MIN_COVERAGE,
    negation: bool = True,
) -> list[Citation]:
    """The fewest citations, taken greedily, that cover the sentence; none if they cannot.

    With ``negation`` those that negate what it affirms, or the other way round, do not count.
    """
    wanted = content_words(sentence)
    words = {
        citation: content_words(citation.quote) & wanted
        for citation in pool
        if not (negation and _contradicts(citation.quote, sentence))
    }
    chosen: list[Citation] = []
    covered: set[str] = set()
    while len(chosen) < _MAX_CITATIONS and words:
        best = max(words, key=lambda citation: len(words[citation] - covered))
        gained = words.pop(best) - covered
        if not gained:
            break
        chosen.append(best)
        covered |= gained
        if must <= covered and len(covered) >= least * len(wanted):
            return chosen
    return []


def _contradicts(quote: str, sentence: str) -> bool:
    """Whether one of them negates a word that the other affirms."""
    both = content_words(quote) & content_words(sentence)
    return bool((negated(quote) ^ negated(sentence)) & both)


def _facts(sentence: str, given: set[str]) -> set[str]:
    """Numbers and names: another one makes another claim, however alike the rest is.

    A capital tells a name, except at the beginning of the sentence. Names among the ``given``
    words (the question's and those of titles) need no source.
    """
    words = _WORD.findall(sentence)
    names = content_words(" ".join(word for word in words[1:] if word[0].isupper()))
    numbers = content_words(" ".join(filter(_has_digit, words)))
    return (names - given) | set(filter(_has_digit, numbers))


def _sentence_spans(hit: Hit) -> list[_Span]:
    return [_Span(hit, start, end) for start, end in sentence_spans(hit.chunk.text)]


def _span(place: Located, hits: Sequence[Hit]) -> _Span:
    return _Span(hits[place.index], place.start, place.end)


def _ended(found: list[str]) -> list[str]:
    """Without a last sentence that breaks off where the one before it does not."""
    if len(found) > 1 and _END.search(found[-2]) and not _END.search(found[-1]):
        return found[:-1]
    return found


def _unbroken(span: _Span) -> _Span:
    """The span without the piece of a sentence that it ends with, or with all of its only sentence.

    A model that writes JSON ends a quote at a quotation mark of the source, in mid-sentence.
    """
    text = span.hit.chunk.text
    if not text[span.end :].lstrip().startswith('"'):
        return span
    for start, end in sentence_spans(text):
        if start <= span.end < end:
            whole = len(text[:start].rstrip()) if start > span.start else end
            return _Span(span.hit, span.start, whole)
    return span


def _cite(span: _Span) -> Citation:
    chunk = span.hit.chunk
    return Citation(
        document=span.hit.document,
        uri=span.hit.uri,
        page=chunk.page,
        start=chunk.start + span.start,
        end=chunk.start + span.end,
        quote=span.text,
        document_id=chunk.document_id,
    )


def _stems(text: str) -> Iterator[str]:
    for match in _WORD.finditer(written(text)):
        for part in _parts(match.group().casefold()):
            for word in _characters(part):
                if word not in _STOP_WORDS:
                    yield _stem(word)


def _parts(word: str) -> list[str]:
    """A word, or those of "51-year-old", so that the number stands alone."""
    parts = word.split("-")
    return parts if _has_digit(word) and any(map(str.isalpha, parts)) else [word]


def _characters(word: str) -> Iterator[str]:
    """A word; or pairs of neighbours, where a script puts no space between words."""
    for piece in filter(None, _UNSPACED.split(word)):
        if _UNSPACED.fullmatch(piece) and len(piece) > 1:
            yield from map("".join, pairwise(piece))
        else:
            yield piece


def _has_digit(word: str) -> bool:
    return any(map(str.isdigit, word))


def _stem(word: str) -> str:
    if _has_digit(word):
        return word
    for ending in ("ings", "ing", "edly", "ies", "ed", "es", "s", "ly"):
        if word.endswith(ending) and len(word) - len(ending) >= 4:
            return word[: -len(ending)]
    return word
