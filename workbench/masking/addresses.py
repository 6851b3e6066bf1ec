"""Puts an address together: street, unit, box, town and postcode are one value."""

from __future__ import annotations

from collections.abc import Sequence

import regex

from workbench.masking.spans import Span

STREET = 0.4
"""Rampart's probability from which a word belongs to a street or a unit."""
_PART_SCORE = 0.3
_SCORE = 0.85

# Marks of quotation and lists stand between the lines of an address in a letter or an e-mail.
_GAP = r"[ \t,.\-/#>?|]{0,4}(?:\n[ \t>?|,\-]{0,12}){0,2}"
_FILLER = (
    r"(?:Apt|Apartment|Suite|Ste|Unit|Box|PO|P\.O|No|Nr|Floor|Fl|Flat|Room|Rm|Bldg|Lot|PSC|CMR|"
    r"APO|FPO|DPO|AA|AE|AP|ul|Str|St|Rd|Ave)\b\.?"
)
_BEFORE = regex.compile(rf"(?:(?<![\w.,$\-/])\d{{1,6}}[A-Za-z]?|\b{_FILLER}){_GAP}$", regex.I)
# The last lines of a letter's address: a town, then what ends in a postcode ("Sweden 65005").
_CAPITALS = r"(?-i:\p{Lu})[\w.'\-]*(?: (?-i:\p{Lu})[\w.'\-]*){0,3}"
_NEXT_LINE = r"[ ]?,?(?:\n[ \t>?|,\-]{0,12}){1,2}"
# Lines of a town, a state and a country, none of whose words begins in lower case but such as "de".
_PLACE = (
    r"(?-i:(?!\p{Ll})[^\s\d@:;!?.,]+[.,]?|d[aeiou]|de[lrs]|la|les?|na|am|an|von|van|of|upon|sur|in)"
)
_PLACES = rf"{_PLACE}(?: {_PLACE}){{0,4}}"
_LAST_LINES = (
    rf"(?:[ ]{_PLACES})?(?:{_NEXT_LINE}(?:{_PLACES}|\d{{1,3}}\b)){{0,3}}(?:{_NEXT_LINE}|, ?)"
    rf"(?:{_PLACES} )?(?:\d{{4,6}}|\d{{2,3}}[ \-]\d{{2,3}})\b"
)
_UNIT_BEFORE = r"(?<=\b(?:Apt|Apartment|Suite|Ste|Flat)\b\.? \w{1,6})"
# A town on the line of the street: all that follows the unit, up to the end of line or sentence.
_TOWN = (
    rf"{_UNIT_BEFORE},? {_CAPITALS}(?=[ \t]*(?:$|\n|[.?!,]))|,? {_CAPITALS}(?=[ \t]*(?:$|\n))"
    r"|(?<=(?-i:\b(?:apt|suite|flat))\b\.? \w{1,6})(?-i:(?: \p{Ll}+){1,5})(?=\.?[ \t]*(?:$|\n))"
)
_AFTER = regex.compile(
    rf"{_GAP}(?:{_FILLER}|(?-i:[A-Z]{{2}})\b(?=[ \t]*(?:\d{{4,5}}|$|\n))|"
    r"\d{1,6}(?:-\d{3,4})?[A-Za-z]?\b(?![.,]?\d|%|\())"
    rf"|{_LAST_LINES}|{_TOWN}|,?[ ]{_CAPITALS},? (?-i:[A-Z]{{2}})\b",
    regex.I,
)
_TOKEN = regex.compile(r"\w+")
# "\u0394" is a letter, "\u2206", which some write for it, is not, and parts a word in two.
_REST_OF_WORD = regex.compile(r"(?<=\p{L})[^\s\w,;:.?!>|()\-'/]\p{L}+")
_PLAIN_GAP = regex.compile(_GAP)
# "Via delle Coste 41", where only the first and the last word were seen.
_WORDS_GAP = regex.compile(r"(?: (?:\p{Lu}[\w'.\-]*|d[aeiou]\w{0,3}|la|le|el|van|der|von)){1,2} ")
_LOOK_BACK_CHARS = 32


def join_addresses(text: str, words: Sequence[Span], spans: Sequence[Span]) -> list[Span]:
    """All ``spans``, with addresses and what belongs to them joined.

    ``words`` are Rampart's; a lone town or postcode among them becomes a LOCATION or a ZIP_CODE.
    """
    # A telephone number under an address is none of its numbers.
    numbers = [s for s in spans if s.type in _NEVER_PART and s.score >= _SURE]
    words = [w for w in words if not any(n.start < w.end and w.start < n.end for n in numbers)]
    streets = [word for word in words if word.type == "STREET_WORD" and word.score >= STREET]
    parts = [word for word in words if word.type in _PARTS and word.score >= _PART_SCORE]
    seeds = [span for span in spans if span.type == "STREET_ADDRESS"]
    places = [span for span in spans if span.type in {"LOCATION", "ZIP_CODE"}]
    known = sorted({*streets, *seeds, *parts, *places}, key=lambda s: (s.start, -s.end))
    addresses: list[Span] = []
    for index, seed in enumerate(known):
        if seed.type not in {"STREET_WORD", "STREET_ADDRESS"}:
            continue
        if addresses and seed.end <= addresses[-1].end:
            continue
        limit = min((n.start for n in numbers if n.start >= seed.end), default=len(text))
        address = _grown(text[:limit], [k for k in known if k.end <= limit], index)
        # One word alone, such as "18F", is a name of something else.
        pieces = _TOKEN.findall(text, address.start, address.end)
        numbered = any(char.isdigit() for piece in pieces for char in piece)
        if len(pieces) > 1 and (numbered or seed.type == "STREET_ADDRESS"):
            addresses.append(address)
    rest = [s for s in spans if s.type != "STREET_ADDRESS"]
    lone = [
        Span(word.start, word.end, _PARTS[word.type], word.score)
        for word in parts
        if not any(a.start <= word.start < a.end for a in addresses)
    ]
    return [*rest, *lone, *addresses]


_NEVER_PART = frozenset({"PHONE_NUMBER", "EMAIL_ADDRESS", "CREDIT_CARD"})
_SURE = 0.7
_PARTS = {"PLACE_WORD": "LOCATION", "CODE_WORD": "ZIP_CODE"}


def _grown(text: str, known: Sequence[Span], index: int) -> Span:
    """From one street word on, as far as parts of an address follow each other."""
    start, end = known[index].start, known[index].end
    for part in known[index + 1 :]:
        if part.start >= end:
            while (more := _AFTER.match(text, end)) and more.end() <= part.start:
                end = more.end()
            if not any(gap.fullmatch(text, end, part.start) for gap in (_PLAIN_GAP, _WORDS_GAP)):
                break
        rest = _REST_OF_WORD.match(text, part.end)
        end = max(end, rest.end() if rest else part.end)
    while more := _AFTER.match(text, end):
        end = more.end()
    for part in reversed(known[:index]):
        if part.end <= start and not _PLAIN_GAP.fullmatch(text, part.end, start):
            break
        if part.type in {"STREET_WORD", "STREET_ADDRESS"}:
            start = min(start, part.start)
    while True:
        first = max(0, start - _LOOK_BACK_CHARS)
        before = _BEFORE.search(text, first, start)
        if before is None or before.start() == start:
            return Span(start, end, "STREET_ADDRESS", _SCORE)
        start = before.start()
