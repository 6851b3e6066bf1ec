"""Numbers, normalisation, keys and forged literals."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import MaskingError
from workbench.masking.placeholders import (
    MemoryPlaceholders,
    digest,
    escape,
    load_key,
    normalise,
    placeholder,
    placeholder_spans,
)

KEY = b"k" * 32


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        ("PERSON", "Tommy Smith", "tommy  SMITH"),
        ("PERSON", "Mr. Tommy Smith's", "Smith, Tommy"),
        ("PERSON", "Tommy\nSmith", "Tommy\u00a0Sm\u200bith"),
        ("CREDIT_CARD", "4111 1111-1111.1111", "4111111111111111"),
        ("IBAN_CODE", "de89 3704 0044 0532 0130 00", "DE89370400440532013000"),
        ("PHONE_NUMBER", "+1 (212) 555-0187", "212.555.0187"),
        ("US_SSN", "078-05-1120", "078 05 1120"),
        ("EMAIL_ADDRESS", "Jane@Example.org", "jane@example.org"),
        ("STREET_ADDRESS", "40 William St., Suite 350", "40 william st suite 350"),
    ],
)
def test_spellings_of_one_value_share_a_digest(kind: str, one: str, other: str) -> None:
    assert digest(KEY, kind, one) == digest(KEY, kind, other)


def test_type_value_and_key_all_count() -> None:
    first = digest(KEY, "PERSON", "Smith")
    assert first != digest(KEY, "LOCATION", "Smith")
    assert first != digest(KEY, "PERSON", "Smyth")
    assert first != digest(b"x" * 32, "PERSON", "Smith")
    assert "smith" not in first


@given(st.sampled_from(["PERSON", "PHONE_NUMBER", "US_SSN", "STREET_ADDRESS"]), st.text())
def test_normalising_twice_changes_nothing(kind: str, value: str) -> None:
    once = normalise(kind, value)
    assert normalise(kind, once) == once or kind in {"PERSON", "PHONE_NUMBER"}


def test_numbers_are_stable_and_count_by_type() -> None:
    register = MemoryPlaceholders()
    assert [register.number("PERSON", d) for d in ("a", "b", "a")] == [1, 2, 1]
    assert register.numbers([("URL", "a"), ("PERSON", "c")]) == {
        ("URL", "a"): 1,
        ("PERSON", "c"): 3,
    }


def test_threads_never_share_a_number() -> None:
    register = MemoryPlaceholders()
    with ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(lambda i: register.number("PERSON", str(i)), range(500)))
    assert sorted(numbers) == list(range(1, 501))


@pytest.mark.parametrize("literal", ["<PERSON_17>", "<person_1>", "< US_SSN_2 >"])
def test_literals_are_escaped_and_keep_their_length(literal: str) -> None:
    escaped = escape(f"see {literal}.")
    assert literal not in escaped
    assert len(escaped) == len(f"see {literal}.")
    assert placeholder_spans(escaped, ["PERSON", "US_SSN"]) == []


def test_only_known_types_count_as_placeholders() -> None:
    text = f"{placeholder('PERSON', 17)} <Tommy_Smith_1> <PERSON_0>"
    assert placeholder_spans(text, ["PERSON"]) == [(0, 11)]


def test_a_key_is_made_once_and_is_private(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "masking.key"
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(load_key, [path] * 16))
    assert len(keys) == 1
    assert len(keys.pop()) == 32
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["masking.key"]


@pytest.mark.parametrize("content", ["", "zz", "ab" * 16])
def test_a_damaged_key_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "masking.key"
    path.write_text(content)
    with pytest.raises(MaskingError, match=r"masking\.key|bytes"):
        load_key(path)
