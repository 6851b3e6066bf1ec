"""Outlook messages (MSG), in the same shape as other mails."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from workbench.errors import CorruptFile
from workbench.sources.html import html_to_markdown
from workbench.sources.mail import (
    ParseAttachment,
    Reading,
    attached_file,
    attachment_block,
    attachment_name,
)
from workbench.sources.parsed import Parsed

if TYPE_CHECKING:
    from oxmsg import Message

_MAX_RECIPIENTS = 2_000


def parse_msg(data: bytes, *, parse_attachment: ParseAttachment) -> Parsed:
    """A message as markdown: subject, header lines, text, then a heading for each attachment.

    Text that is kept as compressed RTF alone is not read. Attachments that cannot be read,
    messages inside messages among them, are named in the metadata.

    Raises:
        CorruptFile: if it is no message. Its library raises what OLE files raise;
            ``parsing.parse`` translates that.
    """
    from oxmsg import Message

    try:
        message = Message.load(data)
    except (OSError, ValueError) as error:
        raise CorruptFile(
            "the Outlook file is no message that can be read",
            value=type(error).__name__,
            next_step="Save it from Outlook again, as MSG or EML.",
        ) from error
    headers = dict(_headers(message))
    reading = Reading(parse_attachment)
    texts = [
        f"# {headers['Subject']}" if "Subject" in headers else "",
        "\n".join(f"{name}: {value}" for name, value in headers.items()),
        _body(message),
        *_attachments(message, reading),
    ]
    metadata = {name.lower(): value for name, value in headers.items()}
    if "subject" in metadata:
        metadata["title"] = metadata.pop("subject")
    if reading.not_read:
        metadata["attachments_not_read"] = "; ".join(reading.not_read)
    return Parsed(
        media_type="message/rfc822",
        parts=("\n\n".join(text for text in texts if text),),
        metadata=metadata,
    )


def _headers(message: Message) -> Iterator[tuple[str, str]]:
    recipients = message.recipients[:_MAX_RECIPIENTS]
    shown = [_address(person.name, person.email_address) for person in recipients]
    sent = message.sent_date
    found = {
        "From": message.sender or "",
        "To": ", ".join(filter(None, shown)),
        "Subject": message.subject,
        "Date": sent.isoformat(" ") if sent else "",
    }
    for name, value in found.items():
        if line := " ".join(value.split()):
            yield name, line


def _address(name: str, address: str) -> str:
    if not name or name == address:
        return address
    return f"{name} <{address}>" if address else name


def _body(message: Message) -> str:
    plain = message.body or ""
    return plain if plain.strip() else html_to_markdown(message.html_body or "")


def _attachments(message: Message, reading: Reading) -> Iterator[str]:
    for attachment in message.attachments:
        name = attachment_name(attachment.file_name)
        data = attachment.file_bytes
        if data is None:
            reading.not_read.append(f"{name} (it is a message inside a message, or a link)")
            continue
        media_type = attachment.mime_type or ""

        def read(data: bytes = data, name: str = name, media_type: str = media_type) -> str:
            return attached_file(data, name, media_type, reading, depth=0)

        yield attachment_block(name, reading, read)
