"""Placeholders such as <PERSON_17>: the same value has the same number in a whole corpus.

The register knows values only as keyed digests, so that a stolen register gives away no names.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
import threading
import unicodedata
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Protocol

from workbench.errors import MaskingError

KEY_BYTES = 32

_HASH_CHARS = 16
_PLACEHOLDER = re.compile(r"<\s*([A-Za-z][A-Za-z_]*(?:_\d+|:[0-9A-Fa-f]+))\s*>")
_TITLES = re.compile(r"^(?:(?:mr|mrs|ms|miss|mx|dr|prof|sir|dame|lord|lady|rev|hon)\.?\s+)+", re.I)
_POSSESSIVE = re.compile(r"['\u2019]s?$")
_MARKS_IGNORED = frozenset(
    {"CREDIT_CARD", "IBAN_CODE", "US_SSN", "US_ITIN", "US_BANK_NUMBER", "UK_NHS", "US_PASSPORT"}
)
_UNSPACED = frozenset({"EMAIL_ADDRESS", "IP_ADDRESS", "US_DRIVER_LICENSE"})


class Placeholders(Protocol):
    """The register of numbers; the store keeps one per workspace."""

    def number(self, entity_type: str, digest: str) -> int:
        """The stable number, from 1, of a value's digest; a new one when it is unseen, and 0 for
        whoever was forgotten."""
        ...

    def numbers(self, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], int]:
        """The numbers of many (entity type, digest) pairs at once, new ones in their order."""
        ...

    def known(self, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], int]:
        """The numbers of those pairs that have one; allocates none."""
        ...

    def add_aliases(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Keep pairs of a short form's digest and a person's."""
        ...

    def standing_for(self, aliases: Iterable[str]) -> dict[str, str]:
        """The persons' digests for those short forms that exactly one person has."""
        ...


Keep = Callable[[Mapping[tuple[str, int], str]], None]
"""Is given values by entity type and number."""


class MemoryPlaceholders:
    """A register that lives as long as its process, for previews and benchmarks."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[str, str], int] = {}
        self._last: dict[str, int] = {}
        self._aliases: dict[str, set[str]] = {}
        self._lock = threading.Lock()

    def number(self, entity_type: str, digest: str) -> int:
        """See ``Placeholders.number``."""
        with self._lock:
            known = self._numbers.get((entity_type, digest))
            if known is None:
                known = self._last.get(entity_type, 0) + 1
                self._last[entity_type] = known
                self._numbers[entity_type, digest] = known
            return known

    def numbers(self, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], int]:
        """See ``Placeholders.numbers``."""
        return {key: self.number(*key) for key in keys}

    def known(self, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], int]:
        """See ``Placeholders.known``."""
        with self._lock:
            return {key: self._numbers[key] for key in keys if key in self._numbers}

    def add_aliases(self, pairs: Iterable[tuple[str, str]]) -> None:
        """See ``Placeholders.add_aliases``."""
        with self._lock:
            for alias, person in pairs:
                self._aliases.setdefault(alias, set()).add(person)

    def standing_for(self, aliases: Iterable[str]) -> dict[str, str]:
        """See ``Placeholders.standing_for``."""
        with self._lock:
            found = {alias: self._aliases.get(alias, set()) for alias in aliases}
            return {alias: next(iter(one)) for alias, one in found.items() if len(one) == 1}


def placeholder(entity_type: str, number: int) -> str:
    """What stands in the masked text."""
    return f"<{entity_type}_{number}>"


def hashed(entity_type: str, digest: str) -> str:
    """What stands in the masked text where values are hashed: the same for the same value."""
    return f"<{entity_type}:{digest[:_HASH_CHARS]}>"


def placeholder_spans(text: str, types: Collection[str]) -> list[tuple[int, int]]:
    """Where placeholders of ``types`` stand in ``text``, exactly as they are written."""
    kinds = "|".join(re.escape(kind) for kind in sorted(types))
    shown = rf"<(?:{kinds})(?:_[1-9][0-9]*|:[0-9a-f]{{{_HASH_CHARS}}})>"
    return [match.span() for match in re.finditer(shown, text)]


def escape(text: str) -> str:
    """Turn literals that look like placeholders into look-alikes of the same length.

    A hostile document could otherwise claim to be about <PERSON_17>.
    """
    return _PLACEHOLDER.sub(lambda m: f"\u2039{m.group()[1:-1]}\u203a", text)


def normalise(entity_type: str, value: str) -> str:
    """One spelling for one value: "Tommy  SMITH", "Smith, Tommy" and "Mr Tommy Smith" agree."""
    folded = unicodedata.normalize("NFKC", value)
    folded = "".join(char for char in folded if unicodedata.category(char) != "Cf")
    folded = " ".join(folded.split()).casefold()
    if entity_type == "PERSON":
        return _person(folded)
    if entity_type == "PHONE_NUMBER":
        digits = "".join(char for char in folded if char.isdigit())
        # Eleven digits from 1: a North American number with its country code.
        return digits[1:] if len(digits) == 11 and digits.startswith("1") else digits
    if entity_type in _MARKS_IGNORED:
        return "".join(char for char in folded if char.isalnum())
    if entity_type in _UNSPACED:
        return folded.replace(" ", "")
    return " ".join(re.sub(r"[^\w@#]+", " ", folded).split()) or folded


def _person(folded: str) -> str:
    name = _POSSESSIVE.sub("", _TITLES.sub("", folded))
    last, comma, first = name.partition(",")
    if comma and first.strip() and "," not in first:
        name = f"{first} {last}"
    name = re.sub(r"[^\w'-]+|_+", " ", name)
    return " ".join(name.split()) or folded


def digest(key: bytes, entity_type: str, value: str) -> str:
    """Keyed SHA-256, in hex, of the type and the normalised value."""
    message = f"{entity_type}\x00{normalise(entity_type, value)}".encode()
    return hmac.new(key, message, hashlib.sha256).hexdigest()


def load_key(path: Path) -> bytes:
    """Read the 32-byte key at ``path``; make one, readable by its owner only, where none is.

    Raises:
        MaskingError: if the file cannot be read or written, or does not hold a key.
    """
    try:
        if not path.exists():
            _create_key(path)
        key = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except (OSError, ValueError) as error:
        raise MaskingError(
            "the masking key cannot be read",
            value=f"{path.name}: {type(error).__name__}",
            next_step="Check the file and its folder's permissions, or restore it from a backup.",
        ) from error
    if len(key) != KEY_BYTES:
        raise MaskingError(
            "the masking key has the wrong length",
            value=f"{len(key)} bytes in {path.name}",
            next_step="Restore the file; a new key would give known people new numbers.",
        )
    return key


def _create_key(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        try:
            # A link, unlike a rename, never replaces the key another process made meanwhile.
            os.link(draft, path)
        except FileExistsError:
            return
    finally:
        draft.unlink(missing_ok=True)
