"""More than 200 numbers by their published rules, each in odd separators, each found whole.

Cards are the networks' and processors' published test numbers, or an issuer's prefix with its
check digit; IBANs are the examples of the SWIFT registry.
"""

from __future__ import annotations

import pytest

from workbench.masking.detection import Detection, Patterns
from workbench.masking.recognizers import RECOGNIZERS
from workbench.masking.recognizers.cards import luhn

TYPES = ("CREDIT_CARD", "IBAN_CODE", "US_SSN", "IP_ADDRESS", "EMAIL_ADDRESS")

CARDS = (
    "4111111111111111", "4012888888881881", "4222222222222", "5555555555554444",
    "5105105105105100", "2223003122003222", "2222400070000005", "378282246310005",
    "371449635398431", "6011111111111117", "6011000990139424", "30569309025904",
    "38520000023237", "3056930009020004", "36227206271667", "3530111333300000",
    "3566002020360505", "6759649826438453", "6200000000000005", "6205500000000000004",
)  # fmt: skip
# Prefixes with lengths for which no network publishes a number: the last digit is computed.
PREFIXES = (
    "222100000000000", "272099999999999", "400000000000123456", "50180000000", "67712345678",
    "63040000000001", "21310000000000", "18001234567890", "352800000000001", "358999999999991",
    "644000000000001", "659999999999991", "220412345678901", "979212345678901",
)  # fmt: skip
SEPARATORS = (
    " ", "-", ".", "/", "_", " - ", "\u00a0", "\u202f", "\u2007", "\u200b", "\u2013", "\u2011",
    "\ufeff", "  ", "\t",
)  # fmt: skip

IBANS = (
    "DE89370400440532013000", "GB29NWBK60161331926819", "FR1420041010050500013M02606",
    "ES9121000418450200051332", "IT60X0542811101000000123456", "NL91ABNA0417164300",
    "CH9300762011623852957", "BE68539007547034", "AT611904300234573201",
    "SE4550000000058398257466", "NO9386011117947", "DK5000400440116243", "FI2112345600000785",
    "PL61109010140000071219812874", "PT50000201231234567890154", "IE29AIBK93115212345678",
    "LU280019400644750000", "MT84MALT011000012345MTLCAST001S", "SA0380000000608010167519",
    "TR330006100519786457841326", "AE070331234567890123456", "BR1800360305000010009795493C1",
)  # fmt: skip
SSNS = ("078-05-1120", "219-09-9999", "123-45-6789", "457-55-5462", "001-01-0001", "899-99-9998")
IPS = (
    "192.168.0.1", "10.0.0.255", "8.8.8.8", "255.255.255.255", "192.168.0.1/24", "010.001.000.009",
    "192[.]168[.]0[.]1", "192.168.0(.)1", "2001:db8::1", "::1", "fe80::1%eth0",
    "2001:0db8:85a3:0000:0000:8a2e:0370:7334", "2001:db8:85a3::8a2e:370:7334", "::ffff:192.0.2.128",
    "2001:db8::/32", "FE80::0202:B3FF:FE1E:8329",
)  # fmt: skip
EMAILS = (
    "jane@example.org", "jane.doe+news@mail.example.co.uk", "x@corp.internal", "root@localhost",
    "JANE@EXAMPLE.ORG", "o'neil@example.ie", "jane_doe@example.museum", "j@x.io",
    "j\u00fcrgen@m\u00fcller.example", "jane [at] example [dot] org", "jane(at)example.org",
    "jane@example[.]org", '"jane doe"@example.org', "jane@[192.0.2.1]", "jane @ example.org",
    "ja\u200bne@exam\u200bple.org", "jane\uff20example.org", "jane@xn--mller-kva.example",
)  # fmt: skip


def with_check_digit(prefix: str) -> str:
    return next(prefix + digit for digit in "0123456789" if luhn(prefix + digit))


def in_groups(number: str, separator: str) -> str:
    sizes = (4, 6, 5) if len(number) == 15 else (4,) * 8
    groups, start = [], 0
    for size in sizes:
        if start < len(number):
            groups.append(number[start : start + size])
        start += size
    return separator.join(groups)


ALL_CARDS = CARDS + tuple(with_check_digit(prefix) for prefix in PREFIXES)
CASES = [
    *(("CREDIT_CARD", card) for card in ALL_CARDS),
    *(("CREDIT_CARD", in_groups(c, s)) for s in SEPARATORS for c in ALL_CARDS),
    *(("CREDIT_CARD", in_groups(card, "\n")) for card in ALL_CARDS if len(card) == 16),
    ("CREDIT_CARD", "".join(chr(0xFF10 + int(digit)) for digit in CARDS[0])),
    ("CREDIT_CARD", "41 11 11 11 11 11 11 11"),
    *(("IBAN_CODE", iban) for iban in IBANS),
    *(("IBAN_CODE", in_groups(i, s)) for s in (" ", "-", ".", "\u00a0", "\u200b") for i in IBANS),
    *(("IBAN_CODE", iban.lower()) for iban in IBANS),
    *(
        ("US_SSN", ssn.replace("-", s))
        for s in ("-", " ", ".", "/", "_", " - ", "\u00a0", "\u2013", "\u2011", "-\u200b")
        for ssn in SSNS
    ),
    *(("IP_ADDRESS", ip) for ip in IPS),
    *(("EMAIL_ADDRESS", email) for email in EMAILS),
]


@pytest.fixture(scope="module")
def detection() -> Detection:
    return Detection([Patterns(RECOGNIZERS)], TYPES, 0.4)


def test_the_table_is_large() -> None:
    assert len(set(CASES)) >= 200


@pytest.mark.parametrize("frame", ["The value is {}, as agreed.", "{}", "<td>{}</td>", "**{}**"])
def test_every_case_is_found_whole(detection: Detection, frame: str) -> None:
    before = frame.index("{")
    texts = [frame.format(value) for _, value in CASES]
    missed = []
    for (kind, value), spans in zip(CASES, detection.find(texts), strict=True):
        covered = {i for s in spans if s.type == kind for i in range(s.start, s.end)}
        places = [before + i for i, char in enumerate(value) if char.isalnum()]
        if not covered.issuperset(places):
            missed.append((kind, value))
    assert missed == []


@pytest.mark.parametrize(
    "text",
    [
        "The order 4111 1111 1111 1112 fails the check digit.",
        "The order 9999 8888 7777 6666 has no issuer.",
        "Zeros 0000 0000 0000 0000 are no card.",
        "In 2014 2015 2016 2017 revenue grew.",
        "DE89370400440532013001 fails the check.",
        "Part no. 000-12-3456, 666-12-3456, 987-65-4320, 123-00-4567 and 123-45-0000.",
        "It is 12:34:56 now.",
        "Version 1.2.3.4 and section 4.5.6.7 are out.",
        "Octets 256.1.1.1 and 1.2.3 and 1.2.3.4.5 are wrong.",
        "Follow @example or meet @ noon.",
        "The ratio 3 : 4 :: 6 : 8 holds.",
    ],
)
def test_what_breaks_the_rules_is_left_alone(detection: Detection, text: str) -> None:
    assert detection.find([text]) == [[]]


def test_numbers_around_a_card_stay() -> None:
    detection = Detection([Patterns(RECOGNIZERS)], TYPES, 0.4)
    text = "Lines 12 34 4111 1111 1111 1111 12 25 and 7"
    (span,) = detection.find([text])[0]
    assert text[span.start : span.end] == "4111 1111 1111 1111"
