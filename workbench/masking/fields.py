"""What a document says beside its text: its name, and fields such as its author."""

from __future__ import annotations

import re
from pathlib import Path

from workbench.masking.spans import Span

_PERSON_FIELDS = frozenset(
    {"author", "authors", "creator", "owner", "manager", "sender", "from", "to", "cc", "bcc"}
    | {"last_modified_by", "lastmodifiedby"}
)
# The names of fields are not read: detectors take "author" alone for a name now and then.
PLAIN_FIELD = re.compile(r"(?:\d+\.)?[a-z][a-z0-9_-]*")
_NAME_GAPS = str.maketrans("_.-+", "    ")


def readable_name(name: str) -> str:
    """A file name as words, of the same length: "Tommy_Smith-CV.pdf" is "Tommy Smith CV    "."""
    stem = Path(name).stem
    return stem.translate(_NAME_GAPS) + " " * (len(name) - len(stem))


def person_field(name: str, text: str) -> list[Span]:
    """The people in a field that names people, such as "author"; none in any other."""
    if re.sub(r"[\s:\-]+", "_", name).casefold().rpartition(".")[2] not in _PERSON_FIELDS:
        return []
    return [
        Span(match.start(), match.end(), "PERSON", 0.9)
        for match in re.finditer(r"[^;,&\n<>()\[\]\"]*[^\W\d_][^;,&\n<>()\[\]\"]*", text)
        if "@" not in match.group()
    ]
