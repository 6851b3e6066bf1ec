"""Short forms of full names, so that a question about "Meyer" is one about "Anna Meyer".

A document is masked as if it were alone, and only within it a bare surname takes the number of the
full name it fits. A question is asked of the whole corpus. So the register also keeps, as keyed
digests, which short forms each full name has, and a question's short form that exactly one known
person has is taken for that person. Where several have it, it stays a person of its own.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator, Mapping, Sequence

from workbench.masking.names import SCORE
from workbench.masking.placeholders import Placeholders, digest, normalise
from workbench.masking.spans import Span

Key = tuple[str, str]

_TYPE = "PERSON_ALIAS"
_SHORTEST = 3
_PARTICLES = frozenset(
    {"al", "bin", "da", "de", "del", "della", "den", "der", "di", "dos", "du", "el", "la", "le"}
    | {"ten", "ter", "van", "von"}
)
# A month is a month, whoever is called May.
_TIMES = frozenset(name.casefold() for name in (*calendar.month_name, *calendar.day_name))
_WORD = re.compile(r"[^\W\d_][\w'\u2019-]*")
_TAIL = re.compile(r"(?<=\w)(?: [a-z]+)+$")
_BEGINNING = re.compile(r"(?:^|[.!?:;\"\u201c\n(])\s*$")


class Aliases:
    """Short forms in a register, under the workspace's masking key."""

    def __init__(self, register: Placeholders, key: bytes) -> None:
        self._register = register
        self._key = key

    def learn(self, people: Mapping[str, str]) -> None:
        """Keep the short forms of full names, which are given by their digests."""
        pairs = {
            (self._digest(form), known)
            for known, name in people.items()
            for form in short_forms(name)
        }
        if pairs:
            self._register.add_aliases(sorted(pairs))

    def keys(self, names: Sequence[str]) -> dict[str, Key]:
        """The keys of the persons whom ``names`` are short for, where exactly one is known."""
        forms = {name: self._digest(normalise("PERSON", name)) for name in dict.fromkeys(names)}
        found = self._register.standing_for(forms.values()) if forms else {}
        return {name: ("PERSON", found[form]) for name, form in forms.items() if form in found}

    def spans(self, text: str) -> list[Span]:
        """Capitalised words within sentences that are short for a person: detectors miss some.

        None beside another such word: "Hans Meyer" is not Anna.
        """
        words = [
            match
            for match in _WORD.finditer(text)
            if match.group()[0].isupper() and not _BEGINNING.search(text, 0, match.start())
        ]
        edges = {edge for match in words for edge in match.span()}
        alone = [
            match
            for match in words
            if match.start() - 1 not in edges
            and match.end() + 1 not in edges
            and normalise("PERSON", match.group()) not in _TIMES
        ]
        known = self.keys([match.group() for match in alone])
        return [Span(*match.span(), "PERSON", SCORE) for match in alone if match.group() in known]

    def trimmed(self, text: str, spans: Sequence[Span]) -> list[Span]:
        """People without the words in lower case behind a name that is known: a model takes
        "Meyer sign" for one in "What did Ms Meyer sign?"."""
        tails = {span: _TAIL.search(text, span.start, span.end) for span in spans}
        cut = {
            span: text[span.start : tail.start()]
            for span, tail in tails.items()
            if tail and span.type == "PERSON"
        }
        exact = {name: ("PERSON", digest(self._key, "PERSON", name)) for name in cut.values()}
        known = self.keys(list(exact)).keys()
        numbered = self._register.known(exact.values())
        return [
            Span(span.start, span.start + len(name), span.type, span.score)
            if (name := cut.get(span)) is not None and (name in known or exact[name] in numbered)
            else span
            for span in spans
        ]

    def _digest(self, form: str) -> str:
        return digest(self._key, _TYPE, form)


def short_forms(name: str) -> Iterator[str]:
    """What a person with this full name is also called: the surname, with and without particles
    and initials, and the first and last name of three or more."""
    words = normalise("PERSON", name).split()
    # "A. Meyer" is a short form itself.
    if len(words) < 2 or len(words[0]) == 1 or len(words[-1]) < _SHORTEST:
        return
    first, last = words[0], words[-1]
    at = len(words) - 1
    while at > 1 and words[at - 1] in _PARTICLES:
        at -= 1
    for surname in dict.fromkeys((last, " ".join(words[at:]))):
        yield surname
        yield f"{first[0]} {surname}"
        if f"{first} {surname}" != " ".join(words):
            yield f"{first} {surname}"
