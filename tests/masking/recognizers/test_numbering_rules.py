"""Values built from the published numbering rules, in every spelling that people and files use.

Cards: issuer ranges and lengths with the Luhn digit (ISO/IEC 7812). IBAN: every country's length
with its two check digits (ISO 13616). SSN: areas, groups and serials as the SSA issued them. IP:
RFC 791, 4291 and 5952. E-mail: RFC 5321 and 6531, and names inside a company's own network.
"""

from __future__ import annotations

import random

import pytest

from workbench.masking.detection import Detection, Patterns
from workbench.masking.recognizers import RECOGNIZERS
from workbench.masking.recognizers.cards import luhn
from workbench.masking.recognizers.iban import IBAN_LENGTHS

TYPES = ("CREDIT_CARD", "IBAN_CODE", "US_SSN", "IP_ADDRESS", "EMAIL_ADDRESS")
RANGES = (
    ("Visa", ("4",), (13, 16, 19)),
    ("Mastercard", ("51", "52", "53", "54", "55"), (16,)),
    ("Mastercard 2-series", ("2221", "2345", "2600", "2699", "2720"), (16,)),
    ("American Express", ("34", "37"), (15,)),
    ("Diners Club", ("300", "305", "36", "38", "39"), (14,)),
    ("Discover", ("6011", "644", "649", "65"), (16, 19)),
    ("JCB", ("3528", "3550", "3589"), (16,)),
    ("JCB of fifteen digits", ("2131", "1800"), (15,)),
    ("Maestro", ("5018", "5020", "5038", "6304", "6759", "6761"), (12, 13, 14, 15, 16, 17, 18, 19)),
    ("UnionPay", ("62",), (16, 17, 18, 19)),
)
BETWEEN = (
    "", " ", "-", ".", "/", "_", "\u00a0", "\u2009", "\u202f", "\u2007", "\u200b", "\u2060",
    "\u2013", "\u2014", "\u2212", "  ", "\t", " - ", "\u00ad", " \u200b",
)  # fmt: skip


def card(prefix: str, length: int, chance: random.Random) -> str:
    body = prefix + "".join(chance.choice("0123456789") for _ in range(length - len(prefix) - 1))
    return next(body + digit for digit in "0123456789" if luhn(body + digit))


def iban(country: str, length: int, chance: random.Random) -> str:
    # Letters among the digits, as several countries have them, behind the first eight.
    body = "".join(chance.choice("0123456789") for _ in range(length - 6)) + "1Z"[: length - 4]
    digits = "".join(str(int(char, 36)) for char in f"{body}{country}00")
    return f"{country}{98 - int(digits) % 97:02d}{body}"


def grouped(value: str, between: str) -> str:
    sizes = (4, 6, 5) if len(value) == 15 and value[:2] in {"34", "37"} else (4,) * 9
    groups, start = [], 0
    for size in sizes:
        groups.append(value[start : start + size])
        start += size
    return between.join(group for group in groups if group)


def cases() -> list[tuple[str, str]]:
    chance = random.Random(20261124)
    cards = [
        card(prefix, length, chance)
        for _, prefixes, lengths in RANGES
        for prefix in prefixes
        for length in lengths
    ]
    ibans = [iban(country, length, chance) for country, length in IBAN_LENGTHS.items()]
    ssns = [
        (f"{area:03d}", f"{chance.randint(1, 99):02d}", f"{chance.randint(1, 9999):04d}")
        for area in (1, 2, 99, 123, 449, 587, 665, 667, 733, 772, 899)
    ]
    v4 = [".".join(str(chance.randint(0, 255)) for _ in range(4)) for _ in range(12)]
    v6 = [":".join(f"{chance.randrange(1, 65536):x}" for _ in range(8)) for _ in range(6)]
    return [
        *(("CREDIT_CARD", grouped(c, b)) for c in cards for b in BETWEEN),
        *(("CREDIT_CARD", f"{c[:6]} {c[6:]}") for c in cards if len(c) == 16),
        *(("CREDIT_CARD", "\u200b".join(c)) for c in cards),
        *(("CREDIT_CARD", grouped(c, "\n")) for c in cards if len(c) == 16),
        *(("IBAN_CODE", grouped(i, b)) for i in ibans for b in (*BETWEEN, "\n")),
        *(("IBAN_CODE", i.lower()) for i in ibans),
        *(("US_SSN", b.join(s)) for s in ssns for b in BETWEEN if b),
        *(("US_SSN", "\n".join(s)) for s in ssns),
        *(("IP_ADDRESS", address) for address in (*v4, *v6, *(a.upper() for a in v6))),
        *(("IP_ADDRESS", f"{a[: a.index(':')]}::{a[a.rindex(':') + 1 :]}") for a in v6),
        *(("IP_ADDRESS", address) for address in OTHER_ADDRESSES),
        *(("EMAIL_ADDRESS", address) for address in MAIL_ADDRESSES),
    ]


OTHER_ADDRESSES = (
    "::1", "fe80::1", "fe80::a%eth0", "2001:db8::", "2001:db8::/48", "64:ff9b::192.0.2.33",
    "::ffff:10.1.2.3", "2001:db8:0:1::2", "10.0.0.0/8", "127.0.0.1", "172.16.254.1",
)  # fmt: skip
MAIL_ADDRESSES = (
    "x@corp.internal", "jane@intranet.local", "ops@db-1.prod.lan", "root@localhost", "j@x.io",
    "jane.doe+tag@sub.example.co.uk", "jane_doe-1@example-site.org", "o'hara@example.ie",
    '"jane doe"@example.org', '"a.b(c)"@example.org', "user%relay@example.org",
    "jane@[192.0.2.7]", "jane@[IPv6:2001:db8::1]", "!def!x%y@example.com", "1234567@example.net",
    "JANE.DOE@EXAMPLE.COM", "j\u00f6rg@b\u00fccher.example", "jane@xn--bcher-kva.example",
    "\u7528\u6237@\u4f8b\u5b50.\u5e7f\u544a",
    "\u0438\u0432\u0430\u043d@\u043f\u043e\u0447\u0442\u0430.\u0440\u0444",
    "jane [at] example [dot] com", "jane(at)example(dot)com", "jane@example[.]com",
    "jane\u200b@example\u200b.com", "jane\u00ad@example.com", "jane\uff20example\uff0ecom",
    "a@b.photography", "customer/department=shipping@example.com", "$A12345@example.com",
)  # fmt: skip
CASES = cases()


@pytest.fixture(scope="module")
def detection() -> Detection:
    return Detection([Patterns(RECOGNIZERS)], TYPES, 0.4)


def test_the_table_covers_each_type() -> None:
    assert len(set(CASES)) > 3_000
    assert {kind for kind, _ in CASES} == set(TYPES)


@pytest.mark.parametrize(
    "frame", ["It is {}, as agreed.", "{}", '"{}"', "({})", "| {} |", "<td>{}</td>", "No: {}\n"]
)
def test_each_value_is_found_whole(detection: Detection, frame: str) -> None:
    before = frame.index("{")
    missed = []
    found = detection.find([frame.format(value) for _, value in CASES])
    for (kind, value), spans in zip(CASES, found, strict=True):
        covered = {i for s in spans if s.type == kind for i in range(s.start, s.end)}
        places = {before + i for i, char in enumerate(value) if char.isalnum()}
        if not places <= covered:
            missed.append((kind, value))
    assert missed == []


@pytest.mark.parametrize(
    "text",
    [
        "Order 4111 1111 1111 1112 and 5555-5555-5555-4445 fail the check digit.",
        "Order 378282246310006 has fifteen digits.",
        "Invoice 2026112400017, batch 20261124-0001-0002.",
        "GB29 NWBK 6016 1331 9268 18 and DE89 3704 0044 0532 0130 01 fail their check digits.",
        "ZZ29NWBK60161331926819 is of no country.",
        "Areas 000-12-3456, 666-12-3456 and 900-12-3456 were never issued.",
        "Group 123-00-4567 and serial 123-45-0000 neither.",
        "From 2026-11-24 to 24.11.2026, 11/24/2026 or 24-11-26.",
        "At 12:34:56 and 07:00:00.000.",
        "Version 1.2.3.4, v10.0.0.1 and release 4.5.6.7.",
        "Section 1.2.3.4 says so; see \u00a7 4.3.2.1.",
        "256.1.1.1, 1.2.3 and 1.2.3.4.5 are no addresses.",
        "Meet @noon, ask @jane, pay 5 @ 3.50.",
        "std::vector and a::b are names of programs.",
        "The scores were 10 20 30 40 50 60 70 80 and 100.",
        "1,234,567,890,123,456 dollars and 0.1234567890123456 shares.",
    ],
)
def test_what_only_looks_alike_stays(detection: Detection, text: str) -> None:
    assert detection.find([text]) == [[]]
