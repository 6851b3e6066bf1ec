"""Credentials: keys with a vendor's prefix, tokens with a fixed form, and named passwords."""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections import Counter
from collections.abc import Iterable

from workbench.masking.recognizers.pattern import Recognizer


def find_jwts(text: str, start: int, end: int) -> Iterable[tuple[int, int]]:
    """Tokens whose first part decodes to a JOSE header."""
    header = text[start:end].partition(".")[0]
    try:
        decoded = json.loads(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4)))
    except (ValueError, binascii.Error):
        return
    if isinstance(decoded, dict) and {"alg", "typ", "enc"} & decoded.keys():
        yield start, end


def find_random(text: str, start: int, end: int) -> Iterable[tuple[int, int]]:
    """Values that look drawn at random: letters and digits mixed, little repetition."""
    value = text[start:end]
    mixed = any(char.isdigit() for char in value) and any(char.isalpha() for char in value)
    counts = Counter(value)
    bits = -sum(n / len(value) * math.log2(n / len(value)) for n in counts.values())
    if mixed and bits >= 2.8:
        yield start, end


_VENDOR_KEYS = "|".join(
    (
        r"(?:AKIA|ASIA|AROA|AIDA|ABIA|ACCA)[A-Z0-9]{16}",
        r"gh[pousr]_[A-Za-z0-9]{36,255}",
        r"github_pat_[A-Za-z0-9_]{22,255}",
        r"glpat-[A-Za-z0-9_\-]{20,64}",
        r"xox[abeoprs]-[A-Za-z0-9\-]{10,250}",
        r"AIza[A-Za-z0-9_\-]{35}",
        r"ya29\.[A-Za-z0-9_\-]{20,250}",
        r"(?:sk|pk|rk)_(?:live|test)_[A-Za-z0-9]{16,250}",
        r"sk-(?:proj-|ant-|or-)?[A-Za-z0-9_\-]{20,250}",
        r"hf_[A-Za-z0-9]{30,64}",
        r"SG\.[A-Za-z0-9_\-]{16,32}\.[A-Za-z0-9_\-]{16,64}",
        r"npm_[A-Za-z0-9]{36}",
        r"pypi-[A-Za-z0-9_\-]{50,250}",
        r"dop_v1_[a-f0-9]{64}",
        r"shpat_[a-fA-F0-9]{32}",
        r"(?:AC|SK)[a-f0-9]{32}",
        r"key-[a-f0-9]{32}",
    )
)

SECRETS = (
    Recognizer(
        name="vendor keys",
        type="SECRET",
        pattern=rf"(?<![A-Za-z0-9_\-])(?:{_VENDOR_KEYS})(?![A-Za-z0-9_])",
        score=1.0,
    ),
    Recognizer(
        name="JSON web tokens",
        type="SECRET",
        pattern=(
            r"(?<![A-Za-z0-9_\-])eyJ[A-Za-z0-9_\-]{5,}\.[A-Za-z0-9_\-]{2,}(?:\.[A-Za-z0-9_\-]*){1,3}"
        ),
        score=1.0,
        find=find_jwts,
    ),
    Recognizer(
        name="private keys",
        type="SECRET",
        pattern=(
            r"-----BEGIN (?:[A-Z]+ ){0,3}PRIVATE KEY-----[A-Za-z0-9+/=\s:,\-]{1,20000}?"
            r"-----END (?:[A-Z]+ ){0,3}PRIVATE KEY-----"
        ),
        score=1.0,
    ),
    Recognizer(
        name="named keys and tokens",
        type="SECRET",
        pattern=(
            r"(?:api|access|secret|auth|private|client|account|encryption|signing)[ _\-]?"
            r"(?:key|token|secret)[\w]{0,12}[\"']?\s{0,3}(?:[:=]|is)>?\s{0,3}[\"']?"
            r"(?P<value>[A-Za-z0-9_\-./+=]{12,250})"
        ),
        score=0.96,
        find=find_random,
        ignore_case=True,
    ),
    Recognizer(
        name="bearer tokens",
        type="SECRET",
        pattern=r"\bBearer\s+(?P<value>[A-Za-z0-9_\-.~+/]{16,500}=*)",
        score=0.96,
        find=find_random,
        ignore_case=True,
    ),
    Recognizer(
        name="passwords",
        type="SECRET",
        pattern=(
            r"\b(?:password|passwd|passphrase|pwd)[\"']?\s{0,2}(?:[:=]|\bis\b)\s{0,2}[\"']?"
            r"(?P<value>(?=[^\s\"'<>]{0,40}\d)[^\s\"'<>]{6,64})"
        ),
        score=0.96,
        ignore_case=True,
    ),
    Recognizer(
        name="passwords in addresses",
        type="SECRET",
        pattern=r"\b[a-z][a-z0-9+.\-]{1,15}://[^\s:/@]{1,64}:(?P<value>[^\s:/@]{3,64})@",
        score=0.96,
        ignore_case=True,
    ),
)
