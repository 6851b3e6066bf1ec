from __future__ import annotations

import pytest

from tests.sources.compound import compound_bytes, msg_bytes
from workbench.errors import CorruptFile, EmptyFile, UnsupportedFormat
from workbench.sources.parsing import parse

MAX = 1_000_000


def test_a_message_is_read_like_a_mail() -> None:
    data = msg_bytes(
        "Lunch on Friday",
        "See you at noon.\r\n",
        to=[("Bo", "bo@example.com"), ("cy@example.com", "cy@example.com")],
        attachments={"menu.csv": b"Dish,Price\nSoup,4\n", "a\\b\\logo.bin": b"\0\1", "link": None},
    )
    parsed = parse(data, "lunch.msg", max_chars=MAX)
    assert parsed.text == (
        "# Lunch on Friday\n\n"
        'From: "Ann Lee" <ann@example.com>\nTo: Bo <bo@example.com>, cy@example.com\n'
        "Subject: Lunch on Friday\nDate: 2026-03-02 10:00:00+00:00\n\n"
        "See you at noon.\n\n"
        "## menu.csv\n\nDish | Price\n\nDish: Soup; Price: 4"
    )
    assert parsed.media_type == "message/rfc822"
    assert parsed.metadata["title"] == "Lunch on Friday"
    not_read = parsed.metadata["attachments_not_read"]
    assert not_read.startswith("logo.bin (there is no parser for this file: binary data")
    assert "link (it is a message inside a message, or a link)" in not_read


def test_the_bytes_decide_and_html_is_read_without_a_plain_text() -> None:
    data = msg_bytes("Note", " ", html=b"<p>One <b>bold</b> word</p>")
    assert parse(data, "note", max_chars=MAX).text.endswith("One bold word")


def test_other_compound_files_are_refused() -> None:
    with pytest.raises(UnsupportedFormat, match="old Office"):
        parse(compound_bytes({"WordDocument": b"x"}), "old.doc", max_chars=MAX)
    with pytest.raises(EmptyFile):
        parse(compound_bytes({"__properties_version1.0": b"x"}), "bad.msg", max_chars=MAX)


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8, 0.99])
def test_a_message_that_is_cut_short(share: float) -> None:
    data = msg_bytes("Long", "word " * 2_000, attachments={"a.txt": b"text " * 500})
    with pytest.raises((CorruptFile, UnsupportedFormat)):
        parse(data[: int(len(data) * share)], "cut.msg", max_chars=MAX)
