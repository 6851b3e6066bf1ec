from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import BytesIO
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from workbench.errors import CorruptFile, FileTooLarge, SourceError
from workbench.sources import parquet as module
from workbench.sources.files import FileSource
from workbench.sources.parquet import parse_parquet
from workbench.sources.parsing import parse

Write = Callable[[str, bytes | str], Path]


def parquet_bytes(columns: dict[str, object], **options: object) -> bytes:
    buffer = BytesIO()
    pq.write_table(pa.table(columns), buffer, **options)
    return buffer.getvalue()


SMALL = parquet_bytes({"Team": ["Blues", "Flyers"], "Cups": [1, None]})


def test_rows_read_like_those_of_a_csv_file() -> None:
    parsed = parse_parquet(SMALL)
    assert parsed.parts == ("Team | Cups\nTeam: Blues; Cups: 1\nTeam: Flyers",)
    assert parsed.media_type == "application/vnd.apache.parquet"


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (1.1, "1.1"),
        (pa.scalar(1.1, pa.float32()), "1.10000002384186"),
        (12345678901234567, "12345678901234567"),
        (True, "TRUE"),
        (Decimal("1.10"), "1.10"),
        (date(2024, 5, 1), "2024-05-01"),
        (datetime(2024, 5, 1), "2024-05-01"),
        (datetime(2024, 5, 1, 12, 30, tzinfo=UTC), "2024-05-01 12:30:00+00:00"),
        (pa.scalar(1714566600000000001, pa.timestamp("ns")), "2024-05-01 12:30:00.000000001"),
        (timedelta(hours=2), "2:00:00"),
        ("two\nlines", "two lines"),
        (b"words", "words"),
        (b"\xff\xfe\x00", "(3 bytes)"),
    ],
)
def test_typed_cells(cell: object, text: str) -> None:
    array = pa.array([cell.as_py()], cell.type) if isinstance(cell, pa.Scalar) else pa.array([cell])
    assert parse_parquet(parquet_bytes({"c": array})).parts == (f"c\nc: {text}",)


def test_nested_cells_are_dotted() -> None:
    columns = {
        "who": pa.array([{"name": "Ann", "tags": ["a", "b"]}]),
        "of": pa.array([[("k", 1), ("l", 2)]], pa.map_(pa.string(), pa.int64())),
        "items": pa.array([[{"sku": "A"}, {"sku": "B"}]]),
    }
    assert parse_parquet(parquet_bytes(columns)).parts[0].split("\n")[1] == (
        "who.name: Ann; who.tags: a, b; of.k: 1; of.l: 2; items.1.sku: A; items.2.sku: B"
    )


def test_all_rows_of_all_groups_are_read() -> None:
    data = parquet_bytes({"n": list(range(5_000))}, row_group_size=700)
    lines = parse_parquet(data).parts[0].split("\n")
    assert lines == ["n", *(f"n: {n}" for n in range(5_000))]


def test_too_many_rows_are_refused_before_they_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_ROWS", 10)
    with pytest.raises(FileTooLarge, match="11 rows, allowed are 10"):
        parse_parquet(parquet_bytes({"n": list(range(11))}))


def test_a_file_that_unpacks_to_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_UNPACKED_BYTES", 1_000_000)
    cells = [f"{n:06}" + "x" * 50_000 for n in range(30)]
    data = parquet_bytes({"c": cells}, compression="zstd", use_dictionary=False)
    assert len(data) < 50_000
    with pytest.raises(FileTooLarge, match="unpacks to more"):
        parse(data, "bomb.parquet", max_chars=1000)


def test_few_bytes_that_stand_for_much_text_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workbench.sources.records.MAX_RECORDS_CHARS", 1_000_000)
    data = parquet_bytes({"c": ["x" * 10_000] * 200})  # stored once, in a dictionary
    assert len(data) < 50_000
    with pytest.raises(FileTooLarge, match="too much text"):
        parse(data, "a.parquet", max_chars=10_000_000)


@pytest.mark.parametrize("data", [SMALL[:-20], SMALL[: len(SMALL) // 2], b"PAR1" + bytes(100)])
def test_damaged_files(data: bytes) -> None:
    with pytest.raises(CorruptFile, match="Parquet file cannot be read"):
        parse(data, "a.parquet", max_chars=1000)


def test_a_changed_byte_ends_in_text_or_a_source_error() -> None:
    refused = 0
    for place in range(4, len(SMALL), 9):
        data = SMALL[:place] + bytes([SMALL[place] ^ 0xFF]) + SMALL[place + 1 :]
        try:
            parse(data, "a.parquet", max_chars=10_000)
        except SourceError:
            refused += 1
    assert refused > 5


def test_the_limited_process_reads_it(source: FileSource, write: Write) -> None:
    document = source.read(write("a.parquet", SMALL), label="x")
    assert document.text == "Team | Cups\nTeam: Blues; Cups: 1\nTeam: Flyers"
