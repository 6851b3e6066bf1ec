"""What describes a person: ages, forms of address, postcodes, dates, employers."""

from __future__ import annotations

from workbench.masking.recognizers.pattern import Recognizer

_AGE = r"(?P<value>(?:1[01]\d|[1-9]\d|[1-9])(?:\.5)?)"

AGES = (
    Recognizer(
        name="ages in years or months",
        type="AGE",
        pattern=(
            rf"(?<![\w.,$/\-]){_AGE}[ \-]?(?:years?|yrs?|months?|y)?[ /\-]?(?:olds?|o|of age)\b"
            rf"|(?<![\w.,$/\-]){_AGE}[ \-]?(?:yo|y\.o\.|yr|yrs)\b"
        ),
        score=0.96,
        ignore_case=True,
    ),
    Recognizer(
        name="ages named as such",
        type="AGE",
        pattern=(
            r"\b(?:aged?(?: of| is|:)?|turn(?:s|ed|ing)?|(?:i'm|i am|he's|he is|she's|she is|"
            rf"(?:when|while|since) (?:he|she|i) (?:was|were)))[ ]{{1,2}}{_AGE}"
            r"(?=[ ]{0,2}(?:$|\n|[.,;!?)]|and\b|or\b|next\b|this\b|today\b|years?\b|y/o\b))"
        ),
        score=0.96,
        ignore_case=True,
    ),
)

TITLES = (
    Recognizer(
        name="forms of address",
        type="TITLE",
        pattern=(
            r"(?<![\w])(?:Mr|Mrs|Ms|Miss|Mx|Dr|Prof|Professor|Sir|Madam|Dame|Lord|Lady|Rev|Reverend|"
            r"Herr|Frau|Mme|Monsieur|Madame|Se\u00f1ora?)\b\.?(?=[ ]\p{Lu})"
        ),
        score=0.96,
    ),
)

ZIP_CODES = (
    Recognizer(
        name="postcodes named as such",
        type="ZIP_CODE",
        pattern=(
            r"\b(?:zip|postal|post)[ \-]?codes?(?: is|:)?[ ]{0,2}"
            r"(?P<value>[A-Z\d][A-Z\d \-]{2,8}\d\w{0,2})\b"
        ),
        score=0.8,
        ignore_case=True,
    ),
    Recognizer(
        name="US state and ZIP code",
        type="ZIP_CODE",
        pattern=r",\s[A-Z]{2}\s{1,2}(?P<value>\d{5}(?:-\d{4})?)\b",
        score=0.8,
    ),
)

DATES = (
    Recognizer(
        name="dates and times, ISO 8601",
        type="DATE_TIME",
        pattern=(
            r"(?<![\w.\-])(?:19|20)\d{2}-(?:0\d|1[0-2])-(?:[0-2]\d|3[01])"
            r"(?:[T ][0-2]\d:[0-5]\d(?::[0-5]\d(?:\.\d{1,9})?)?(?:Z|[+\-]\d\d:?\d\d)?)?(?!\w)"
        ),
        score=0.96,
    ),
)

ORGANIZATIONS = (
    Recognizer(
        name="names of companies by their form",
        type="ORGANIZATION",
        pattern=(
            r"(?<![\w])(?:\p{Lu}[\w'\-]*[ ]){1,4}(?:&[ ]\p{Lu}[\w'\-]*[ ])?,?[ ]?"
            r"(?:Inc|Incorporated|Corp|Corporation|LLC|LLP|Ltd|Limited|PLC|GmbH|Holdings?|Partners|"
            r"Associates|Technologies|Industries|Enterprises|Unlimited|Solutions|Systems)\b"
        ),
        score=0.7,
    ),
)
