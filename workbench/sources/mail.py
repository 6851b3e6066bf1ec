"""Mails: header lines, the text a reader sees, and the attachments that have a parser.

A mail holds other files, so its parser is given the way to parse them.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from pathlib import PurePath, PurePosixPath
from typing import Any, TypeAlias

from workbench.errors import CorruptFile, EncryptedFile, FileTooLarge, SourceError
from workbench.sources.detect import Kind, detect
from workbench.sources.html import html_to_markdown
from workbench.sources.parsed import ROW_TYPES, Parsed
from workbench.sources.text import decode

AnyMessage: TypeAlias = "Message[Any, Any]"
ParseAttachment = Callable[[bytes, str], Parsed]

MAX_ATTACHMENTS = 200
MAX_DEPTH = 10
_SHOWN_HEADERS = ("From", "To", "Cc", "Subject", "Date")
_OTHER_HEADERS = ("Sender", "Bcc", "Reply-To", "Message-ID", "Received", "Return-Path")
_MAX_HEADER_CHARS = 100_000
_MAX_NAME_CHARS = 200
_BODY_TYPES = frozenset(("text/plain", "text/html"))
_SIGNATURES = frozenset(
    ("application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature")
)
_SEALED_TYPES = ("application/pkcs7-mime", "application/x-pkcs7-mime")
_PGP_MARK = "-----BEGIN PGP MESSAGE-----"
# Text in these is valid UTF-8 by accident, so what the mail declares has to come first.
_DECLARED_FIRST = ("iso-2022", "utf-7", "hz", "utf-16", "utf-32")
_ENDINGS = {
    "text/html": ".html",
    "text/csv": ".csv",
    "text/markdown": ".md",
    "application/json": ".json",
}
_HEADING = re.compile(r"^(#{1,4})(?=[ \t]+\S)", re.MULTILINE)


@dataclass(slots=True)
class Reading:
    """What was found so far in the mail and the mails inside it."""

    parse_attachment: ParseAttachment
    attachments: int = 0
    not_read: list[str] = field(default_factory=list)


def parse_mail(data: bytes, *, parse_attachment: ParseAttachment) -> Parsed:
    """A mail as markdown: subject, header lines, text, then a heading for each attachment.

    Attachments that cannot be read are named in the metadata, with the reason.

    Raises:
        CorruptFile: if the file has no headers of a mail.
        EncryptedFile: if the text is encrypted.
        FileTooLarge: if there are over MAX_ATTACHMENTS, or mails nested deeper than MAX_DEPTH.
    """
    reading = Reading(parse_attachment)
    if not data.strip():
        return Parsed(media_type="message/rfc822", parts=("",))
    message = _message(data)
    headers = _headers(message)
    if not headers and not any(name in message for name in _OTHER_HEADERS):
        raise CorruptFile(
            "the file has no headers of a mail",
            next_step="Export it from the mail program again, or give it its real ending.",
        )
    metadata = {name.lower(): value for name, value in headers.items()}
    if "subject" in metadata:
        metadata["title"] = metadata.pop("subject")
    text = _mail(message, reading, depth=0)
    if reading.not_read:
        metadata["attachments_not_read"] = "; ".join(reading.not_read)
    return Parsed(media_type="message/rfc822", parts=(text,), metadata=metadata)


def _message(data: bytes) -> AnyMessage:
    # Before the first header, some programs write a byte order mark or a blank line.
    return message_from_bytes(data.removeprefix(BOM_UTF8).lstrip(), policy=policy.default)


def _mail(message: AnyMessage, reading: Reading, *, depth: int) -> str:
    if depth > MAX_DEPTH:
        raise FileTooLarge(
            f"mails are attached to mails more than {MAX_DEPTH} deep",
            next_step="Save the inner mails as files of their own.",
        )
    headers = _headers(message)
    subject = headers.get("Subject")
    bodies, attached = [], []
    for part in _leaves(message):
        if _is_body(part):
            bodies.append(_body(part))
        elif part.get_content_type() not in _SIGNATURES:
            attached.append(part)
    texts = [
        f"# {subject}" if subject else "",
        "\n".join(f"{name}: {value}" for name, value in headers.items()),
        *bodies,
        *(_attachment(part, reading, depth=depth) for part in attached),
    ]
    return "\n\n".join(text for text in texts if text)


def _leaves(part: AnyMessage, *, plain: bool = False) -> Iterator[AnyMessage]:
    """The parts that hold something; of alternatives the plain text, where it is not blank."""
    kind = part.get_content_type()
    sealed = kind in _SEALED_TYPES and part.get_param("smime-type") != "signed-data"
    if kind == "multipart/encrypted" or sealed:
        raise _encrypted()
    children = _children(part)
    if part.get_content_maintype() == "multipart" and children:
        plain = plain or (kind == "multipart/alternative" and any(map(_is_plain, children)))
        for child in children:
            yield from _leaves(child, plain=plain)
    elif not (plain and kind == "text/html" and _is_body(part)):
        yield part


def _children(part: AnyMessage) -> list[AnyMessage]:
    inside = part.get_payload()
    return [child for child in inside if isinstance(child, Message)]


def _is_plain(part: AnyMessage) -> bool:
    return any(
        leaf.get_content_type() == "text/plain" and _is_body(leaf) and _bytes(leaf).strip()
        for leaf in part.walk()
    )


def _is_body(part: AnyMessage) -> bool:
    if part.get_content_maintype() == "multipart":  # declared so, but it has no parts
        return True
    named = part.get_content_disposition() == "attachment" or part.get_filename()
    return part.get_content_type() in _BODY_TYPES and not named


def _body(part: AnyMessage) -> str:
    text = _decoded(_bytes(part), part.get_content_charset())
    if text.lstrip().startswith(_PGP_MARK):
        raise _encrypted()
    return html_to_markdown(text) if part.get_content_subtype() == "html" else text


def _attachment(part: AnyMessage, reading: Reading, *, depth: int) -> str:
    name = _name(part)
    return attachment_block(name, reading, lambda: _attached_text(part, name, reading, depth=depth))


def attachment_block(name: str, reading: Reading, read: Callable[[], str]) -> str:
    """An attachment's text below its name; one that cannot be read is noted instead.

    Raises:
        FileTooLarge: if there are over MAX_ATTACHMENTS.
    """
    reading.attachments += 1
    if reading.attachments > MAX_ATTACHMENTS:
        raise FileTooLarge(
            f"the mail has more than {MAX_ATTACHMENTS} attachments",
            next_step="Save the attachments as files and ingest those.",
        )
    try:
        text = read()
    except SourceError as error:
        reason = error.what if error.value is None else f"{error.what}: {error.value}"
        reading.not_read.append(f"{name} ({reason})")
        return ""
    return f"## {name}\n\n" + _HEADING.sub(r"\1##", text)


def _attached_text(part: AnyMessage, name: str, reading: Reading, *, depth: int) -> str:
    inner = _children(part)
    if part.get_content_type() == "message/rfc822" and inner:
        return _mail(inner[0], reading, depth=depth + 1)
    return attached_file(_bytes(part), name, part.get_content_type(), reading, depth=depth)


def attached_file(data: bytes, name: str, media_type: str, reading: Reading, *, depth: int) -> str:
    """The text of an attached file; a mail is read like the one that holds it."""
    if not PurePath(name).suffix:
        name += _ENDINGS.get(media_type, "")
    if detect(data, name) is Kind.MAIL:
        return _mail(_message(data), reading, depth=depth + 1)
    parsed = reading.parse_attachment(data, name)
    text = "\n\n".join(parsed.parts)
    # In a mail rows stand between paragraphs; blank lines keep each a unit of its own.
    return text.replace("\n", "\n\n") if parsed.media_type in ROW_TYPES else text


def _name(part: AnyMessage) -> str:
    return attachment_name(part.get_filename() or part.get("Content-Description", ""))


def attachment_name(raw: object) -> str:
    """The last part of a name as a mail gives it, on one line."""
    raw = raw or "attachment"
    return PurePosixPath(_header_text(str(raw)).replace("\\", "/")).name[:_MAX_NAME_CHARS]


def _bytes(part: AnyMessage) -> bytes:
    data = part.get_payload(decode=True)
    return data if isinstance(data, bytes) else b""


def _headers(message: AnyMessage) -> dict[str, str]:
    """The headers that are shown, decoded, in their usual order; blank ones are left out."""
    found: dict[str, str] = {}
    for name, raw in message.raw_items():
        title = name.title()
        if title in _SHOWN_HEADERS and len(found.get(title, "")) < _MAX_HEADER_CHARS:
            found[title] = ", ".join(filter(None, (found.get(title), _header_text(str(raw)))))
    return {title: found[title] for title in _SHOWN_HEADERS if found.get(title)}


def _header_text(raw: str) -> str:
    """A header on one line, its encoded words (RFC 2047) and plain 8-bit characters decoded.

    Not the library's structured headers: some malformed addresses make them raise, and long ones
    take quadratic time.
    """
    plain = decode(raw.encode("utf-8", errors="surrogateescape"))
    try:
        pieces = decode_header(plain)
    except HeaderParseError:
        return " ".join(plain.split())
    text = "".join(
        _decoded(piece, charset) if isinstance(piece, bytes) else piece for piece, charset in pieces
    )
    return " ".join(text.split())


def _decoded(data: bytes, charset: str | None) -> str:
    if charset and charset.lower().startswith(_DECLARED_FIRST):
        try:
            return data.decode(charset)
        except (UnicodeDecodeError, LookupError):
            return decode(data)
    return decode(data, declared=charset)


def _encrypted() -> EncryptedFile:
    return EncryptedFile(
        "the mail is encrypted",
        next_step="Save it decrypted from the mail program and ingest the copy.",
    )
