from __future__ import annotations

import datetime
from decimal import Decimal

from workbench.extraction.mentions import mentions
from workbench.extraction.parsing import Locale
from workbench.extraction.schema import FieldType

RECEIPT = """SHOP 55 LTD
04BFRTL 11/12/2017 21:42
TEL: 03-62062378 INV 000123
2 X 5.00\t10.00
TOTAL RM 1,010.50
CHANGE (0.50)
VALID 2- 25/12/2018"""


def test_dates_stand_where_they_are_said_to() -> None:
    found = mentions(RECEIPT, FieldType.DATE, Locale())
    assert [m.value for m in found] == [datetime.date(2017, 12, 11), datetime.date(2018, 12, 25)]
    assert [RECEIPT[m.start : m.end] for m in found] == ["11/12/2017", "25/12/2018"]


def test_money_needs_decimals_or_a_currency() -> None:
    found = mentions(RECEIPT, FieldType.MONEY, Locale())
    assert [m.value for m in found] == [
        Decimal("5.00"),
        Decimal("10.00"),
        Decimal("1010.50"),
        Decimal("-0.50"),
    ]
    assert found[2].currency == "RM"
    assert RECEIPT[found[2].start : found[2].end] == "RM 1,010.50"


def test_numbers_are_no_parts_of_codes_or_dates() -> None:
    values = [m.value for m in mentions(RECEIPT, FieldType.NUMBER, Locale())]
    assert Decimal(55) in values
    assert Decimal(11) not in values
    assert Decimal(62062378) not in values


def test_a_text_without_any() -> None:
    assert mentions("nothing here", FieldType.DATE, Locale()) == []
    assert mentions("nothing here", FieldType.MONEY, Locale()) == []


def test_a_long_line_of_digits_takes_no_long_time() -> None:
    assert mentions("1 " * 20_000, FieldType.DATE, Locale()) == []
    assert len(mentions("1.00 " * 20_000, FieldType.MONEY, Locale())) == 2_000
