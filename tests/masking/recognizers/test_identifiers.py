"""Checks of cards, IBANs and identifiers on their own."""

from __future__ import annotations

import pytest

from workbench.masking.recognizers.cards import CREDIT_CARDS, is_card, luhn
from workbench.masking.recognizers.iban import IBANS, is_iban
from workbench.masking.recognizers.identifiers import EMAILS, IP_ADDRESSES, US_SSNS
from workbench.masking.recognizers.pattern import Recognizer


def found(recognizers: tuple[Recognizer, ...], text: str) -> list[str]:
    return [text[s.start : s.end] for r in recognizers for s in r.spans(text)]


def test_luhn_finds_a_changed_digit() -> None:
    assert luhn("79927398713")
    assert not any(luhn(f"7992739871{digit}") for digit in "012456789")


def test_a_card_needs_issuer_length_and_check_digit() -> None:
    assert is_card("4111111111111111")
    assert not is_card("41111111111111")
    assert not is_card("9111111111111110")
    assert not is_card("0000000000000000")


def test_a_number_named_a_card_needs_the_check_digit_only() -> None:
    assert found(CREDIT_CARDS, "redeem on credit card 0604 2607 0011") == ["0604 2607 0011"]
    assert found(CREDIT_CARDS, "redeem on credit card 0604 2607 0012") == []
    assert found(CREDIT_CARDS, "redeem on voucher 0604 2607 0011") == []


def test_two_cards_in_a_row_are_two() -> None:
    text = "4111 1111 1111 1111 5555 5555 5555 4444"
    assert found(CREDIT_CARDS, text) == ["4111 1111 1111 1111", "5555 5555 5555 4444"]


def test_an_iban_needs_its_country_length() -> None:
    assert is_iban("NO9386011117947")
    assert not is_iban("NO93860111179470")
    assert not is_iban("XX9386011117947")


def test_an_iban_ends_where_its_country_says() -> None:
    assert found(IBANS, "Pay NO93 8601 1117 947 by 12 May.") == ["NO93 8601 1117 947"]


def test_an_unseparated_ssn_needs_its_name() -> None:
    assert found(US_SSNS, "SSN: 457555462") == ["457555462"]
    assert found(US_SSNS, "Order 457555462") == []


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("ping 10.1.2.3:8080 now", ["10.1.2.3"]),
        ("at 2001:db8::1.", ["2001:db8::1"]),
        ("v10.1.2.3", []),
    ],
)
def test_ip_addresses_end_where_they_end(text: str, values: list[str]) -> None:
    assert found(IP_ADDRESSES, text) == values


def test_an_email_leaves_its_brackets() -> None:
    assert found(EMAILS, "Jane <jane@example.org>, or else") == ["jane@example.org"]
