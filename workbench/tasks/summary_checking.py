"""Whether the passages carry a sentence; what they do not carry is mended once or taken out.

Rules come first: numbers and names that no source sentence has, too few of its words, words put
into another speaker's mouth, and decisions that nobody took. What passes them is scored by a judge,
unless one place of the source has all of its words anyway. Where no model can be asked, the rules
are stricter: most words, and nothing negated.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from workbench.guard.run import Run
from workbench.models.governed import Models
from workbench.models.messages import ChatRequest
from workbench.prompts.registry import load_prompt
from workbench.results.summary import Sentence, Verdict
from workbench.tasks.attribute import (
    MIN_LIKENESS,
    carried_by,
    cite_sentences,
    content_words,
    coverage,
    is_question,
    told_by,
)
from workbench.tasks.dates import UNDATED, Date, first_date
from workbench.tasks.outcomes import has_outcome, tells_outcome
from workbench.tasks.speakers import unlabelled, wrong_speaker
from workbench.tasks.summary_replies import written_sentences
from workbench.values import Citation, Hit

_MAX_REPLACEMENT_CHARS = 400
_MIN_WORDS = 3


class Judge(Protocol):
    """Scores claims; ``workbench.evaluation.groundedness`` fulfils it."""

    @property
    def asks(self) -> bool:
        """Whether a model reads the claim; otherwise words alone are compared."""
        ...

    def score(self, run: Run, claim: str, passages: Sequence[str]) -> float:
        """The probability, 0 to 1, that the passages carry the claim."""
        ...

    def supports(self, probability: float) -> bool:
        """Whether that is enough to let the claim stand."""
        ...

    def doubts(self, probability: float) -> bool:
        """Whether that is too little for a claim that passages carry, of their whole document."""
        ...


@dataclass(frozen=True, slots=True)
class Point:
    """A checked sentence, the passage it is about, and the passages it may draw on."""

    sentence: Sentence
    hit: Hit
    passages: tuple[Hit, ...]

    @property
    def date(self) -> tuple[Date, int, int]:
        """The first date that its words name, else its source's, then its place."""
        quotes = " ".join(citation.quote for citation in self.sentence.citations)
        chunk = self.hit.chunk
        named = [date for text in (self.sentence.text, quotes) if (date := first_date(text))]
        # A year counts for more than where it stands.
        when = min(named, key=lambda date: date[0] == UNDATED[0], default=UNDATED)
        return when, chunk.document_id, chunk.start


@dataclass(frozen=True, slots=True)
class Checker:
    """Checks for one run; ``model`` writes anew what did not hold."""

    run: Run
    models: Models
    model: str
    judge: Judge

    def check(self, text: str, passages: Sequence[Hit], *, mend: bool = True) -> Point:
        """The sentence with its citations and verdict. With ``mend`` an unsupported one is written
        anew once, then replaced by the source's own nearest sentence, then removed.

        Raises:
            ModelError, BudgetExceeded.
        """
        passages = tuple(passages)
        point = self._supported(text, passages)
        if point is None and text and mend:
            point = self._mended(text, passages)
        return point or Point(Sentence(text, (), Verdict.REMOVED, 0.0), passages[0], passages)

    def doubted(self, point: Point, documents: Sequence[str]) -> bool:
        """Whether the whole documents of a point that its passages carry speak against it.

        Raises:
            ModelError, BudgetExceeded.
        """
        return self.judge.doubts(self.judge.score(self.run, point.sentence.text, documents))

    def _supported(self, text: str, passages: tuple[Hit, ...]) -> Point | None:
        if is_question(text) or _is_bare_turn(text):
            return None
        if wrong_speaker(text, [hit.chunk.text for hit in passages]):
            return None
        claim = carried_by(text, passages)
        carried = claim.supported
        if not carried and self.judge.asks:
            claim = told_by(text, passages)
        if not claim.supported:
            return None
        read = dict.fromkeys(_holding(c, passages).chunk.text for c in claim.citations)
        if tells_outcome(text) and not any(map(has_outcome, read)):
            return None
        # A single word of its own may turn what the source says: "increased" for "decreased". And
        # all of its words may be those of a place that denies what it says.
        support = max(coverage(text, citation.quote) for citation in claim.citations)
        if not carried or support < 1:
            support = self.judge.score(self.run, text, list(read))
            if not self.judge.supports(support):
                return None
        sentence = Sentence(text, claim.citations, Verdict.SUPPORTED, support)
        return Point(sentence, _holding(claim.citations[0], passages), passages)

    def _mended(self, text: str, passages: tuple[Hit, ...]) -> Point | None:
        near = _nearest(text, passages)
        if near is None:
            return None
        hit = _holding(near, passages)
        again = self._supported(self._written_anew(_around(near, hit)), (hit,))
        if again is not None:
            sentence = replace(again.sentence, verdict=Verdict.REPAIRED, draft=text)
            return Point(sentence, again.hit, passages)
        return _replaced(text, passages)

    def _written_anew(self, text: str) -> str:
        """What the model says the text says. It is not shown what did not hold: small models
        would only copy it."""
        prompt = load_prompt("summary_repair")
        request = ChatRequest(
            model=self.model,
            system=prompt.system,
            user=prompt.fill({"passages": text}),
            schema=None,
            max_tokens=prompt.max_tokens,
            prompt_version=prompt.version,
        )
        return next(iter(written_sentences(self.models.chat(self.run, request).text)), "")


def _nearest(text: str, passages: Sequence[Hit]) -> Citation | None:
    """The source sentence, perhaps a question, that holds most of the text's content words, if it
    is about the same."""
    likeness = {
        citation: coverage(text, unlabelled(citation.quote))
        for hit in passages
        for citation in cite_sentences(hit)
    }
    best = max(likeness, key=lambda citation: likeness[citation], default=None)
    return best if best is not None and likeness[best] >= MIN_LIKENESS else None


def own_words(point: Point) -> Point | None:
    """In place of a sentence that was removed: what its passages say that is nearest to it, however
    far away; None if they share no word with it."""
    return _replaced(point.sentence.text, point.passages, least=0.0)


def _replaced(text: str, passages: tuple[Hit, ...], least: float = MIN_LIKENESS) -> Point | None:
    """The source's own nearest words, if they are about the same and of a readable length."""
    best, likeness = None, 0.0
    for own in (own for hit in passages for own in _statements(hit)):
        alike = coverage(text, unlabelled(own.quote))
        if alike > likeness:
            best, likeness = own, alike
    if best is None or likeness < least:
        return None
    words = " ".join(best.quote.split()).lstrip("-*+•# ")
    sentence = Sentence(words, (best,), Verdict.REPLACED, 1.0, draft=text)
    return Point(sentence, _holding(best, passages), passages)


def _statements(hit: Hit) -> Iterator[Citation]:
    """What the hit states: its sentences, then replies with the questions that they answer."""
    asked: list[Citation] = []
    replies: list[Citation] = []
    for citation in cite_sentences(hit):
        if is_question(citation.quote):
            asked.append(citation)
            continue
        if _is_readable(citation):
            yield citation
        if asked:
            start, first = asked[0].start, hit.chunk.start
            quote = hit.chunk.text[start - first : citation.end - first]
            replies.append(replace(citation, start=start, quote=quote))
        asked = []
    yield from filter(_is_readable, replies)


def _is_readable(own: Citation) -> bool:
    return len(own.quote) <= _MAX_REPLACEMENT_CHARS and _says_enough(unlabelled(own.quote))


def _is_bare_turn(text: str) -> bool:
    """Whether somebody is quoted with next to nothing: "Designer: I like cows." """
    said = unlabelled(text)
    return said != text and not _says_enough(said)


def _says_enough(text: str) -> bool:
    return len(content_words(text)) >= _MIN_WORDS


def _around(own: Citation, hit: Hit) -> str:
    """The sentence in its passage with its neighbours: an answer needs its question."""
    spans = [(citation.start, citation.end) for citation in cite_sentences(hit)]
    # Passages overlap, and another one may cut the same sentence elsewhere.
    at = next(place for place, (_, end) in enumerate(spans) if end > own.start)
    start, end = spans[max(0, at - 1)][0], spans[min(at + 1, len(spans) - 1)][1]
    return hit.chunk.text[start - hit.chunk.start : end - hit.chunk.start]


def _holding(citation: Citation, passages: Sequence[Hit]) -> Hit:
    return next(
        hit
        for hit in passages
        if hit.chunk.document_id == citation.document_id
        and hit.chunk.start <= citation.start
        and citation.end <= hit.chunk.end
    )
