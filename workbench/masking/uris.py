"""Uris that give no name away: their parts become keyed digests of where they lead.

What a digest stands for is not kept. Whoever has the key can tell whether a place is the one that
is shown, so a file is found again by looking through its folder.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Iterable
from pathlib import PurePosixPath
from urllib.parse import unquote

_ENDING = re.compile(r"\.[A-Za-z0-9]{1,5}")
_DIGEST_CHARS = 16
_DIGEST = re.compile(rf"[0-9a-f]{{{_DIGEST_CHARS}}}(?:{_ENDING.pattern})?")
_FIRST_PART = 3
"""In ``file:///data/a.txt``, which is parted at its slashes, "data" is the fourth part."""


class PrivateUris:
    """Shows places privately, the same at every ingest, and recognises them."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def part(self, uri: str) -> str:
        """What stands for the last part of ``uri``; a plain ending of a file stays."""
        digest = hmac.new(self._key, f"uri\x00{uri}".encode(), hashlib.sha256).hexdigest()
        ending = PurePosixPath(uri.rpartition("/")[2]).suffix
        return digest[:_DIGEST_CHARS] + (ending if _ENDING.fullmatch(ending) else "")

    def shown(self, uri: str, hides: Callable[[str], bool]) -> str:
        """``uri`` with its last part, and every folder whose name ``hides``, as digests."""
        parts = uri.split("/")
        last = len(parts) - 1
        return "/".join(
            self.part("/".join(parts[: at + 1]))
            if at == last or (at >= _FIRST_PART and hides(unquote(part)))
            else part
            for at, part in enumerate(parts)
        )

    def is_below(self, uri: str, start: str) -> bool:
        """Whether ``uri``, as it is or shown privately, begins with ``start``."""
        *folders, rest = start.split("/")
        parts = uri.split("/")
        if len(parts) <= len(folders) or not parts[len(folders)].startswith(rest):
            return False
        return all(
            part == folder or (at >= _FIRST_PART and part == self.part("/".join(folders[: at + 1])))
            for at, (folder, part) in enumerate(zip(folders, parts, strict=False))
        )

    def found(self, uri: str, inside: Callable[[str], Iterable[str]]) -> str:
        """The place that ``uri`` shows privately. ``inside`` gives the uris in that of a folder.
        What is not there any more stays as it is shown."""
        place, *parts = uri.split("/")
        for part in parts:
            children = inside(place) if _DIGEST.fullmatch(part) else ()
            same = (child for child in children if self.part(child) == part)
            place = next(same, f"{place}/{part}")
        return place
