"""Plain text: which encoding, and which characters stay."""

from __future__ import annotations

import codecs
import re
import unicodedata

from workbench.errors import CorruptFile
from workbench.sources.parsed import Parsed

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SAMPLE_BYTES = 1_000_000
# What office files are really written in; with all of Python's, old Mac and DOS pages win by luck.
_ENCODINGS = (
    *("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "koi8_r"),
    *("cp932", "euc_jp", "gb18030", "big5", "cp949"),
)
_LINE_ENDS = re.compile(r"\r\n?|[\u2028\u2029\x85\v\f]")
# Invisible characters split words and numbers in two, so that search and masking miss them.
_INVISIBLE = re.compile(
    r"[\x00-\x08\x0e-\x1f\x7f\x80-\x84\x86-\x9f"
    r"\u00ad\u200b\u2060\ufeff\u202a-\u202e\u2066-\u2069\ufffe\uffff]"
)
_SPACES = re.compile(r"[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]")
_SURROGATES = re.compile(r"[\ud800-\udfff]")
_LIGATURES = str.maketrans(
    {"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st"}
)
# Tried from the first space of a run only: from each of them, long runs take quadratic time.
_TRAILING_SPACE = re.compile(r"(?<![ \t])[ \t]+$", re.MULTILINE)
_BLANK_LINES = re.compile(r"\n{3,}")


def clean(raw: str) -> str:
    """The text as it is stored: composed (NFC), one kind of line end and space, nothing invisible.

    At most one blank line stands between two lines, and none at either end.
    """
    text = _LINE_ENDS.sub("\n", raw)
    text = _INVISIBLE.sub("", text)
    text = _SURROGATES.sub("\ufffd", text)
    text = _SPACES.sub(" ", text).translate(_LIGATURES)
    text = unicodedata.normalize("NFC", text)
    text = _TRAILING_SPACE.sub("", text)
    return _BLANK_LINES.sub("\n\n", text).strip()


def decode(data: bytes, *, declared: str | None = None) -> str:
    """Bytes to text: a byte order mark wins, then UTF-8, then ``declared``, then detection.

    Raises:
        CorruptFile: if the bytes are not text in any known encoding.
    """
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return data.decode(encoding, errors="replace")
    if b"\x00" in data:
        raise _not_text("it holds NUL bytes")
    for candidate in ("utf-8", declared):
        text = _try(data, candidate)
        if text is not None:
            return text
    return data.decode(_detected(data), errors="replace")


def looks_like_text(data: bytes) -> bool:
    """Whether ``decode`` would accept the bytes, judged without decoding them."""
    return data.startswith(tuple(mark for mark, _ in _BOMS)) or b"\x00" not in data


def parse_text(data: bytes) -> Parsed:
    """A text file as it stands."""
    return Parsed(media_type="text/plain", parts=(decode(data),))


def _try(data: bytes, encoding: str | None) -> str | None:
    if not encoding:
        return None
    try:
        return data.decode(encoding)
    except (UnicodeDecodeError, LookupError):
        return None


def _detected(data: bytes) -> str:
    from charset_normalizer import from_bytes

    matches = from_bytes(data[:_SAMPLE_BYTES], cp_isolation=list(_ENCODINGS))
    best = matches.best()
    if best is None:
        raise _not_text("no known encoding fits")
    # Short western text fits cp1250 as well; among equals the detector answers alphabetically.
    for match in matches:
        if match.encoding == "cp1252" and match.chaos <= best.chaos:
            return "cp1252" if match.coherence >= best.coherence else best.encoding
    return best.encoding


def _not_text(reason: str) -> CorruptFile:
    return CorruptFile(
        "the file is not readable text",
        value=reason,
        next_step="Save it again as UTF-8 text, or give it the ending of its real format.",
    )
