from __future__ import annotations

import datetime
from decimal import Decimal

import pytest

from workbench.extraction.parsing import (
    Locale,
    evidence,
    is_ambiguous_date,
    parse_boolean,
    parse_choice,
    parse_date,
    parse_money,
    parse_number,
)


@pytest.mark.parametrize(
    ("words", "iso"),
    [
        ("25/12/2018 8:13:39 PM", "2018-12-25"),
        ("12-01-19", "2019-01-12"),
        ("05MAR2018", "2018-03-05"),
        ("20180306", "2018-03-06"),
        ("31.01.2018", "2018-01-31"),
        ("March 5, 2018", "2018-03-05"),
        ("5th day of March, 2018", "2018-03-05"),
        ("12 janvier 2020", "2020-01-12"),
        ("3. Mai 2021", "2021-05-03"),
        ("2018-03-06", "2018-03-06"),
    ],
)
def test_dates(words: str, iso: str) -> None:
    assert parse_date(words, Locale()) == datetime.date.fromisoformat(iso)


@pytest.mark.parametrize("words", ["", "Friday", "12", "March", "SUN-THU", "20181399", "x" * 300])
def test_what_states_no_day_month_and_year_is_no_date(words: str) -> None:
    assert parse_date(words, Locale()) is None


def test_the_order_of_day_and_month_comes_from_the_document() -> None:
    british = evidence("Issued 25/12/2018, due 03/04/2019")
    american = evidence("Issued 12/25/2018, due 03/04/2019")
    assert parse_date("03/04/2019", british) == datetime.date(2019, 4, 3)
    assert parse_date("03/04/2019", american) == datetime.date(2019, 3, 4)
    assert british.sure_order
    assert not evidence("due 03/04/2019").sure_order
    assert not evidence("25/12/2018 and 12/25/2018").sure_order
    assert is_ambiguous_date("03/04/2019")
    assert not is_ambiguous_date("25/12/2018")


@pytest.mark.parametrize(
    ("words", "amount", "currency"),
    [
        ("RM 33.90", "33.90", "RM"),
        ("-RM 0.02", "-0.02", "RM"),
        ("(5.00)", "-5.00", ""),
        ("5.00-", "-5.00", ""),
        ("1.234,56 €", "1234.56", "€"),
        ("EUR 1,234.56", "1234.56", "EUR"),
        ("S$ 1 234,50", "1234.50", "S$"),
        ("US$1,000,000", "1000000", "US$"),
        ("9. 00", "9.00", ""),
        ("TOTAL: 12.50", "12.50", ""),
    ],
)
def test_money(words: str, amount: str, currency: str) -> None:
    assert parse_money(words, Locale()) == (Decimal(amount), currency)


def test_what_is_no_amount() -> None:
    assert parse_money("none", Locale()) is None
    assert parse_money("", Locale()) is None
    assert parse_number("ten", Locale()) is None
    assert parse_number("12 %", Locale()) == 12


@pytest.mark.parametrize(
    ("words", "value"), [("Yes.", True), ("nein", False), ("x", True), ("maybe", None), ("", None)]
)
def test_booleans(words: str, value: bool | None) -> None:
    assert parse_boolean(words) is value


def test_choices() -> None:
    choices = ["Pro forma", "Invoice", "Credit note"]
    assert parse_choice("TAX INVOICE", choices) == "Invoice"
    assert parse_choice("credit  note", choices) == "Credit note"
    assert parse_choice("Invoce", choices) == "Invoice"
    assert parse_choice("Invoice or credit note", choices) is None
    assert parse_choice("receipt", choices) is None
