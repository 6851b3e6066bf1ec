"""Recognisers of our own: what has a numbering rule or a fixed form, in spite of odd separators.

They read the plain view of a text (see ``workbench.masking.view``): blanks are spaces, dashes are
hyphens, digits are ASCII, and nothing is hidden.
"""

from __future__ import annotations

from workbench.masking.recognizers.addresses import STREET_ADDRESSES
from workbench.masking.recognizers.cards import CREDIT_CARDS
from workbench.masking.recognizers.iban import IBANS
from workbench.masking.recognizers.identifiers import EMAILS, IP_ADDRESSES, US_SSNS
from workbench.masking.recognizers.pattern import Recognizer
from workbench.masking.recognizers.people import PEOPLE
from workbench.masking.recognizers.phones import PHONES
from workbench.masking.recognizers.profile import (
    AGES,
    DATES,
    ORGANIZATIONS,
    TITLES,
    ZIP_CODES,
)
from workbench.masking.recognizers.secrets import SECRETS

RECOGNIZERS: tuple[Recognizer, ...] = (
    *CREDIT_CARDS,
    *IBANS,
    *US_SSNS,
    *IP_ADDRESSES,
    *EMAILS,
    *PHONES,
    *STREET_ADDRESSES,
    *PEOPLE,
    *SECRETS,
    *AGES,
    *TITLES,
    *ZIP_CODES,
    *DATES,
    *ORGANIZATIONS,
)

__all__ = ["RECOGNIZERS", "Recognizer"]
