"""RTF: the text, its tables as lines with bars; embedded objects and pictures are not looked at."""

from __future__ import annotations

import re

from workbench.errors import CorruptFile
from workbench.sources.parsed import Parsed

# A run that a reader cannot see: the mark for groups that may be passed over is put before it.
_HIDDEN_RUN = re.compile(r"\{(?=(?:\\(?!v[^a-z0-9])[a-z]++-?[0-9]*+ ?)*+\\v[^a-z0-9])")
_PADDING = b" \t\r\n\x00"


def parse_rtf(data: bytes) -> Parsed:
    """The text of an RTF document.

    Raises:
        CorruptFile: if its end is missing.
    """
    from striprtf.striprtf import rtf_to_text

    if not data.rstrip(_PADDING).endswith(b"}"):
        raise CorruptFile(
            "the document is cut short",
            next_step="Copy or download it again.",
        )
    source = _HIDDEN_RUN.sub(r"{\\*", data.decode("cp1252", errors="replace"))
    text: str = rtf_to_text(source, errors="replace")  # type: ignore[no-untyped-call]
    # Characters beyond 16 bit are written as two halves.
    whole = text.encode("utf-16-le", errors="surrogatepass").decode("utf-16-le", errors="replace")
    return Parsed(media_type="application/rtf", parts=(whole,))
