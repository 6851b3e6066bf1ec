"""Parquet: one line a row, like CSV; the file knows its columns and types."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from workbench.errors import CorruptFile, EncryptedFile, FileTooLarge
from workbench.sources.detect import MAX_UNPACKED_BYTES
from workbench.sources.parsed import PARQUET_TYPE, Parsed
from workbench.sources.records import check_depth, joined, record_line
from workbench.sources.tables import shown

if TYPE_CHECKING:
    from pyarrow.parquet import FileMetaData, ParquetFile

MAX_ROWS = 1_000_000
_BATCH_ROWS = 1_000


def parse_parquet(data: bytes) -> Parsed:
    """The names of the columns, then a line for each row; empty cells are left out.

    Nested values have dotted names. Bytes are read as UTF-8, or else only counted.

    Raises:
        CorruptFile: if it cannot be read.
        EncryptedFile: if a column is encrypted.
        FileTooLarge: if it has over MAX_ROWS, or unpacks to over MAX_UNPACKED_BYTES.
    """
    import pyarrow as pa
    from pyarrow.parquet import ParquetFile

    try:
        file = ParquetFile(pa.BufferReader(data))
        _check_size(file.metadata)
        text = joined(_lines(file))
    except (pa.ArrowException, OSError) as error:
        # The message may quote the document; it is looked at and not passed on.
        if "encrypt" in str(error).lower():
            raise EncryptedFile(
                "the Parquet file is encrypted",
                next_step="Save a copy without encryption and ingest the copy.",
            ) from error
        raise CorruptFile(
            "the Parquet file cannot be read",
            value=type(error).__name__,
            next_step="Copy or download it again, or write it again with its program.",
        ) from error
    return Parsed(media_type=PARQUET_TYPE, parts=(text,))


def _check_size(metadata: FileMetaData) -> None:
    if metadata.num_rows > MAX_ROWS:
        raise FileTooLarge(
            "the Parquet file has too many rows",
            value=f"{metadata.num_rows:,} rows, allowed are {MAX_ROWS:,}",
            next_step="Split it, or ingest only the rows and columns that hold text.",
        )
    unpacked = sum(
        metadata.row_group(number).total_byte_size for number in range(metadata.num_row_groups)
    )
    if unpacked > MAX_UNPACKED_BYTES:
        raise FileTooLarge(
            "the file unpacks to more than is allowed",
            value=f"{unpacked:,} bytes",
            next_step="Split it, or ingest only the rows and columns that hold text.",
        )


def _lines(file: ParquetFile) -> Iterator[str]:
    names = file.schema_arrow.names
    yield " | ".join(" ".join(name.split()) for name in names)
    for batch in file.iter_batches(batch_size=_BATCH_ROWS, use_threads=False):
        columns = [column.to_pylist() for column in batch.columns]
        for cells in zip(*columns, strict=True):
            row = tuple(zip(names, map(_plain, cells), strict=True))
            check_depth(row)
            yield record_line(row)


def _plain(cell: object) -> object:
    """Objects as pairs and lists as lists, as ``records`` has them; all else as text."""
    if isinstance(cell, dict):
        return tuple((name, _plain(value)) for name, value in cell.items())
    if isinstance(cell, list):
        if cell and all(isinstance(item, tuple) for item in cell):  # the pairs of a map
            return tuple((shown(key), _plain(value)) for key, value in cell)
        return [_plain(item) for item in cell]
    if isinstance(cell, bytes):
        return _bytes_shown(cell)
    return None if cell is None else shown(cell)


def _bytes_shown(cell: bytes) -> str:
    try:
        return cell.decode("utf-8")
    except UnicodeDecodeError:
        return f"({len(cell):,} bytes)"
