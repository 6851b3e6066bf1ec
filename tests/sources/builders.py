"""Builders of small files, sound and hostile."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

ENCRYPTED_PDF = Path(__file__).parent / "fixtures" / "encrypted.pdf"

_WORD_NS = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_TYPES_NS = "http://schemas.openxmlformats.org/package/2006/content-types"
_RELATIONS_NS = "http://schemas.openxmlformats.org/package/2006/relationships"
_OFFICE_NS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def zip_bytes(members: Mapping[str, str | bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def docx_bytes(body: str, *, prolog: str = "", **parts: str) -> bytes:
    """A Word file around ``body`` (WordprocessingML); ``parts`` are named ``word/<key>.xml``."""
    word = {
        f"word/{name}.xml": f'<w:{"hdr" if "header" in name else "ftr"} xmlns:w="{_WORD_NS}">'
        f"{content}</w:{'hdr' if 'header' in name else 'ftr'}>"
        for name, content in parts.items()
    }
    return zip_bytes(
        {
            "[Content_Types].xml": f'<Types xmlns="{_TYPES_NS}"><Default Extension="rels" '
            'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            '<Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats'
            '-officedocument.wordprocessingml.document.main+xml"/></Types>',
            "_rels/.rels": f'<Relationships xmlns="{_RELATIONS_NS}"><Relationship Id="r1" '
            f'Type="{_OFFICE_NS}/officeDocument" Target="word/document.xml"/></Relationships>',
            "word/document.xml": f'{prolog}<w:document xmlns:w="{_WORD_NS}"><w:body>{body}'
            "</w:body></w:document>",
            **word,
        }
    )


def paragraph(text: str, *, style: str = "") -> str:
    properties = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    return f"<w:p>{properties}<w:r><w:t>{text}</w:t></w:r></w:p>"


def xlsx_bytes(*sheets: tuple[str, Sequence[Sequence[object]]]) -> bytes:
    """A workbook of inline strings and numbers."""
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    members: dict[str, str | bytes] = {
        "[Content_Types].xml": f'<Types xmlns="{_TYPES_NS}"/>',
        "_rels/.rels": f'<Relationships xmlns="{_RELATIONS_NS}"><Relationship Id="r1" '
        f'Type="{_OFFICE_NS}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{_OFFICE_NS}"><sheets>'
        + "".join(
            f'<sheet name="{name}" sheetId="{i}" r:id="r{i}"/>'
            for i, (name, _) in enumerate(sheets, start=1)
        )
        + "</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_RELATIONS_NS}">'
        + "".join(
            f'<Relationship Id="r{i}" Type="{_OFFICE_NS}/worksheet" '
            f'Target="worksheets/sheet{i}.xml"/>'
            for i in range(1, len(sheets) + 1)
        )
        + "</Relationships>",
    }
    for i, (_, rows) in enumerate(sheets, start=1):
        cells = "".join(
            f'<row r="{r}">'
            + "".join(_cell(f"{chr(65 + c)}{r}", value) for c, value in enumerate(row))
            + "</row>"
            for r, row in enumerate(rows, start=1)
        )
        members[f"xl/worksheets/sheet{i}.xml"] = (
            f'<worksheet xmlns="{main}"><sheetData>{cells}</sheetData></worksheet>'
        )
    return zip_bytes(members)


def _cell(reference: str, value: object) -> str:
    if isinstance(value, str):
        return f'<c r="{reference}" t="inlineStr"><is><t>{value}</t></is></c>' if value else ""
    return f'<c r="{reference}"><v>{value}</v></c>'


def pdf_bytes(*pages: Sequence[tuple[float, float, str]]) -> bytes:
    """A PDF whose pages draw pieces of text at (x, y), in the order given."""
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>"]
    kids = " ".join(f"{4 + 2 * i} 0 R" for i in range(len(pages)))
    objects.append(f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode())
    objects.append(b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
    for i, pieces in enumerate(pages):
        drawn = "".join(f"BT /F1 10 Tf {x} {y} Td ({text}) Tj ET\n" for x, y, text in pieces)
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents {5 + 2 * i} 0 R "
            "/Resources << /Font << /F1 3 0 R >> >> >>".encode()
        )
        objects.append(f"<< /Length {len(drawn)} >>\nstream\n{drawn}endstream".encode("latin-1"))
    return _pdf(objects)


def form_pdf_bytes(label: str, value: str) -> bytes:
    """A PDF form with one text field that somebody filled in."""
    drawn = f"BT /F1 10 Tf 50 700 Td ({label}) Tj ET"
    typed = f"/Tx BMC BT /F1 10 Tf 2 4 Td ({value}) Tj ET EMC"
    font = "/Resources << /Font << /F1 3 0 R >> >>"
    return _pdf(
        [
            b"<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [6 0 R] >> >>",
            b"<< /Type /Pages /Kids [4 0 R] /Count 1 >>",
            b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents 5 0 R {font} "
            "/Annots [6 0 R] >>".encode(),
            f"<< /Length {len(drawn)} >>\nstream\n{drawn}\nendstream".encode(),
            f"<< /Type /Annot /Subtype /Widget /FT /Tx /T (name) /V ({value}) /F 4 "
            "/Rect [200 696 400 714] /P 4 0 R /AP << /N 7 0 R >> >>".encode(),
            f"<< /Type /XObject /Subtype /Form /BBox [0 0 200 18] {font} "
            f"/Length {len(typed)} >>\nstream\n{typed}\nendstream".encode(),
        ]
    )


def pictured_pdf_bytes(text: str) -> bytes:
    """A PDF with a line of text and a picture beside it."""
    drawn = f"BT /F1 10 Tf 50 700 Td ({text}) Tj ET q 90 0 0 90 50 500 cm /I1 Do Q"
    return _pdf(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [4 0 R] /Count 1 >>",
            b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents 5 0 R "
            b"/Resources << /Font << /F1 3 0 R >> /XObject << /I1 6 0 R >> >> >>",
            f"<< /Length {len(drawn)} >>\nstream\n{drawn}\nendstream".encode(),
            b"<< /Type /XObject /Subtype /Image /Width 1 /Height 1 /ColorSpace /DeviceGray "
            b"/BitsPerComponent 8 /Length 1 >>\nstream\n\x7f\nendstream",
        ]
    )


def _pdf(objects: Sequence[bytes]) -> bytes:
    out = bytearray(b"%PDF-1.4\n")
    offsets = []
    for number, content in enumerate(objects, start=1):
        offsets.append(len(out))
        out += f"{number} 0 obj\n".encode() + content + b"\nendobj\n"
    start = len(out)
    out += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
    out += b"".join(f"{offset:010d} 00000 n \n".encode() for offset in offsets)
    trailer = f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n"
    return bytes(out + trailer.encode())
