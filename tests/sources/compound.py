"""Builders of OLE compound files: an Outlook message, and Office files behind a password."""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping, Sequence

_SECTOR, _MINI, _CUTOFF = 512, 64, 4096
_FREE, _END, _FAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
_TEXT, _BINARY, _TIME = 0x001F, 0x0102, 0x0040

Tree = Mapping[str, "bytes | Tree"]


class _Compound:
    """Streams and storages as they are laid out, the small streams in the mini stream."""

    def __init__(self) -> None:
        self.entries: list[list[object]] = []
        self.body, self.mini = bytearray(), bytearray()
        self.chains: list[tuple[int, int]] = []
        self.mini_chains: list[tuple[int, int]] = []

    def add(self, name: str, content: bytes | Tree, kind: int) -> int:
        number = len(self.entries)
        self.entries.append([name, kind, _FREE, _FREE, _END, 0])
        if isinstance(content, bytes):
            if content:
                self.entries[number][4:] = [self._place(content), len(content)]
            return number
        before = None
        for child, inside in content.items():
            added = self.add(child, inside, 2 if isinstance(inside, bytes) else 1)
            if before is None:
                self.entries[number][3] = added
            else:
                self.entries[before][2] = added  # a chain is a tree as well
            before = added
        return number

    def _place(self, content: bytes) -> int:
        if len(content) >= _CUTOFF:
            return self.sectors(content)
        start, count = len(self.mini) // _MINI, -(-len(content) // _MINI)
        self.mini.extend(content.ljust(count * _MINI, b"\0"))
        self.mini_chains.append((start, count))
        return start

    def sectors(self, content: bytes) -> int:
        start = len(self.body) // _SECTOR
        self.body.extend(content + bytes(-len(content) % _SECTOR))
        self.chains.append((start, len(self.body) // _SECTOR - start))
        return start


def compound_bytes(tree: Tree) -> bytes:
    """An OLE compound file of streams and storages."""
    file = _Compound()
    file.add("Root Entry", tree, 5)
    mini_start, mini_count = _END, 0
    if file.mini:
        file.entries[0][4:] = [file.sectors(bytes(file.mini)), len(file.mini)]
        mini_table = _table(file.mini_chains, len(file.mini) // _MINI)
        mini_start, mini_count = file.sectors(mini_table), len(mini_table) // _SECTOR
    directory_start = file.sectors(
        b"".join(
            _entry(str(name), int(str(kind)), int(str(right)), int(str(child)), int(str(at)), size)
            for name, kind, right, child, at, size in file.entries
        )
    )
    sectors = len(file.body) // _SECTOR
    fats = -(-(sectors + 1) // (_SECTOR // 4 - 1))
    table = bytearray(_table(file.chains, sectors + fats))
    for number in range(fats):
        struct.pack_into("<I", table, 4 * (sectors + number), _FAT)
    header = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(16)
    header += struct.pack("<HHHHH6x", 0x3E, 3, 0xFFFE, 9, 6)
    header += struct.pack("<IIII", 0, fats, directory_start, 0)
    header += struct.pack("<IIIII", _CUTOFF, mini_start, mini_count, _END, 0)
    difat = [sectors + number for number in range(fats)]
    header += struct.pack("<109I", *difat, *[_FREE] * (109 - fats))
    return header + bytes(file.body) + bytes(table)


def _table(chains: Sequence[tuple[int, int]], count: int) -> bytes:
    """Which sector follows which, in whole sectors."""
    entries = [_FREE] * (-(-count // (_SECTOR // 4)) * (_SECTOR // 4))
    for start, length in chains:
        for sector in range(start, start + length):
            entries[sector] = sector + 1 if sector + 1 < start + length else _END
    return struct.pack(f"<{len(entries)}I", *entries)


def _entry(name: str, kind: int, right: int, child: int, start: int, size: object) -> bytes:
    raw = name.encode("utf-16-le") + b"\0\0"
    head = raw.ljust(64, b"\0") + struct.pack("<HBBIII", len(raw), kind, 1, _FREE, right, child)
    return head + bytes(36) + struct.pack("<IQ", start, int(str(size)))


def _properties(values: Mapping[int, str | bytes | int], head: int) -> dict[str, bytes]:
    """The property stream of a storage, after ``head`` bytes, and its variable-length streams."""
    table, streams = bytearray(head), {}
    for number, value in values.items():
        if isinstance(value, int):
            table += struct.pack("<HHIQ", _TIME, number, 6, value)
            continue
        kind = _TEXT if isinstance(value, str) else _BINARY
        raw = value.encode("utf-16-le") if isinstance(value, str) else value
        streams[f"__substg1.0_{number:04X}{kind:04X}"] = raw
        table += struct.pack("<HHIII", kind, number, 6, len(raw), 0)
    return {"__properties_version1.0": bytes(table), **streams}


def msg_bytes(
    subject: str,
    body: str,
    *,
    to: Sequence[tuple[str, str]] = (),
    attachments: Mapping[str, bytes | None] | None = None,
    html: bytes | None = None,
) -> bytes:
    """An Outlook message from Ann Lee, sent on 2 March 2026; None is an attached link."""
    sent = (1772445600 + 11644473600) * 10_000_000
    fields: dict[int, str | bytes | int] = {
        0x001A: "IPM.Note",
        0x0037: subject,
        0x0C1A: "Ann Lee",
        0x0C1F: "ann@example.com",
        0x0039: sent,
        0x1000: body,
    }
    if html is not None:
        fields[0x1013] = html
    tree: dict[str, bytes | Tree] = dict(_properties(fields, 32))
    for number, (name, address) in enumerate(to):
        inside = _properties({0x3001: name, 0x3003: address}, 8)
        tree[f"__recip_version1.0_#{number:08X}"] = inside
    for number, (name, data) in enumerate((attachments or {}).items()):
        values: dict[int, str | bytes | int] = {0x3707: name}
        if data is not None:
            values[0x3701] = data
        tree[f"__attach_version1.0_#{number:08X}"] = _properties(values, 8)
    return compound_bytes(tree)


def locked_office(data: bytes, password: str) -> bytes:
    """An Office file, encrypted as Office does it."""
    from msoffcrypto.format.ooxml import OOXMLFile

    sealed = io.BytesIO()
    OOXMLFile(io.BytesIO(data)).encrypt(password, sealed)
    return sealed.getvalue()
