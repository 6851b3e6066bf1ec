from __future__ import annotations

from pathlib import Path

from workbench.config import LimitsConfig
from workbench.sources.files import FileSource
from workbench.sources.items import Listing


def test_a_listing_tells_what_is_gone_from_what_is_not_known() -> None:
    listing = Listing([], covered=("file:///a/",), unread=("file:///a/locked/",))
    assert listing.covers("file:///a/note.txt")
    assert not listing.covers("file:///ab/note.txt")
    assert not listing.covers("file:///a/locked/note.txt")
    assert not Listing([]).covers("file:///a/note.txt")
    assert listing.covers(
        "file:///x", lambda uri, start: (uri, start) == ("file:///x", "file:///a/")
    )


def test_files_are_items(tmp_path: Path) -> None:
    (tmp_path / "b.txt").write_text("Two words", encoding="utf-8")
    (tmp_path / "a.md").write_text("One", encoding="utf-8")
    source = FileSource(LimitsConfig())
    listing = source.listing([tmp_path, tmp_path / "b.txt"])
    assert [(item.name, item.size_bytes) for item in listing.items] == [("a.md", 3), ("b.txt", 9)]
    assert listing.covered == (f"{tmp_path.resolve().as_uri()}/",)
    read = listing.items[1].read("hr")
    assert (read.uri, read.label, read.text) == (listing.items[1].uri, "hr", "Two words")
    before = listing.items[1].fingerprint()
    (tmp_path / "b.txt").write_text("Two other words", encoding="utf-8")
    assert listing.items[1].fingerprint() != before
    source.close()
