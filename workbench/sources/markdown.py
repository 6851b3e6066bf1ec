"""Markdown: kept as written; front matter becomes metadata."""

from __future__ import annotations

import re

from workbench.sources.parsed import Parsed
from workbench.sources.text import decode

_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?)\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_MAIN_HEADING = re.compile(r"^#[ \t]+\S", re.MULTILINE)
_MAX_VALUE_CHARS = 500


def parse_markdown(data: bytes) -> Parsed:
    """A markdown file, under the title of its front matter if it has no main heading."""
    text = decode(data).replace("\r\n", "\n")
    metadata: dict[str, str] = {}
    match = _FRONT_MATTER.match(text)
    if match:
        metadata = _metadata(match.group(1))
        text = text[match.end() :] if metadata else text
    title = metadata.get("title")
    if title and not _MAIN_HEADING.search(text):
        text = f"# {title}\n\n{text}"
    return Parsed(media_type="text/markdown", parts=(text,), metadata=metadata)


def _metadata(front_matter: str) -> dict[str, str]:
    """Its plain values and lists of plain values; nothing if it is not YAML after all."""
    import yaml

    try:
        loaded = yaml.safe_load(front_matter)
    except (yaml.YAMLError, ValueError):
        return {}
    if not isinstance(loaded, dict):
        return {}
    found = {}
    for key, value in loaded.items():
        values = value if isinstance(value, list) else [value]
        if all(isinstance(item, str | int | float) for item in values):
            joined = ", ".join(" ".join(str(item).split()) for item in values)
            found[str(key)] = joined[:_MAX_VALUE_CHARS]
    return found
