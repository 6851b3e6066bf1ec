"""Who says what in a transcript: a summary may not put one speaker's words into another's mouth.

Small models confuse speakers more than anything else, and neither shared words nor a small judge
sees it, as the words are right. So a rule looks who spoke them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from workbench.tasks.attribute import content_words, is_question, sentences

MARGIN = 0.1
"""By this share of a sentence's content words another speaker must be nearer to it than the one it
names; ``benchmarks.speakers`` tells what the rule finds and what it wrongly refuses."""

_LABEL = re.compile(r"^[ \t]*([^\W\d_][\w .'()-]{0,40}):[ \t]", re.MULTILINE)
_ARTICLE = re.compile(r"^the ")
_SAYS = (
    r"(?:add|advis|agree|announc|answer|argue|ask|assur|believ|claim|clarif|comment|conclud|confirm"
    r"|consider|describ|disagree|discuss|doubt|emphasi|explain|express|feel|felt|indicat|inform"
    r"|inquir|introduc|mention|not(?:e|ic|ing)|point|present|propos|question|recommend|remind|repl"
    r"|report|request|said|say|share|sharing|stat(?:e|ing)|stress|suggest|talk|tell|think|thought"
    r"|told|volunteer|want|warn|wonder)\w*"
)
_ASKS = re.compile(r"(?:ask|inquir|question|request|wonder)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Turn:
    """Words of one speaker; ``speaker`` is empty where the passage begins in the middle of them.
    ``asked`` is the question they reply to, if any."""

    speaker: str
    words: str
    asked: str = ""


@dataclass(frozen=True, slots=True)
class _Attribution:
    """What a clause says that somebody said or asked: its content words."""

    speaker: str
    asks: bool
    wanted: frozenset[str]


def wrong_speaker(sentence: str, texts: Iterable[str]) -> bool:
    """Whether a clause of the sentence tells what a speaker of the texts says or asks, and another
    speaker's words are nearer to it than all of theirs.

    Who replies to a question says what it asks. False where nobody is named, where the texts are no
    transcript, and where the two are alike.
    """
    turns = [turn for text in texts for turn in _turns(text)]
    speakers = {turn.speaker for turn in turns if turn.speaker}
    return len(speakers) > 1 and any(
        _is_anothers(told, turns) for told in _attributions(sentence, speakers)
    )


def unlabelled(text: str) -> str:
    """The text without the names of who speaks: they say nothing of what is said."""
    return _LABEL.sub("", text)


def _is_anothers(told: _Attribution, turns: Sequence[_Turn]) -> bool:
    own = [turn for turn in turns if turn.speaker in ("", told.speaker)]
    others = [turn.words for turn in turns if turn.speaker not in ("", told.speaker)]
    said = [turn.words for turn in own]
    replied = [] if told.asks else [f"{turn.asked} {turn.words}" for turn in own if turn.asked]
    nearest = max(_likeness(told, said), _likeness(told, replied))
    return _likeness(told, others) - nearest > MARGIN


def _turns(text: str) -> Iterator[_Turn]:
    labels = list(_LABEL.finditer(text))
    starts = [*(label.start() for label in labels), len(text)]
    before = text[: starts[0]].strip()
    if before:
        yield _Turn("", before)
    asked = ""
    for label, end in zip(labels, starts[1:], strict=True):
        words = text[label.end() : end].strip()
        yield _Turn(_name(label[1]), words, asked)
        asked = sentences(words)[-1] if is_question(words) else ""


def _name(label: str) -> str:
    return _ARTICLE.sub("", " ".join(label.replace("_", " ").split()).casefold())


def _attributions(sentence: str, speakers: set[str]) -> Iterator[_Attribution]:
    plain = sentence.replace("_", " ")
    names = "|".join(re.escape(speaker) for speaker in sorted(speakers, key=len, reverse=True))
    told = rf"\b({names})\b,? (?:\w+ ){{0,2}}?({_SAYS})\b"
    found = list(re.finditer(told, plain, re.IGNORECASE))
    starts = [*(match.start() for match in found), len(plain)]
    named = content_words(" ".join(speakers))
    for match, end in zip(found, starts[1:], strict=True):
        wanted = content_words(plain[match.end() : end]) - named
        if len(wanted) > 1:
            asks = _ASKS.match(match[2]) is not None
            yield _Attribution(match[1].casefold(), asks, frozenset(wanted))


def _likeness(told: _Attribution, words: Sequence[str]) -> float:
    """The largest share of what is told that one sentence, or two together, hold; 0 to 1."""
    found = 0
    for text in words:
        each = [content_words(sentence) & told.wanted for sentence in sentences(text)]
        pairs = [one | other for one, other in pairwise(each)]
        found = max(found, *map(len, each), *map(len, pairs)) if each else found
    return found / len(told.wanted)
