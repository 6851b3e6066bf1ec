"""When something was, for sorting: the first date that a text names."""

from __future__ import annotations

import re

Date = tuple[int, int, int]
"""Year, month and day; 0 where only the year, or year and month, are named."""

UNDATED: Date = (9999, 99, 99)
"""After all others."""

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_NAME = (
    r"(?P<name>Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?"
    r"|Sept?(?:ember)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)\.?"
)
_YEAR = r"(?P<year>1[89]\d\d|20\d\d)"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_FORMS = [
    re.compile(rf"\b{form}\b")
    for form in (
        rf"{_YEAR}-(?P<month>0[1-9]|1[0-2])(?:-(?P<day>\d\d)(?:T\S*)?)?",
        rf"{_DAY} (?:of )?{_NAME},? {_YEAR}",
        rf"{_NAME} {_DAY},? {_YEAR}",
        rf"{_NAME},? {_YEAR}",
        _YEAR,
        rf"{_DAY} (?:of )?{_NAME}",
        rf"{_NAME} {_DAY}",
    )
]


def first_date(text: str) -> Date | None:
    """The first date in ``text``, written as 2026-03-05, 5 March 2026 or March 5, or a month or a
    year alone; without a year it sorts after those with one."""
    found = [match for form in _FORMS if (match := form.search(text))]
    # Of those that begin at one place the fullest.
    first = min(found, key=lambda match: (match.start(), -len(match[0])), default=None)
    if first is None:
        return None
    parts = first.groupdict()
    name = parts.get("name")
    month = _MONTHS.index(name[:3].lower()) + 1 if name else int(parts.get("month") or 0)
    return int(parts.get("year") or UNDATED[0]), month, int(parts.get("day") or 0)
