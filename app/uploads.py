"""Uploaded files, taken with care: plain names inside one folder, nothing is run or unpacked."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

MAX_NAME_CHARS = 120
_UNSAFE = re.compile(r"[\x00-\x1f\x7f<>:\"/\\|?*\u202a-\u202e\u2066-\u2069]")


class Upload(Protocol):
    """What Streamlit hands over."""

    name: str

    def getbuffer(self) -> memoryview:
        """The file's bytes."""
        ...


def safe_name(name: str) -> str:
    """The last part of an uploaded name, without anything that a file system or page could take
    for more than a name. Never empty, never hidden, at most ``MAX_NAME_CHARS``."""
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    plain = _UNSAFE.sub("_", last).strip(" .")
    path = Path(plain or "file")
    suffix = path.suffix[:16]
    return path.stem[: MAX_NAME_CHARS - len(suffix)] + suffix


def keep(uploads: Sequence[Upload], folder: Path) -> list[Path]:
    """Write the files below ``folder`` and return their paths; one of the same name is replaced,
    which makes it a new version of the same document."""
    folder.mkdir(parents=True, exist_ok=True)
    kept = []
    for upload in uploads:
        path = folder / safe_name(upload.name)
        part = path.with_name(f".{path.name}.part")
        part.write_bytes(upload.getbuffer())
        part.replace(path)
        kept.append(path)
    return list(dict.fromkeys(kept))
