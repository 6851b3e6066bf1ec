"""The names of files as they may be shown: strangers chose them."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

_UNSEEN = frozenset(("Cc", "Cf", "Cs", "Zl", "Zp"))


def shown_name(path: Path) -> str:
    """The name of a file, printable; one that is not UTF-8 on disk is made so."""
    return shown_text(os.fsencode(path.name).decode("utf-8", errors="replace"))


def shown_text(text: str) -> str:
    """The text with a mark for each character that would drive a terminal or turn its order."""
    return "".join("\ufffd" if unicodedata.category(c) in _UNSEEN else c for c in text)
