"""Files behind any fsspec address, such as a lake of Parquet and CSV parts, as items.

A file is fetched only when it is read, into a temporary file, and parsed in the limited process
like any other.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from workbench.config import LimitsConfig
from workbench.errors import EmptyFile, SourceError, UsageError
from workbench.sources.child import too_large
from workbench.sources.items import Access, Item, Listing, ReadAs
from workbench.sources.names import shown_text
from workbench.sources.parsing import PARSER_VERSION
from workbench.values import Document

MAX_FILES = 100_000
_FETCHED_BYTES = 1024 * 1024
# Where a change shows without reading the file, in the words of the different file systems.
_CHANGE_FIELDS = (
    "ETag",
    "etag",
    "md5Hash",
    "content_md5",
    "mtime",
    "LastModified",
    "last_modified",
)


@dataclass(frozen=True, slots=True)
class LakeFiles:
    """Files that match a pattern behind any fsspec address, each a document.

    Args:
        pattern: such as ``s3://bucket/year=2026/*.parquet``, ``file:///data/**/*.csv``.
        options: what the file system needs, such as keys; they are never stored or shown.
    """

    pattern: str
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def listing(self, access: Access) -> Listing:
        """The files that match now, as items; what stands before the first wildcard is covered.

        Raises:
            UsageError: if the address cannot be used.
            SourceError: if the place cannot be listed, or holds over MAX_FILES matches.
        """
        import fsspec

        if "@" in self.pattern.partition("://")[2].partition("/")[0]:
            raise UsageError(
                "an address must hold no user and no password",
                next_step="Give them as options of the file system.",
            )
        try:
            system, path = fsspec.url_to_fs(self.pattern, **self.options)
        except (ValueError, TypeError, ImportError) as error:
            raise UsageError(
                "this address cannot be used",
                value=f"{self.pattern.partition('://')[0]}: {type(error).__name__}",
                next_step="Check it and its options, and install the package of its file system.",
            ) from None
        found = _matches(system, path)
        start = _fixed_part(system, path)
        items = [_item(system, name, info, access) for name, info in sorted(found.items())]
        return Listing(items, covered=(start,))


def _matches(system: Any, path: str) -> dict[str, dict[str, Any]]:
    try:
        found = system.glob(path, detail=True)
    except Exception as error:  # noqa: BLE001
        # File systems raise what their clients raise, and its words may hold keys.
        raise SourceError(
            "the files cannot be listed",
            value=type(error).__name__,
            next_step="Check the address, its options and the connection.",
        ) from None
    files = {name: info for name, info in found.items() if info.get("type") == "file"}
    if len(files) > MAX_FILES:
        raise SourceError(
            f"over {MAX_FILES:,} files match",
            value=f"{len(files):,}",
            next_step="Narrow the pattern, and ingest the parts one by one.",
        )
    return files


def _fixed_part(system: Any, path: str) -> str:
    """The beginning of every uri that the pattern could match: up to its first wildcard."""
    cut = min((path.find(sign) for sign in "*?[" if sign in path), default=len(path))
    return _uri(system, path[:cut])


def _uri(system: Any, path: str) -> str:
    protocol = system.protocol if isinstance(system.protocol, str) else system.protocol[0]
    return f"{protocol}://{path}"


def _item(system: Any, path: str, info: dict[str, Any], access: Access) -> Item:
    uri = _uri(system, path)
    size_bytes = int(info.get("size") or 0)
    name = shown_text(PurePosixPath(path).name)
    fetched = _Fetched(system, path, size_bytes, access.limits, access.read_as)
    return Item(
        uri=uri,
        name=name,
        size_bytes=size_bytes,
        fingerprint=partial(_fingerprint, info),
        read=lambda label: fetched.document(uri, name, label),
    )


def _fingerprint(info: dict[str, Any]) -> str:
    # Never the content: reading it may cost as much as the ingest. Without any such field a file
    # of the same size passes for unchanged.
    told = [f"{name}={info[name]}" for name in _CHANGE_FIELDS if info.get(name)]
    described = "\n".join([PARSER_VERSION, str(info.get("size")), *told])
    return hashlib.sha256(described.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class _Fetched:
    system: Any
    path: str
    size_bytes: int
    limits: LimitsConfig
    read_as: ReadAs

    def document(self, uri: str, name: str, label: str) -> Document:
        if self.size_bytes == 0:
            raise EmptyFile("the file is empty", value=name, next_step="Check that it is complete.")
        with tempfile.TemporaryDirectory(prefix="workbench-") as folder:
            # Only the ending is kept of the name: the rest is the stranger's.
            local = Path(folder, "file" + PurePosixPath(name).suffix[:10])
            self._fetch(local, name)
            return self.read_as(local, uri, name, label)

    def _fetch(self, local: Path, name: str) -> None:
        fetched = 0
        try:
            with self.system.open(self.path, "rb") as remote, local.open("wb") as file:
                while piece := remote.read(_FETCHED_BYTES):
                    fetched += len(piece)
                    if fetched > self.limits.max_file_bytes:
                        raise too_large(name, self.limits.max_file_bytes)
                    file.write(piece)
        except SourceError:
            raise
        except Exception as error:  # noqa: BLE001
            raise SourceError(
                "the file cannot be fetched",
                value=f"{name}: {type(error).__name__}",
                next_step="Check that it is still there and that you may read it.",
            ) from None
