from __future__ import annotations

import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import CorruptFile
from workbench.sources.text import clean, decode, parse_text


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("utf-8", "Zürich, 名古屋"),
        ("utf-8-sig", "Zürich"),
        ("utf-16", "Zürich, 名古屋"),
        ("utf-32", "Zürich"),
        ("cp1252", "Le prix est de 30 € à Genève, déjà payé."),
        ("cp1250", "Zażółć gęślą jaźń, Łódź ulica Świętokrzyska"),
        ("cp932", "名前,年齢,住所\n佐藤太郎,30,東京"),
        ("cp1251", "Привет, мир! Сегодня хорошая погода"),
    ],
)
def test_decode_finds_the_encoding(encoding: str, text: str) -> None:
    assert decode(text.encode(encoding)) == text


def test_declared_encoding_wins_over_detection_and_loses_to_utf_8() -> None:
    assert decode("été".encode("latin-1"), declared="latin-1") == "été"
    assert decode("été".encode(), declared="latin-1") == "été"
    text = "L'été était très chaud cette année, 30 € le café."
    assert decode(text.encode("cp1252"), declared="no-such-encoding") == text


def test_nul_bytes_are_no_text() -> None:
    with pytest.raises(CorruptFile, match="NUL"):
        decode(b"abc\x00def")


def test_clean_removes_what_nobody_sees() -> None:
    raw = "\ufeffA\u200bB\u00adC\x00D\r\nsoft\u00a0space\u2028end\u202e"
    assert clean(raw) == "ABCD\nsoft space\nend"


def test_clean_composes_and_unties_ligatures() -> None:
    assert clean("Zu\u0308rich o\ufb03ce") == "Zürich office"


def test_clean_leaves_at_most_one_blank_line() -> None:
    assert clean("\n\na  \n \t\n\n\nb\n\n") == "a\n\nb"


def test_clean_replaces_lone_surrogates() -> None:
    assert clean("a\ud800b") == "a\ufffdb"


@given(st.text())
def test_clean_is_stable_and_storable(raw: str) -> None:
    text = clean(raw)
    assert clean(text) == text
    assert unicodedata.is_normalized("NFC", text)
    assert "\x00" not in text
    assert "\r" not in text
    text.encode("utf-8")


def test_time_grows_with_the_length_and_not_its_square() -> None:
    before = time.process_time()
    assert clean("a" + " " * 500_000 + "b").endswith(" b")
    assert clean("\n" * 500_000) == ""
    assert time.process_time() - before < 2


def test_parse_text_keeps_the_words() -> None:
    parsed = parse_text(b"first\nsecond")
    assert parsed.parts == ("first\nsecond",)
    assert parsed.media_type == "text/plain"
