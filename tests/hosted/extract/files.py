"""Files as programs write them, made here byte by byte, and the ways to spoil them."""

import io
import zipfile
from collections.abc import Mapping
from xml.sax.saxutils import escape

WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
DRAWING = "http://schemas.openxmlformats.org/drawingml/2006/main"


def pdf(*pages: str, creator: bytes = b"") -> bytes:
    """A PDF whose pages show one line each, in a font that has every character of Unicode's BMP."""
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"",
        b"<< /Type /Font /Subtype /Type0 /BaseFont /HeiseiMin-W3 /Encoding /UniJIS-UCS2-H "
        b"/DescendantFonts [4 0 R] >>",
        b"<< /Type /Font /Subtype /CIDFontType0 /BaseFont /HeiseiMin-W3 /CIDSystemInfo "
        b"<< /Registry (Adobe) /Ordering (Japan1) /Supplement 2 >> /DW 1000 "
        b"/FontDescriptor 5 0 R >>",
        b"<< /Type /FontDescriptor /FontName /HeiseiMin-W3 /Flags 4 /FontBBox [0 0 1000 1000] "
        b"/ItalicAngle 0 /Ascent 800 /Descent -200 /CapHeight 700 /StemV 80 >>",
    ]
    kids = []
    for page in pages:
        hexed = page.encode("utf-16-be").hex().encode()
        drawn = b"BT /F1 12 Tf 50 700 Td <" + hexed + b"> Tj ET" if page else b""
        kids.append(b"%d 0 R" % (len(objects) + 1))
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources "
            b"<< /Font << /F1 3 0 R >> >> /Contents %d 0 R >>" % (len(objects) + 2)
        )
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(drawn), drawn))
    objects[1] = b"<< /Type /Pages /Count %d /Kids [%s] >>" % (len(pages), b" ".join(kids))
    return pdf_of(objects)


def pdf_of(objects: list[bytes]) -> bytes:
    """A PDF of the given objects, numbered from 1; the first is its catalog."""
    out = io.BytesIO()
    out.write(b"%PDF-1.7\n")
    offsets = []
    for number, body in enumerate(objects, 1):
        offsets.append(out.tell())
        out.write(b"%d 0 obj\n%s\nendobj\n" % (number, body))
    start = out.tell()
    out.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1))
    for offset in offsets:
        out.write(b"%010d 00000 n \n" % offset)
    out.write(b"trailer\n<< /Size %d /Root 1 0 R >>\n" % (len(objects) + 1))
    out.write(b"startxref\n%d\n%%%%EOF\n" % start)
    return out.getvalue()


def packed(parts: Mapping[str, str | bytes]) -> bytes:
    """A zip of the given parts."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return out.getvalue()


def word_xml(body: str) -> str:
    """A part of a Word file around the given elements."""
    return (
        f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<w:document xmlns:w="{WORD}" '
        'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006">'
        f"<w:body>{body}</w:body></w:document>"
    )


def docx(body: str, **beside: str) -> bytes:
    """A Word file with the given body elements, and parts such as footnotes by their names."""
    parts: dict[str, str | bytes] = {
        "[Content_Types].xml": "<Types/>",
        "word/document.xml": word_xml(body),
    }
    parts |= {f"word/{name}.xml": word_xml(content) for name, content in beside.items()}
    return packed(parts)


def paragraph(text: str) -> str:
    """A Word paragraph, its text in two runs as Word likes to do."""
    half = len(text) // 2
    runs = (escape(text[:half]), escape(text[half:]))
    made = "".join(f'<w:r><w:t xml:space="preserve">{run}</w:t></w:r>' for run in runs)
    return f'<w:p><w:pPr><w:tabs><w:tab w:val="left"/></w:tabs></w:pPr>{made}</w:p>'


def slide(*lines: str) -> str:
    """A part of a presentation."""
    paragraphs = "".join(f"<a:p><a:r><a:t>{line}</a:t></a:r></a:p>" for line in lines)
    return f'<p:sld xmlns:p="urn:p" xmlns:a="{DRAWING}"><p:txBody>{paragraphs}</p:txBody></p:sld>'


def office(
    parts: Mapping[str, str | bytes], related: Mapping[str, Mapping[str, tuple[str, str]]]
) -> bytes:
    """A package whose parts refer to each other.

    `related` has, for each part ("" for the package), relationship ids with a kind and a target.
    """
    made: dict[str, str | bytes] = {"[Content_Types].xml": "<Types/>", **parts}
    for part, references in related.items():
        folder, _, base = part.rpartition("/")
        rows = "".join(
            f'<Relationship Id="{key}" Type="http://schemas.openxmlformats.org/officeDocument/2006/'
            f'relationships/{kind}" Target="{target}"/>'
            for key, (kind, target) in references.items()
        )
        made[f"{folder}/_rels/{base}.rels".lstrip("/")] = (
            '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
            f"{rows}</Relationships>"
        )
    return packed(made)


def workbook(
    sheets: Mapping[str, str],
    *,
    strings: str = "",
    styles: str = "",
    properties: str = "",
    beside: Mapping[str, str | bytes] | None = None,
    related: Mapping[str, Mapping[str, tuple[str, str]]] | None = None,
) -> bytes:
    """A workbook of sheets by name, each given as its rows; parts `xl/sheet1.xml` and so on."""
    listed = "".join(
        f'<sheet name="{name}" sheetId="{n}" r:id="s{n}"/>' for n, name in enumerate(sheets, 1)
    )
    references = {f"s{n}": ("worksheet", f"sheet{n}.xml") for n in range(1, len(sheets) + 1)}
    parts: dict[str, str | bytes] = {
        "xl/workbook.xml": f'<workbook xmlns="urn:x" xmlns:r="urn:r">{properties}'
        f"<sheets>{listed}</sheets></workbook>",
        "xl/strings.xml": f'<sst xmlns="urn:x">{strings}</sst>',
        "xl/styles.xml": f'<styleSheet xmlns="urn:x">{styles}</styleSheet>',
    }
    for n, rows in enumerate(sheets.values(), 1):
        parts[f"xl/sheet{n}.xml"] = f'<worksheet xmlns="urn:x">{rows}</worksheet>'
    references |= {"str": ("sharedStrings", "strings.xml"), "sty": ("styles", "styles.xml")}
    return office(
        {**parts, **(beside or {})},
        {
            "": {"r1": ("officeDocument", "xl/workbook.xml")},
            "xl/workbook.xml": references,
            **(related or {}),
        },
    )


def opendocument(kind: str, body: str, **parts: str | bytes) -> bytes:
    """An OpenDocument file of a kind such as `text`, with the given elements in its body."""
    return packed(
        {
            "mimetype": f"application/vnd.oasis.opendocument.{kind}",
            "content.xml": opendocument_xml(f"<office:body>{body}</office:body>"),
            **{name.replace("__", "/") + ".xml": content for name, content in parts.items()},
        }
    )


def opendocument_xml(inner: str) -> str:
    """A part of an OpenDocument file around the given elements."""
    prefixes = "office text table draw style presentation dc xlink svg form"
    spaces = " ".join(f'xmlns:{prefix}="urn:{prefix}"' for prefix in prefixes.split())
    return f"<office:document-content {spaces}>{inner}</office:document-content>"
