from __future__ import annotations

import time
from base64 import b64encode
from email.message import EmailMessage

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sources.builders import docx_bytes, paragraph, pdf_bytes
from workbench.chunking import chunk
from workbench.config import ChunkingConfig
from workbench.errors import CorruptFile, EmptyFile, EncryptedFile, FileTooLarge, SourceError
from workbench.sources import mail as module
from workbench.sources.parsing import ParsedText, parse
from workbench.values import MaskedDocument

HEADERS = b"From: Ann <ann@example.org>\nTo: b@example.org\nSubject: Plan\n"
TOP = "# Plan\n\nFrom: Ann <ann@example.org>\nTo: b@example.org\nSubject: Plan"


def read(data: bytes) -> ParsedText:
    return parse(data, "a.eml", max_chars=1_000_000)


def body(data: bytes) -> str:
    text = read(HEADERS + data).text
    assert text.startswith(TOP)
    return text[len(TOP) :].strip()


def mail(text: str = "Hello", *, subject: str = "Plan") -> EmailMessage:
    message = EmailMessage()
    message["From"] = "Ann <ann@example.org>"
    message["To"] = "b@example.org"
    message["Subject"] = subject
    message.set_content(text)
    return message


def test_headers_are_lines_and_metadata() -> None:
    result = read(HEADERS + b"X-Spam: no\nCC: c@example.org,\n d@example.org\nDate: today\n\nHi")
    assert result.text == f"# Plan\n\n{TOP[8:-14]}" + (
        "\nCc: c@example.org, d@example.org\nSubject: Plan\nDate: today\n\nHi"
    )
    assert result.metadata == {
        "title": "Plan",
        "from": "Ann <ann@example.org>",
        "to": "b@example.org",
        "cc": "c@example.org, d@example.org",
        "date": "today",
    }
    assert result.media_type == "message/rfc822"


@pytest.mark.parametrize(
    ("subject", "shown"),
    [
        (b"=?UTF-8?B?R3LDtsOfZQ==?=", "Größe"),
        (b"=?iso-8859-1?Q?Gr=F6=DFe?= =?utf-8?q?_und_mehr?=", "Größe und mehr"),
        (b"=?iso-2022-jp?B?%s?=" % b64encode("名古屋".encode("iso-2022-jp")), "名古屋"),
        (b"=?no-such-charset?Q?Gr=C3=B6=C3=9Fe?=", "Größe"),
        (b"=?utf-8?B?broken!?= words", "=?utf-8?B?broken!?= words"),
        ("Größe".encode(), "Größe"),
        ("Größe der Straße".encode("latin-1"), "Größe der Straße"),
        (b"long\n and folded", "long and folded"),
    ],
)
def test_words_of_headers_are_decoded(subject: bytes, shown: str) -> None:
    assert read(b"Subject: " + subject + b"\n\nHi").metadata["title"] == shown


@pytest.mark.parametrize(
    ("charset", "encoding", "text"),
    [
        ("utf-8", "utf-8", "Zürich 名"),
        ("latin-1", "latin-1", "Zürich ist schön"),
        ("latin-1", "utf-8", "Zürich"),
        ("us-ascii", "utf-8", "Zürich"),
        ("iso-2022-jp", "iso-2022-jp", "名古屋"),
        ('"utf-8"; x="', "utf-8", "Zürich"),
        ("nonsense", "utf-8", "Zürich"),
    ],
)
def test_odd_charsets(charset: str, encoding: str, text: str) -> None:
    declared = f"Content-Type: text/plain; charset={charset}\n\n".encode()
    assert body(declared + text.encode(encoding)) == text


def test_plain_text_is_preferred_to_html() -> None:
    message = mail("Plain words")
    message.add_alternative("<p>Rich words</p>", subtype="html")
    assert read(message.as_bytes()).text == f"{TOP}\n\nPlain words"


def test_html_is_read_like_a_page_where_the_plain_text_is_blank() -> None:
    message = mail(" \n")
    message.add_alternative("<ul><li>One</ul><script>x</script><p hidden>no</p>", subtype="html")
    assert read(message.as_bytes()).text == f"{TOP}\n\n- One"


def test_text_after_an_attachment_is_kept() -> None:
    data = (
        b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\nBefore\n--b\n"
        b"Content-Type: text/html\n\n<p>After</p>\n--b--\n"
    )
    assert body(data) == "Before\n\nAfter"


def test_attachments_are_parsed_under_their_names() -> None:
    message = mail()
    word = docx_bytes(paragraph("Part", style="Heading1") + paragraph("Words."))
    message.add_attachment(word, maintype="application", subtype="x", filename="../a/Größe.docx")
    pdf = pdf_bytes([(50, 700, "Page text")])
    message.add_attachment(pdf, maintype="application", subtype="pdf", filename="b.pdf")
    message.add_attachment("a,b\n1,x\n2,y\n", subtype="csv", filename="c.csv")
    message.add_attachment(b"\xff\xd8\xff", maintype="image", subtype="jpeg", filename="d.jpg")
    result = read(message.as_bytes())
    assert result.text == (
        f"{TOP}\n\nHello\n\n## Größe.docx\n\n### Part\n\nWords.\n\n"
        "## b.pdf\n\nPage text\n\n## c.csv\n\na | b\n\na: 1; b: x\n\na: 2; b: y"
    )
    assert result.metadata["attachments_not_read"] == ("d.jpg (the image cannot be read)")


def test_an_attachment_without_a_name_is_known_by_its_type() -> None:
    message = mail()
    message.add_attachment("<p>Rich</p>", subtype="html")
    assert read(message.as_bytes()).text.endswith("## attachment\n\nRich")


def test_chunks_of_an_attachment_name_it() -> None:
    message = mail()
    message.add_attachment("a,b\n1,x\n2,y\n", subtype="csv", filename="c.csv")
    parsed = read(message.as_bytes())
    document = MaskedDocument(
        uri="file:///a.eml",
        name="a.eml",
        media_type=parsed.media_type,
        content_hash="0",
        text=parsed.text,
    )
    chunks = chunk(document, ChunkingConfig())
    assert [piece.heading for piece in chunks] == ["Plan", "Plan > c.csv"]


def test_mails_inside_mails() -> None:
    inner = mail("Inner words", subject="Inner")
    inner.add_attachment(b"Notes", maintype="text", subtype="plain", filename="n.txt")
    outer = mail("Outer words")
    outer.add_attachment(inner)
    as_file = mail("File words", subject="File").as_bytes()
    outer.add_attachment(as_file, maintype="application", subtype="x", filename="f.eml")
    lines = TOP.removeprefix("# Plan\n\n")
    inner_text = f"### Inner\n\n{lines.replace('Plan', 'Inner')}\n\nInner words"
    file_text = f"### File\n\n{lines.replace('Plan', 'File')}\n\nFile words"
    assert read(outer.as_bytes()).text == (
        f"{TOP}\n\nOuter words\n\n## attachment\n\n{inner_text}\n\n#### n.txt\n\nNotes"
        f"\n\n## f.eml\n\n{file_text}"
    )


def test_a_damaged_attachment_does_not_cost_the_mail() -> None:
    message = mail()
    cut = docx_bytes(paragraph("x"))[:300]
    message.add_attachment(cut, maintype="application", subtype="x", filename="cut.docx")
    message.add_attachment("more", filename="more.txt")
    result = read(message.as_bytes())
    assert result.text.endswith("Hello\n\n## more.txt\n\nmore")
    assert result.metadata["attachments_not_read"].startswith("cut.docx (the file is a damaged")


def test_too_many_attachments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_ATTACHMENTS", 2)
    message = mail()
    for number in range(3):
        message.add_attachment("x", filename=f"{number}.txt")
    with pytest.raises(FileTooLarge, match="more than 2 attachments"):
        read(message.as_bytes())


def test_mails_nested_too_deep_are_named_as_not_read() -> None:
    data = mail("Innermost").as_bytes()
    for _ in range(module.MAX_DEPTH + 1):
        outer = mail()
        outer.add_attachment(data, maintype="application", subtype="x", filename="f.eml")
        data = outer.as_bytes()
    result = read(data)
    assert "Innermost" not in result.text
    assert "more than 10 deep" in result.metadata["attachments_not_read"]


def test_endless_nesting_of_parts_is_refused() -> None:
    parts = b"".join(
        b'Content-Type: multipart/mixed; boundary="%d"\n\n--%d\n' % (n, n) for n in range(3000)
    )
    with pytest.raises(CorruptFile):
        read(HEADERS + parts + b"\n\nHello")


@pytest.mark.parametrize(
    "content",
    [
        b"Content-Type: multipart/encrypted; boundary=b\n\n--b\n\nx\n--b--\n",
        b"Content-Type: application/pkcs7-mime; smime-type=enveloped-data\n\nx",
        b"\n-----BEGIN PGP MESSAGE-----\n\nhIwD\n-----END PGP MESSAGE-----\n",
    ],
)
def test_encrypted_mails(content: bytes) -> None:
    with pytest.raises(EncryptedFile, match="mail is encrypted"):
        read(HEADERS + content)


def test_a_signed_mail_is_read_without_its_signature() -> None:
    data = (
        b"Content-Type: multipart/signed; boundary=b\n\n--b\n\nSigned words\n--b\n"
        b"Content-Type: application/pgp-signature\n\nxyz\n--b--\n"
    )
    assert body(data) == "Signed words"


def test_declared_parts_that_are_missing() -> None:
    assert body(b"Content-Type: multipart/mixed; boundary=b\n\nJust words") == "Just words"


@pytest.mark.parametrize(
    ("data", "error"),
    [(b" \n\n", EmptyFile), (b"no headers at all", CorruptFile), (b"A: b\n\nc", CorruptFile)],
)
def test_what_is_no_mail(data: bytes, error: type[SourceError]) -> None:
    with pytest.raises(error):
        read(data)


@pytest.mark.parametrize("before", [b"\xef\xbb\xbf", b"\r\n", b"From a@b Mon Jan 1 2024\n"])
def test_what_stands_before_the_headers(before: bytes) -> None:
    assert read(before + HEADERS + b"\nHi").text == f"{TOP}\n\nHi"


@pytest.mark.parametrize("address", ["a@[", '"', "<a@", '"a" <', "=?utf-8?q?=3C?= <@"])
def test_malformed_addresses_are_shown_as_they_are(address: str) -> None:
    shown = address.replace("=?utf-8?q?=3C?=", "<")
    assert read(f"To: {address}\n\nHi".encode()).metadata["to"] == shown


def test_long_headers_take_linear_time() -> None:
    to = b"To: " + b", ".join(b"=?utf-8?q?A=C3=B6?= <a%d@example.org>" % n for n in range(20_000))
    before = time.process_time()
    assert "a19999@example.org" in read(to + b"\n\nHello").text
    assert time.process_time() - before < 5


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300), st.sampled_from([b"", b"multipart/mixed", b"message/rfc822"]))
def test_any_bytes_end_in_text_or_a_source_error(tail: bytes, kind: bytes) -> None:
    try:
        text = read(HEADERS + b"Content-Type: " + kind + b";" + tail).text
    except SourceError:
        return
    assert "Plan" in text
