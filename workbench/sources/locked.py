"""Files behind a password: opened where it was given, refused with the next step where not."""

from __future__ import annotations

import io

from workbench.errors import EncryptedFile

OLE_MARK = bytes.fromhex("d0cf11e0a1b11ae1")
_PACKAGE = "EncryptedPackage".encode("utf-16-le")


def is_locked_office(data: bytes) -> bool:
    """Whether this is a DOCX, XLSX or PPTX that Office encrypted (ECMA-376)."""
    return data.startswith(OLE_MARK) and _PACKAGE in data


def unlocked(data: bytes, password: str | None) -> bytes:
    """The archive inside an encrypted Office file; any other data as it is.

    Raises:
        EncryptedFile: if the password is missing or does not open it.
    """
    if not is_locked_office(data):
        return data
    if password is None:
        raise locked("file", None)
    from msoffcrypto import OfficeFile
    from msoffcrypto.exceptions import DecryptionError, InvalidKeyError

    opened = io.BytesIO()
    try:
        file = OfficeFile(io.BytesIO(data))
        file.load_key(password=password, verify_password=True)
        file.decrypt(opened)
    except (InvalidKeyError, DecryptionError):
        raise locked("file", password) from None
    return opened.getvalue()


def locked(what: str, password: str | None) -> EncryptedFile:
    """The error for a file that needs a password, or another one."""
    if password is None:
        return EncryptedFile(
            f"the {what} is protected by a password",
            next_step="Give it as the ingest's password, or save a copy without it.",
        )
    return EncryptedFile(
        f"the password that was given does not open the {what}",
        next_step="Give the right one, for this file alone where others have another.",
    )
