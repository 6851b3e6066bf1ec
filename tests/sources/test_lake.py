from __future__ import annotations

from pathlib import Path

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.sources.places import access
from workbench.config import LimitsConfig
from workbench.errors import EmptyFile, FileTooLarge, SourceError, UsageError
from workbench.sources.lake import LakeFiles


@pytest.fixture
def lake(tmp_path: Path) -> str:
    for year in ("2025", "2026"):
        folder = tmp_path / "lake" / f"year={year}"
        folder.mkdir(parents=True)
        table = pa.table({"city": ["Riga", "Oslo"], "people": [605_000, 709_000]})
        pq.write_table(table, folder / "part-0.parquet")
        (folder / "part-1.csv").write_text("city,people\nBern,134000\n", encoding="utf-8")
    return (tmp_path / "lake").as_uri()


def test_files_of_a_lake_are_documents(lake: str) -> None:
    listing = LakeFiles(f"{lake}/**/*.parquet").listing(access())
    assert [item.name for item in listing.items] == ["part-0.parquet"] * 2
    first = listing.items[0].read("geo")
    assert first.uri == f"{lake}/year=2025/part-0.parquet"
    assert (first.name, first.label) == ("part-0.parquet", "geo")
    assert "city: Riga; people: 605000" in first.text
    assert listing.covers(f"{lake}/year=2024/part-0.parquet")
    csv = LakeFiles(f"{lake}/year=2026/*.csv").listing(access()).items
    assert [item.read("x").text for item in csv] == ["city | people\ncity: Bern; people: 134000"]


def test_a_change_changes_the_fingerprint(lake: str, tmp_path: Path) -> None:
    def prints() -> list[str]:
        return [i.fingerprint() for i in LakeFiles(f"{lake}/*/*.csv").listing(access()).items]

    before = prints()
    path = tmp_path / "lake" / "year=2026" / "part-1.csv"
    path.write_text("city,people\nBern,134001\n", encoding="utf-8")
    after = prints()
    assert before[0] == after[0]
    assert before[1] != after[1]


def test_other_file_systems() -> None:
    memory = fsspec.filesystem("memory")
    memory.pipe({"/box/a.txt": b"One note", "/box/b.txt": b"", "/box/sub/c.txt": b"Other note"})
    listing = LakeFiles("memory://box/*.txt").listing(access())
    assert [item.uri for item in listing.items] == ["memory:///box/a.txt", "memory:///box/b.txt"]
    assert listing.items[0].read("x").text == "One note"
    with pytest.raises(EmptyFile):
        listing.items[1].read("x")
    memory.rm("/box/a.txt")
    with pytest.raises(SourceError, match=r"cannot be fetched: a\.txt: FileNotFoundError"):
        listing.items[0].read("x")


def test_there_is_a_limit_of_size_whatever_the_listing_says() -> None:
    memory = fsspec.filesystem("memory")
    memory.pipe("/big/a.txt", b"words " * 1_000)
    item = LakeFiles("memory://big/a.txt").listing(access(LimitsConfig(max_file_bytes=100)))
    with pytest.raises(FileTooLarge, match="larger than 100 bytes"):
        item.items[0].read("x")


@pytest.mark.parametrize(
    "pattern", ["nosuch://x/*", "https://user:secret-word@host/x.csv", "s3://k:secret-word@b/x"]
)
def test_an_address_that_cannot_be_used(pattern: str) -> None:
    with pytest.raises(UsageError) as caught:
        LakeFiles(pattern).listing(access())
    assert "secret-word" not in str(caught.value)


def test_options_are_not_shown() -> None:
    assert "secret" not in repr(LakeFiles("memory://x", {"key": "secret"}))
