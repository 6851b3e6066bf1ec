"""Names that their surroundings announce: after a form of address, or where someone says so."""

from __future__ import annotations

from workbench.masking.recognizers.pattern import Recognizer

_TITLES = (
    r"(?:Mr|Mrs|Ms|Miss|Mx|Dr|Prof|Professor|Messrs|Herr|Frau|Mme|Monsieur|Madame|"
    r"Se\u00f1or|Se\u00f1ora)\b"
)
_NAME = rf"(?!{_TITLES})\p{{Lu}}[\p{{L}}'\-]+"
_NOT_NAMES = r"(?!(?:Suite|Ste|Apt|Unit|Floor|The|This|That|President|Chair|Secretary|Speaker)\b)"
_MORE = rf"(?:[ ](?:\p{{Lu}}\.[ ]?|(?:de|da|del|van|von|der|den|la|le)[ ])*{_NAME}){{0,2}}"

PEOPLE = (
    Recognizer(
        name="names after a form of address",
        type="PERSON",
        pattern=rf"\b{_TITLES}\.?[ ](?P<value>{_NOT_NAMES}{_NAME}{_MORE})",
        score=0.8,
    ),
    Recognizer(
        name="names that someone gives as a name",
        type="PERSON",
        pattern=(
            r"\b(?:(?i:my name is|my name's|(?:call|calls|called) me|(?:full|first|last|given|"
            r"family|maiden) name:?|surname:?))[ ]{1,3}"
            rf"(?P<value>{_NOT_NAMES}{_NAME}{_MORE})"
        ),
        score=0.7,
    ),
)
