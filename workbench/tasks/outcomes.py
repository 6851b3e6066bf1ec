"""Whether something was settled: a summary may not make a decision of what was only said.

Small models sum a discussion up as its result, above all when they are asked for one, and a small
judge finds that probable, as the words are right. So a rule looks whether the source says so.
"""

from __future__ import annotations

import re

_SETTLED = re.compile(
    r"\b(?:agree(?:d|s|ing|ments?)?|approv(?:al|ed?|es|ing)|conclu(?:ded?|des|ding|sions?)|consensus"
    r"|decid(?:ed?|es|ing)|decisions?|determin(?:ed?|es|ing)|resol(?:ved?|ves|ving|utions?)"
    r"|settl(?:ed?|es|ing))\b",
    re.IGNORECASE,
)
_AS_SPOKEN = re.compile(
    r"\b(?:go(?:ing)? (?:for|with)|let['’]?s (?:go|have|make|say|take|use)"  # noqa: RUF001
    r"|we (?:will|shall)|we['’]ll|that['’]s (?:it|settled)|final(?:ly)?)\b",  # noqa: RUF001
    re.IGNORECASE,
)


def tells_outcome(text: str) -> bool:
    """Whether the text says that something was decided, agreed or concluded."""
    return _SETTLED.search(text) is not None


def has_outcome(source: str) -> bool:
    """Whether a source says so, in these or in the words of a conversation."""
    return tells_outcome(source) or _AS_SPOKEN.search(source) is not None
