"""Street addresses: a house number beside a street word, with what follows up to the postcode."""

from __future__ import annotations

from workbench.masking.recognizers.pattern import Recognizer

_STREET = (
    r"(?:Street|Str|St|Avenue|Ave|Av|Road|Rd|Boulevard|Blvd|Lane|Ln|Drive|Dr|Court|Ct|Circle|Cir|"
    r"Place|Pl|Square|Sq|Terrace|Ter|Trail|Trl|Parkway|Pkwy|Highway|Hwy|Way|Alley|Loop|Crescent|"
    r"Close|Mews|Row|Walk|Plaza|Turnpike|Pike|Expressway|Freeway|Quay|Wharf|Esplanade|Grove|Hill|"
    r"Gardens|Ridge|Run|Path|Crossing|Commons|Bypass|Route|Broadway)"
)
_NAME = r"(?:\p{Lu}[\p{L}'.\-]*|\d{1,3}(?:st|nd|rd|th))"
_WORD = rf"(?:{_NAME}|(?:of|the|de|la|del|van|von))"
# "In 2019 the Supreme Court", "2020 New Way": words that are seldom streets after a year.
_YEAR_OF = r"(?:19|20)\d{2}\s(?:\S+\s){1,5}(?:Court|Ct|Way|Hill|Place|Row|Run|Path|Close|Walk)\b"
_UNIT = (
    r"(?:,?\s{0,2}(?:Apt|Apartment|Suite|Ste|Unit|Room|Rm|Floor|Fl|Bldg|Building|Flat|Lot)"
    r"\b\.?\s?#?\s?\w{1,6}|,?\s?#\s?\w{1,6}|,?\s\d{1,3}(?:st|nd|rd|th)\s[Ff]loor)"
)
_CITY = (
    r"(?:\s{0,2},?\s{1,2}\p{Lu}[\p{L}'.\-]+(?:\s\p{Lu}[\p{L}'.\-]+){0,2}"
    r"\s{0,2},\s{0,2}\p{Lu}[\p{L}.]+(?:\s\p{Lu}[\p{L}]+)?\s{1,2}\d{5}(?:-\d{4})?)"
)
_CODE = r"(?:\s{0,2},?\s{0,2}[A-Z]{1,2}\d[A-Z\d]?\s\d[A-Z]{2}\b)"

STREET_ADDRESSES = (
    Recognizer(
        name="house number and street",
        type="STREET_ADDRESS",
        pattern=(
            rf"(?<![\w.,$\-/])(?!{_YEAR_OF})\d{{1,6}}[A-Za-z]?(?:-\d{{1,4}})?,?\s"
            rf"(?:{_WORD}\s){{0,4}}{_NAME}\s{_STREET}\b\.?"
            rf"(?:\s(?:North|South|East|West|[NS]?[NSEW])\b\.?)?{_UNIT}?(?:{_CITY}|{_CODE})?"
        ),
        score=0.85,
    ),
    Recognizer(
        name="numbered road",
        type="STREET_ADDRESS",
        pattern=(
            r"(?<![\w.,$\-/])\d{1,6}\s(?:Broadway|Highway\s\d{1,4}|Route\s\d{1,4})\b"
            rf"{_UNIT}?(?:{_CITY})?"
        ),
        score=0.8,
    ),
    Recognizer(
        name="street and house number, continental",
        type="STREET_ADDRESS",
        pattern=(
            r"(?<!\w)\p{Lu}[\p{L}\-]*(?:stra(?:\u00df|ss)e|str\.|gasse|weg|platz|allee|ufer|damm|"
            r"straat|laan|gracht|plein|gatan|v\u00e4gen|veien|gata|vej|gade|katu|tie|utca)"
            r"\s\d{1,4}[A-Za-z]?\b(?:,?\s{1,2}\d{4,5}\s\p{Lu}[\p{L}\-]+)?"
        ),
        score=0.8,
    ),
    Recognizer(
        name="street word and house number, Romance languages",
        type="STREET_ADDRESS",
        pattern=(
            r"(?<!\w)(?:\d{1,4},?\s(?:bis\s)?(?:(?i:rue|chemin|all\u00e9e|impasse)\s"
            r"(?:\p{Ll}{1,3}'?\s?){0,2}\p{L}|(?:[Aa]venue|[Bb]oulevard|[Pp]lace)\s(?:d[eu']s?\s?)?(?:la\s)?\p{Lu})[\p{L}'\-]+(?:\s\p{Lu}[\p{L}'\-]+){0,3}|"
            r"(?:Via|Viale|Piazza|Corso|Calle|Avenida|Plaza|Rua|Avda\.?|C/)\s"
            r"(?:\p{L}{1,5}\s)?\p{Lu}[\p{L}'\-]+(?:\s\p{Lu}[\p{L}'\-]+){0,3},?\s\d{1,4}\b)"
        ),
        score=0.75,
    ),
    Recognizer(
        name="street corner",
        type="STREET_ADDRESS",
        # An address as much as a house number is: the whole phrase names the place.
        pattern=(
            r"\b(?:[Tt]he )?[Cc]orner of (?=[^\n,;?!]{0,40}[\p{Lu}\d])[^\n,;?!]{2,50}? (?:and|&) "
            r"(?:(?:\d+ )?\p{Lu}[\p{L}'\-]+(?: \p{Lu}[\p{L}.'\-]+){0,2}|"
            rf"[\p{{L}}'\-]+ (?i:{_STREET})s?\b)"
        ),
        score=0.8,
    ),
    Recognizer(
        name="what stands before a unit",
        type="STREET_ADDRESS",
        # "Edeby 55, Apt. 297": whatever the street is called.
        pattern=(
            rf"(?<![\w.,$\-/])(?:\d{{1,6}},?\s)?(?:{_NAME}\s)(?:(?:{_NAME}|\p{{Ll}}{{2,5}}\.)\s){{0,3}}\d{{1,5}}[A-Za-z]?\.?[\s,]{{1,3}}"
            r"(?:Apt|Apartment|Suite|Ste|Flat)\b\.?\s?#?\d{1,5}\b"
            r"|(?<![\w.,$\-/])\d{1,6}\s(?:[\p{L}'.\-]+\s){1,4}\d{1,5}[a-z]?\.?[\s,]{1,3}"
            r"(?:apt|apartment|suite|ste|flat)\b\.?\s?#?\d{1,5}\b"
        ),
        score=0.85,
    ),
    Recognizer(
        name="street without a number",
        type="STREET_ADDRESS",
        pattern=(
            r"\b(?:on|at|along|off|near|down|onto|from|to|in|between)\s(?!(?:Wall|Main|High)\s)"
            r"(?P<value>\p{Lu}[\p{L}'\-]+(?: \p{Lu}[\p{L}'\-]+){0,2}\s"
            r"(?:Street|Avenue|Road|Boulevard|Lane|Drive)\b)(?!\s\p{Lu})"
        ),
        score=0.6,
    ),
    Recognizer(
        name="military post",
        type="STREET_ADDRESS",
        # As the US Postal Service writes them: unit or ship, box, then APO, FPO or DPO.
        pattern=(
            r"\b(?:(?:(?:PSC|CMR|Unit)\s\d{1,5},?\sBox\s\d{1,5}|"
            r"(?:USS|USNS|USNV|USCGC|HMS)\s\w+(?:\s\w+)?)[\s,]{1,3})?"
            r"(?:APO|FPO|DPO)[\s,]{1,2}(?:AA|AE|AP)\s\d{5}(?:-\d{4})?\b"
        ),
        score=0.9,
        ignore_case=True,
    ),
    Recognizer(
        name="post office box",
        type="STREET_ADDRESS",
        pattern=rf"\b(?:P\.?\s?O\.?\s?Box|Post Office Box|Postfach)\s#?\d{{1,6}}\b(?:{_CITY})?",
        score=0.85,
        ignore_case=True,
    ),
)
