"""The sentences of a model's reply, without what small models copy from the prompt's layout."""

from __future__ import annotations

import re

from workbench.tasks.attribute import whole_sentences

_MARK = re.compile(r"^(?:Sources?:|Summary:|\[\d+\]|[-*•] |\d+[.)] )\s*")
_ABOUT = re.compile(r"^The (?:text|passage|summary) (?:says|states|mentions|explains) that (\w)")
_HEADING = re.compile(r"^#.*$", re.MULTILINE)


def written_sentences(reply: str) -> list[str]:
    """Headings, marks of lists and "the text says that" are taken off."""
    found = whole_sentences(_HEADING.sub("", reply))
    return [text for each in found if (text := _plain(each))]


def _plain(sentence: str) -> str:
    unmarked = _MARK.sub("", " ".join(sentence.split()))
    return _ABOUT.sub(lambda match: match[1].upper(), unmarked)
