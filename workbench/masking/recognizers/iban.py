"""IBANs by the lengths of the SWIFT registry and the ISO 7064 check (remainder 1 modulo 97)."""

from __future__ import annotations

from collections.abc import Iterable

from workbench.masking.recognizers.pattern import Recognizer

IBAN_LENGTHS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22,
    "BI": 27, "BR": 29, "BY": 28, "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DJ": 27,
    "DK": 18, "DO": 28, "EE": 20, "EG": 29, "ES": 24, "FI": 18, "FK": 18, "FO": 18, "FR": 27,
    "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28, "HN": 28, "HR": 21, "HU": 28,
    "IE": 22, "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28,
    "LC": 32, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22,
    "MK": 19, "MN": 20, "MR": 27, "MT": 31, "MU": 30, "NI": 28, "NL": 18, "NO": 15, "OM": 23,
    "PK": 24, "PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22, "RU": 33, "SA": 24,
    "SC": 31, "SD": 18, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "SO": 23, "ST": 25, "SV": 28,
    "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20, "YE": 30,
}  # fmt: skip


def is_iban(code: str) -> bool:
    """Whether country, length and check digits fit; ``code`` has no separators."""
    code = code.upper()
    if IBAN_LENGTHS.get(code[:2]) != len(code) or not (code.isascii() and code.isalnum()):
        return False
    rotated = code[4:] + code[:4]
    return int("".join(str(int(char, 36)) for char in rotated)) % 97 == 1


def find_ibans(text: str, start: int, end: int) -> Iterable[tuple[int, int]]:
    """As many letters and digits from ``start`` as the country's IBAN has, if they are one."""
    wanted = IBAN_LENGTHS.get(text[start : start + 2].upper())
    if wanted is None:
        return
    code = ""
    for position in range(start, end):
        if text[position].isalnum():
            code += text[position]
        if len(code) == wanted:
            goes_on = position + 1 < len(text) and text[position + 1].isalnum()
            if not goes_on and is_iban(code):
                yield start, position + 1
            return


IBANS = (
    Recognizer(
        name="IBANs",
        type="IBAN_CODE",
        pattern=(
            r"(?<![A-Za-z0-9])[A-Za-z]{2}[ ._/\-]{0,2}\d[ ._/\-]?\d"
            r"(?:[ \t\r\n._/\-]{0,3}[A-Za-z0-9]){11,40}"
        ),
        score=1.0,
        find=find_ibans,
    ),
)
