"""US social security numbers, IP addresses and e-mail addresses."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable

from workbench.masking.recognizers.pattern import Recognizer

_VERSION_BEFORE = re.compile(r"(?:\bv|\bversions?|\bsections?|\brelease|\u00a7)[ .:]*$", re.I)
_FEWEST_LETTERS = 12


def find_ssns(text: str, start: int, end: int) -> Iterable[tuple[int, int]]:
    """Numbers that the Social Security Administration can have issued."""
    digits = "".join(char for char in text[start:end] if char.isdigit())
    area, group, serial = digits[:3], digits[3:5], digits[5:]
    if area in {"000", "666"} or area[0] == "9" or group == "00" or serial == "0000":
        return
    if len(set(digits)) > 1:
        yield start, end


def find_ips(text: str, start: int, end: int) -> Iterable[tuple[int, int]]:
    """Valid IPv4 and IPv6 addresses that are not called a version or a section."""
    if _VERSION_BEFORE.search(text[max(0, start - 12) : start]):
        return
    candidate = text[start:end].replace("[.]", ".").replace("(.)", ".").replace("[:]", ":")
    while candidate.endswith((".", ":")) and not candidate.endswith("::"):
        candidate, end = candidate[:-1], end - 1
    address = candidate.partition("%")[0].partition("/")[0]
    digits = sum(char.isdigit() for char in address)
    # "a::b" and "add::face" are names in programs.
    if not digits and len(address) < _FEWEST_LETTERS:
        return
    octets = address.split(".")
    if len(octets) == 4 and ":" not in address:
        # Leading zeros are refused by the library, yet people write them.
        address = ".".join(str(int(octet)) for octet in octets)
    try:
        ipaddress.ip_address(address)
    except ValueError:
        return
    yield start, end


US_SSNS = (
    Recognizer(
        name="SSNs with separators",
        type="US_SSN",
        pattern=(
            r"(?<![\w$.,\-])(?:(?<!\d )|(?<=\d\d[ \-./]\d{4} ))"
            r"\d{3}(?P<gap>[ \t]?[.\-_/\\][ \t]?|[ \t\n]{1,2})"
            r"\d{2}(?P=gap)\d{4}(?![\w]|[.,\-]\d)"
        ),
        score=0.97,
        find=find_ssns,
    ),
    Recognizer(
        name="SSNs named as such",
        type="US_SSN",
        pattern=(
            r"\b(?:SSN|SS#|social security(?: number| no\.?| #)?)\b[^\d\n]{0,20}"
            r"(?P<value>\d{3}[ .\-_/]{0,3}\d{2}[ .\-_/]{0,3}\d{4})(?!\d)"
        ),
        score=0.97,
        find=find_ssns,
        ignore_case=True,
    ),
)

_OCTET = r"(?:25[0-5]|2[0-4]\d|[01]?\d?\d)"
_DOT = r"(?:\.|\[\.\]|\(\.\))"

IP_ADDRESSES = (
    Recognizer(
        name="IPv4 addresses",
        type="IP_ADDRESS",
        pattern=rf"(?<![\w.])(?:{_OCTET}{_DOT}){{3}}{_OCTET}(?:/\d{{1,2}})?(?!\w|\.\d)",
        score=0.97,
        find=find_ips,
    ),
    Recognizer(
        name="IPv6 addresses",
        type="IP_ADDRESS",
        pattern=(
            r"(?<![\w:.])(?=[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:]*:)[0-9A-Fa-f:]{2,39}"
            r"(?:(?<=:)(?:\d{1,3}\.){3}\d{1,3})?(?:%[\w.]{1,15})?(?:/\d{1,3})?(?!\w)"
        ),
        score=0.97,
        find=find_ips,
    ),
)

_AT = r"(?:@| @ | ?[\[({<] ?(?:at|@) ?[\])}>] ?)"
_POINT = r"(?: ?[\[({] ?(?:dot|\.) ?[\])}] ?|\.)"
_LABEL = r"[\w](?:[\w\-]{0,61}\w)?"
_LAST_LABEL = r"(?=[\w\-]*[^\W\d])" + _LABEL

EMAILS = (
    Recognizer(
        name="e-mail addresses",
        type="EMAIL_ADDRESS",
        pattern=(
            r"(?<![\w.+])(?:\"[^\"\n@]{1,64}\"|[\w][\w.!#$%&'*+/=?^{|}~\-]{0,63})"
            rf"{_AT}(?:{_LABEL}(?:{_POINT}{_LABEL}){{0,9}}{_POINT}{_LAST_LABEL}|localhost|\[[0-9A-Fa-f.:IPv]{{3,45}}\])"
        ),
        score=0.99,
        ignore_case=True,
    ),
)
