"""What a person reads in an Office, OpenDocument or EPUB file is found in its text."""

import io
import zipfile
from xml.sax.saxutils import quoteattr

import pytest

from bot.hosted.extract import ExtractionError, extract
from bot.hosted.extract.packed.cell_formats import format_cell
from tests.hosted.extract.files import (
    DRAWING,
    docx,
    office,
    opendocument,
    opendocument_xml,
    packed,
    paragraph,
    slide,
    word_xml,
    workbook,
)


def lines(name: str, data: bytes) -> list[str]:
    return [line.strip() for line in extract(name, data).splitlines() if line.strip()]


def word(body: str, related: dict[str, tuple[str, str]], **parts: str | bytes) -> bytes:
    """A Word file whose parts have names that only relationships tell."""
    return office(
        {"doc/main.xml": word_xml(body), **{f"doc/{n}.xml": c for n, c in parts.items()}},
        {"": {"r1": ("officeDocument", "/doc/main.xml")}, "doc/main.xml": related},
    )


def drawing(inner: str) -> str:
    return (
        f'<x:drawing xmlns:x="urn:x" xmlns:a="{DRAWING}" xmlns:c="urn:c" xmlns:dgm="urn:dgm" '
        f'xmlns:p="urn:p" xmlns:r="urn:r">{inner}</x:drawing>'
    )


def test_the_parts_of_a_word_file_are_found_by_their_relationships() -> None:
    data = word(
        paragraph("body"),
        {
            "a": ("header", "x1.xml"),
            "b": ("footer", "./x2.xml"),
            "c": ("footnotes", "../doc/x3.xml"),
            "d": ("endnotes", "/doc/x4.xml"),
            "e": ("comments", "x%35.xml"),
            "f": ("image", "gone.png"),
        },
        x1=word_xml(paragraph("the header")),
        x2=word_xml(paragraph("the footer")),
        x3=word_xml(paragraph("a footnote")),
        x4=word_xml(paragraph("an endnote")),
        x5=word_xml(paragraph("a comment")),
        x6=word_xml(paragraph("of no relation")),
    )
    assert lines("a.docx", data) == [
        "body",
        "a footnote",
        "an endnote",
        "a comment",
        "the header",
        "the footer",
    ]


def test_a_text_box_follows_its_paragraph_and_is_read_once() -> None:
    box = f"<w:txbxContent>{paragraph('in the box')}{paragraph('second')}</w:txbxContent>"
    body = (
        f"<w:p><w:r><w:t>to</w:t></w:r><mc:AlternateContent><mc:Choice>{box}</mc:Choice>"
        f"<mc:Fallback>{box}</mc:Fallback></mc:AlternateContent>"
        "<w:r><w:t>gether</w:t></w:r></w:p>" + paragraph("after")
    )
    assert lines("a.docx", docx(body)) == ["together", "in the box", "second", "after"]


def test_a_choice_that_is_only_there_for_older_programs_is_read() -> None:
    body = (
        "<mc:AlternateContent><mc:Fallback>" + paragraph("old") + "</mc:Fallback>"
        "</mc:AlternateContent>"
    )
    assert lines("a.docx", docx(body)) == ["old"]


def test_readings_of_words_do_not_tear_them_apart() -> None:
    def ruby(base: str, reading: str) -> str:
        return (
            f"<w:ruby><w:rt><w:r><w:t>{reading}</w:t></w:r></w:rt>"
            f"<w:rubyBase><w:r><w:t>{base}</w:t></w:r></w:rubyBase></w:ruby>"
        )

    body = f"<w:p>{ruby('東', 'とう')}{ruby('京', 'きょう')}<w:r><w:t>に住む</w:t></w:r></w:p>"
    assert lines("a.docx", docx(body)) == ["東京に住む (とう きょう)"]
    page = "<p><ruby>東<rp>(</rp><rt>とう<rp>)</rp></ruby><ruby>京<rt>きょう</rt></ruby>に<p>次"
    assert lines("a.html", page.encode()) == ["東京に (とう きょう)", "次"]


def test_what_a_word_form_shows_is_read() -> None:
    body = (
        '<w:p><w:fldSimple w:instr="DATE"><w:r><w:t>26 November</w:t></w:r></w:fldSimple></w:p>'
        '<w:p><w:r><w:ffData><w:ddList><w:result w:val="1"/><w:listEntry w:val="no"/>'
        '<w:listEntry w:val="perhaps"/></w:ddList></w:ffData></w:r></w:p>'
        "<w:p><w:sdt><w:sdtContent><w:r><w:t>chosen</w:t></w:r></w:sdtContent></w:sdt></w:p>"
        "<w:p><w:r><w:t>non</w:t><w:noBreakHyphen/><w:t>stop</w:t></w:r></w:p>"
        '<w:p><w:r><w:pict><v:textpath xmlns:v="urn:v" string="CONFIDENTIAL"/></w:pict></w:r></w:p>'
    )
    assert lines("a.docx", docx(body)) == [
        "26 November",
        "perhaps",
        "chosen",
        "non-stop",
        "CONFIDENTIAL",
    ]


def test_an_embedded_page_or_document_is_read() -> None:
    page = "<html><meta charset=utf-8><p>from a page größer</p>".encode()
    mail = (
        b"MIME-Version: 1.0\nContent-Type: multipart/related; boundary=b\n\n--b\n"
        b'Content-Type: text/html; charset="utf-8"\nContent-Transfer-Encoding: base64\n\n'
        b"PHA+ZnJvbSBhIG1haWw8L3A+\n--b--\n"
    )
    inner = word(paragraph("from a document"), {})
    data = office(
        {
            "word/document.xml": word_xml(paragraph("outer")),
            "word/a.html": page,
            "word/b.mht": mail,
            "word/c.docx": inner,
        },
        {
            "": {"r": ("officeDocument", "word/document.xml")},
            "word/document.xml": {
                "1": ("aFChunk", "a.html"),
                "2": ("aFChunk", "/word/b.mht"),
                "3": ("aFChunk", "c.docx"),
            },
        },
    )
    assert lines("a.docx", data) == [
        "outer",
        "from a page größer",
        "from a mail",
        "from a document",
    ]


CHART = """<c:chartSpace xmlns:c="urn:c" xmlns:a="urn:a"><c:title><a:p><a:r><a:t>Sales of </a:t>
</a:r><a:r><a:t>tea</a:t></a:r></a:p></c:title><c:ser><c:tx><c:strRef><c:f>A1</c:f><c:strCache>
<c:pt><c:v>North</c:v></c:pt></c:strCache></c:strRef></c:tx><c:cat><c:strCache><c:pt><c:v>May</c:v>
</c:pt><c:pt><c:v>June</c:v></c:pt></c:strCache></c:cat><c:val><c:numCache><c:formatCode>0%
</c:formatCode><c:pt><c:v>0.25</c:v></c:pt><c:pt><c:v>0.5</c:v></c:pt></c:numCache></c:val></c:ser>
</c:chartSpace>"""
SMART_ART = (
    '<dgm:dataModel xmlns:dgm="urn:dgm" xmlns:a="urn:a"><dgm:pt><dgm:t><a:p><a:r><a:t>Plan</a:t>'
    "</a:r></a:p></dgm:t></dgm:pt><dgm:pt><dgm:t><a:p><a:r><a:t>Build</a:t></a:r></a:p></dgm:t>"
    "</dgm:pt></dgm:dataModel>"
)


def test_charts_and_smart_art_are_read_in_all_three_kinds_of_file() -> None:
    drawn = {
        "c": ("chart", "/c.xml"),
        "d": ("diagramData", "/d.xml"),
        "e": ("diagramDrawing", "/d.xml"),
    }
    parts = {"c.xml": CHART, "d.xml": SMART_ART}
    wanted = ["Sales of tea", "North", "May\tJune", "25%\t50%", "Plan", "Build"]
    document = office(
        {"w.xml": word_xml(paragraph("text")), **parts},
        {"": {"r": ("officeDocument", "w.xml")}, "w.xml": drawn},
    )
    assert lines("a.docx", document) == ["text", *wanted]
    show = office(
        {"p.xml": presentation("s1"), "s.xml": slide("text"), **parts},
        {
            "": {"r": ("officeDocument", "p.xml")},
            "p.xml": {"s1": ("slide", "s.xml")},
            "s.xml": drawn,
        },
    )
    assert lines("a.pptx", show) == ["text", *wanted]
    sheet = workbook(
        {"Tea": "<sheetData/>"},
        beside={"xl/d.xml": drawing("<a:p><a:r><a:t>text</a:t></a:r></a:p>"), **parts},
        related={"xl/sheet1.xml": {"d": ("drawing", "d.xml")}, "xl/d.xml": drawn},
    )
    assert lines("a.xlsx", sheet) == ["Tea", "text", *wanted]


def presentation(*ids: str) -> str:
    listed = "".join(f'<p:sldId id="{256 + n}" r:id="{key}"/>' for n, key in enumerate(ids))
    return (
        f'<p:presentation xmlns:p="urn:p" xmlns:r="urn:r"><p:sldIdLst>{listed}</p:sldIdLst>'
        "</p:presentation>"
    )


def test_slides_come_in_the_order_of_the_show_each_with_its_own_notes() -> None:
    parts = {"ppt/presentation.xml": presentation("c", "a")}
    parts |= {f"ppt/slides/slide{n}.xml": slide(f"slide {n}") for n in (1, 2, 3)}
    parts |= {f"ppt/notesSlides/notesSlide{n}.xml": slide(f"notes {n}") for n in (1, 2)}
    parts["ppt/comments/x.xml"] = (
        '<p:cmLst xmlns:p="urn:p"><p:cm><p:text>a comment</p:text></p:cm></p:cmLst>'
    )
    data = office(
        parts,
        {
            "": {"r": ("officeDocument", "ppt/presentation.xml")},
            "ppt/presentation.xml": {
                "a": ("slide", "slides/slide1.xml"),
                "b": ("slide", "slides/slide2.xml"),  # taken out of the show
                "c": ("slide", "slides/slide3.xml"),
            },
            "ppt/slides/slide3.xml": {"n": ("notesSlide", "../notesSlides/notesSlide1.xml")},
            "ppt/slides/slide1.xml": {
                "n": ("notesSlide", "..\\notesSlides\\notesSlide2.xml"),
                "c": ("comments", "../comments/x.xml"),
            },
        },
    )
    assert lines("a.pptx", data) == ["slide 3", "notes 1", "slide 1", "notes 2", "a comment"]


def test_what_a_layout_shows_is_read_once_and_its_hints_are_not() -> None:
    def shape(text: str, placeholder: str = "") -> str:
        return f"<p:sp><p:nvPr>{placeholder}</p:nvPr><a:p><a:r><a:t>{text}</a:t></a:r></a:p></p:sp>"

    layout = drawing(shape("Click to edit", '<p:ph type="title"/>') + shape("ACME Ltd"))
    numbered = (
        f'<p:sld xmlns:p="urn:p" xmlns:a="{DRAWING}"><a:p><a:r><a:t>slide</a:t></a:r></a:p>'
        '<a:p><a:fld type="slidenum"><a:t>7</a:t></a:fld></a:p></p:sld>'
    )
    data = office(
        {"p.xml": presentation("a", "b"), "1.xml": numbered, "2.xml": numbered, "l.xml": layout},
        {
            "": {"r": ("officeDocument", "p.xml")},
            "p.xml": {"a": ("slide", "1.xml"), "b": ("slide", "2.xml")},
            "1.xml": {"l": ("slideLayout", "l.xml")},
            "2.xml": {"l": ("slideLayout", "l.xml")},
            "l.xml": {"m": ("slideMaster", "l.xml")},
        },
    )
    assert lines("a.pptx", data) == ["slide", "ACME Ltd", "slide"]


def test_a_workbook_reads_as_its_sheets_look() -> None:
    cells = (
        "<sheetData>"
        '<row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="inlineStr"><is><t>in</t><r><t>line</t>'
        '</r></is></c><c r="C1" t="b"><v>1</v></c><c r="D1" t="e"><v>#N/A</v></c></row>'
        '<row r="2"><c r="A2" s="1"><v>45356</v></c><c r="C2" s="2"><v>0.125</v></c>'
        '<c r="D2"><f>A1+1</f><v>0.30000000000000004</v></c>'
        '<c r="E2" t="str"><f>"a"&amp;"b"</f><v>ab</v></c><c r="F2"><f>SUM(A1:A9)</f></c></row>'
        '<row r="4"><c t="s"><v>1</v></c><c><v>7</v></c></row>'
        '</sheetData><headerFooter><oddHeader>&amp;L&amp;"Arial,Bold"&amp;12Left &amp;&amp; '
        "right&amp;RPage &amp;P</oddHeader></headerFooter>"
    )
    data = workbook(
        {"Zebra": "<sheetData/>", "Apple &amp; pear": cells},
        strings="<si><t>sha</t><r><t>red</t></r><rPh><t>シェア</t></rPh></si><si><t>x</t></si>",
        styles='<numFmts><numFmt numFmtId="164" formatCode="0.0%"/></numFmts>'
        '<cellStyleXfs><xf numFmtId="9"/></cellStyleXfs>'
        '<cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="164"/></cellXfs>',
        beside={
            "xl/c.xml": '<comments xmlns="urn:x"><authors><author>Ann</author></authors>'
            '<comment ref="B2"><text><r><t>look </t></r><r><t>here</t></r></text></comment>'
            "</comments>",
            "xl/t.xml": '<ThreadedComments xmlns="urn:x"><threadedComment ref="B3"><text>yes</text>'
            "</threadedComment></ThreadedComments>",
            "xl/v.vml": '<xml xmlns:v="urn:v"><v:textbox><div>Press me</div></v:textbox></xml>',
            "xl/w.vml": "<xml><br></xml>",
        },
        related={
            "xl/sheet2.xml": {
                "c": ("comments", "c.xml"),
                "t": ("threadedComment", "t.xml"),
                "v": ("vmlDrawing", "v.vml"),
                "w": ("vmlDrawing", "w.vml"),
            }
        },
    )
    assert lines("a.xlsx", data) == [
        "Zebra",
        "Apple & pear",
        "shared\tinline\tTRUE\t#N/A",
        "2024-03-05\t\t12.5%\t0.3\tab\t=SUM(A1:A9)",
        "x\t7",
        "Left & right Page",
        "B2: look here",
        "B3: yes",
        "Press me",
    ]


def test_a_workbook_that_counts_from_1904_is_dated_so() -> None:
    data = workbook(
        {"S": '<sheetData><row><c s="0"><v>43894</v></c></row></sheetData>'},
        styles='<cellXfs><xf numFmtId="14"/></cellXfs>',
        properties='<workbookPr date1904="1"/>',
    )
    assert lines("a.xlsx", data) == ["S", "2024-03-05"]


@pytest.mark.parametrize(
    ("value", "code", "wanted"),
    [
        ("1234567.891", '#,##0.00 "€"', "1,234,567.89 €"),
        ("-5.5", "#,##0.00;[Red](#,##0.00)", "(5.50)"),
        ("-5.5", "0.00", "-5.50"),
        ("-0.001", "0.00", "0.00"),
        ("0", '0;-0;"none"', "none"),
        ("0.256", "0.0%", "25.6%"),
        ("12", "000", "012"),
        ("3.10", "0.###", "3.1"),
        ("3", "0.###", "3"),
        ("1234567", "#,##0,", "1,235"),
        ("12345", "0.00E+00", "1.23E+04"),
        ("5551234567", "(000) 000-0000", "(555) 123-4567"),
        ("5", "[$¥-411]#,##0", "¥5"),
        ("5", '[$-409]0" kg"', "5 kg"),
        ("5", 'General" kg"', "5 kg"),
        ("1e21", "General", "1e+21"),
        ("0.1", "General", "0.1"),
        ("45356", "dd/mm/yyyy", "05/03/2024 (2024-03-05)"),
        ("45356", "d. mmmm yyyy", "5. March 2024 (2024-03-05)"),
        ("45356", 'yyyy"年"m"月"d"日"', "2024年3月5日 (2024-03-05)"),
        ("45356", "dddd", "Tuesday"),
        ("45356.604166667", "yyyy-mm-dd hh:mm", "2024-03-05 14:30"),
        ("45356.604166667", "h:mm AM/PM", "2:30 PM"),
        ("1.2534722222", "[h]:mm:ss", "30:05:00"),
        ("0.0010416666", "mm:ss.0", "01:30.0"),
        ("1", "yyyy-mm-dd", "1900-01-01"),
        ("1e300", "yyyy-mm-dd", "1e+300"),
        ("not a number", "0.00", "not a number"),
        ("inf", "0.00", "inf"),
        ("150", "[>=100]0;0.0", "150"),
        ("1.5", "[>=100]0;0.0", "1.5"),
        ("7", '"all right"', "all right"),
        ("7", "", "7"),
        ("7", ";;;", ""),
        ("-7", '"a;b"0', "-a;b7"),
    ],
)
def test_a_number_is_shown_as_its_format_says(value: str, code: str, wanted: str) -> None:
    assert format_cell(value, code) == wanted


def test_an_opendocument_text_is_read_with_its_notes_boxes_and_pages() -> None:
    body = (
        "<office:text><text:tracked-changes><text:p>deleted</text:p></text:tracked-changes>"
        "<text:h>Hea<text:span>ding</text:span></text:h>"
        "<text:p>to<text:note><text:note-citation>1</text:note-citation><text:note-body>"
        "<text:p>a note</text:p></text:note-body></text:note>gether  with\n  <text:s text:c='2'/>x"
        "<text:tab/>y<text:line-break/>z</text:p>"
        "<text:p>marked<office:annotation><dc:creator>Ann</dc:creator><text:p>a comment</text:p>"
        "</office:annotation></text:p>"
        "<text:p><draw:frame><draw:text-box><text:p>in a box</text:p></draw:text-box></draw:frame>"
        "</text:p><table:table table:name='T'><table:table-row><table:table-cell><text:p>a</text:p>"
        "<text:p>b</text:p></table:table-cell><table:table-cell><text:p>c</text:p>"
        "</table:table-cell></table:table-row></table:table>"
        "<text:p><text:ruby><text:ruby-base>東京</text:ruby-base><text:ruby-text>とうきょう"
        "</text:ruby-text></text:ruby>へ</text:p>"
        "<draw:object xlink:href='./Object 1'/></office:text>"
    )
    styles = opendocument_xml(
        "<office:styles><text:p>not shown</text:p></office:styles><office:master-styles>"
        "<style:master-page><style:header><text:p>the header</text:p></style:header>"
        "<style:footer><text:p>the footer</text:p></style:footer></style:master-page>"
        "</office:master-styles>"
    )
    chart = opendocument_xml("<office:body><text:p>chart title</text:p></office:body>")
    data = opendocument("text", body, styles=styles, **{"Object 1__content": chart})
    assert lines("a.odt", data) == [
        "Heading",
        "together with   x\ty",
        "z",
        "a note",
        "marked",
        "a comment",
        "in a box",
        "T",
        "a b \tc",
        "東京へ",
        "(とうきょう)",
        "the header",
        "the footer",
        "chart title",
    ]


def test_an_opendocument_spreadsheet_shows_its_cells_as_they_look() -> None:
    body = (
        "<office:spreadsheet><table:table table:name='Costs'><table:table-row>"
        "<table:table-cell office:value='1234.5'><text:p>1.234,50 €</text:p></table:table-cell>"
        "<table:table-cell table:number-columns-repeated='16000'/></table:table-row></table:table>"
        "</office:spreadsheet>"
    )
    assert lines("a.ods", opendocument("spreadsheet", body)) == ["Costs", "1.234,50 €"]


BOOK: dict[str, str | bytes] = {
    "mimetype": "application/epub+zip",
    "META-INF/container.xml": '<container xmlns="urn:c"><rootfiles>'
    '<rootfile full-path="OEBPS/book.opf"/></rootfiles></container>',
    "OEBPS/book.opf": '<package xmlns="urn:o" xmlns:dc="urn:dc"><metadata><dc:title>A book'
    "</dc:title><dc:creator>Ann</dc:creator></metadata><manifest>"
    '<item id="one" href="text/one%20a.xhtml" media-type="application/xhtml+xml"/>'
    '<item id="two" href="text/two.xhtml" media-type="application/xhtml+xml"/>'
    '<item id="css" href="x.css" media-type="text/css"/></manifest>'
    '<spine><itemref idref="two"/><itemref idref="one"/></spine></package>',
    "OEBPS/text/one a.xhtml": "<html><body><p>first written</p></body></html>",
    "OEBPS/text/two.xhtml": "<html><body><p>read first 日本</p></body></html>".encode("utf-16"),
    "OEBPS/x.css": "p { color: red }",
}


def test_a_book_is_read_in_its_own_order() -> None:
    assert lines("a.epub", packed(BOOK)) == ["A book", "Ann", "read first 日本", "first written"]


def test_an_encrypted_book_or_document_is_refused_in_words() -> None:
    locked = (
        '<encryption xmlns="urn:e"><EncryptedData><CipherData><CipherReference '
        'URI="OEBPS/text/two.xhtml"/></CipherData></EncryptedData></encryption>'
    )
    with pytest.raises(ExtractionError, match="encrypted"):
        extract("a.epub", packed({**BOOK, "META-INF/encryption.xml": locked}))
    fonts = locked.replace("OEBPS/text/two.xhtml", "OEBPS/font.otf")
    assert "first written" in extract("a.epub", packed({**BOOK, "META-INF/encryption.xml": fonts}))
    manifest = (
        '<manifest xmlns="urn:m"><file-entry full-path="content.xml"><encryption-data/>'
        "</file-entry></manifest>"
    )
    data = opendocument("text", "x", **{"META-INF__manifest": manifest})
    with pytest.raises(ExtractionError, match="password"):
        extract("a.odt", data)


def respelled(data: bytes, spell: dict[str, str], *, only_directory: bool) -> bytes:
    """A zip with other names, in its directory and before each part or in the directory alone."""

    def again(name: str) -> str:
        for old, new in spell.items():
            name = name.replace(old, new)
        return name

    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        names = old.namelist()
        for name in names:
            new.writestr(name if only_directory else again(name), old.read(name))
    made = out.getvalue()
    if only_directory:
        directory = made.index(b"PK\x01\x02")
        for name in names:
            made = made[:directory] + made[directory:].replace(name.encode(), again(name).encode())
    return made


@pytest.mark.parametrize("only_directory", [False, True])
@pytest.mark.parametrize(
    "spell",
    [
        {"word/document.xml": "word\\document.xml", "word/header1.xml": "word\\header1.xml"},
        {"word/document.xml": "Word/Document.XML"},
        {"_rels/": "_rels\\", "word/": "word\\"},
    ],
)
def test_names_are_the_same_however_they_are_spelled(
    spell: dict[str, str], only_directory: bool
) -> None:
    data = office(
        {
            "word/document.xml": word_xml(paragraph("body")),
            "word/header1.xml": word_xml(paragraph("top")),
        },
        {
            "": {"r": ("officeDocument", "word/document.xml")},
            "word/document.xml": {"h": ("header", "header1.xml")},
        },
    )
    spelled = respelled(data, spell, only_directory=only_directory)
    assert lines("a.docx", spelled) == ["body", "top"]


def test_a_part_in_another_encoding_of_xml_is_read() -> None:
    xml = word_xml(paragraph("größer 日本")).replace("UTF-8", "UTF-16")
    assert lines("a.docx", packed({"word/document.xml": xml.encode("utf-16")})) == ["größer 日本"]


def test_parts_that_refer_to_each_other_in_a_circle_end() -> None:
    drawn = {"c": ("chart", "/c.xml")}
    data = office(
        {"w.xml": word_xml(paragraph("text")), "c.xml": CHART},
        {"": {"r": ("officeDocument", "w.xml")}, "w.xml": drawn, "c.xml": drawn},
    )
    assert lines("a.docx", data)[:2] == ["text", "Sales of tea"]


@pytest.mark.parametrize("target", ["../../../etc/passwd", "file:///etc/passwd", "", "."])
def test_a_relationship_to_what_is_not_there_is_none(target: str) -> None:
    data = office(
        {"w.xml": word_xml(paragraph("text"))},
        {
            "": {"r": ("officeDocument", "w.xml")},
            "w.xml": {"h": ("header", quoteattr(target)[1:-1])},
        },
    )
    assert lines("a.docx", data) == ["text"]


def test_a_file_in_the_strict_form_of_the_standard_is_read() -> None:
    data = word(paragraph("body"), {"h": ("header", "top.xml")}, top=word_xml(paragraph("top")))
    strict = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(strict, "w") as new:
        for name in old.namelist():
            part = old.read(name).decode()
            part = part.replace(
                "schemas.openxmlformats.org/wordprocessingml/2006/main", "purl.oclc.org/w"
            )
            part = part.replace(
                "schemas.openxmlformats.org/officeDocument/2006", "purl.oclc.org/ooxml"
            )
            new.writestr(name, part)
    assert lines("a.docx", strict.getvalue()) == ["body", "top"]


def test_tables_within_tables_and_links_are_read() -> None:
    def table(*cells: str) -> str:
        row = "".join(f"<w:tc>{cell}</w:tc>" for cell in cells)
        return f"<w:tbl><w:tr>{row}</w:tr></w:tbl>"

    link = "<w:p><w:hyperlink><w:r><w:t>the link</w:t></w:r></w:hyperlink></w:p>"
    inner = table(paragraph("a"), paragraph("b"))
    text = " ".join(lines("a.docx", docx(table(inner + link, paragraph("c")))))
    assert text.split() == ["a", "b", "the", "link", "c"]


def test_signs_that_break_words_apart_are_left_out() -> None:
    assert lines("a.docx", docx(paragraph("Silben\u00adtrennung"))) == ["Silbentrennung"]
    assert extract("a.html", b"<p>Silben&shy;tren<wbr>nung") == "Silbentrennung"
    assert extract("a.txt", "first\n".encode("utf-8-sig") * 2) == "first\nfirst\n"


def test_what_cells_spell_out_is_read_as_the_character() -> None:
    cell = '<c t="inlineStr"><is><t>two_x000D_\nlines _x0041_</t></is></c>'
    rows = f"<sheetData><row>{cell}</row></sheetData>"
    assert lines("a.xlsx", workbook({"S": rows})) == ["S", "two lines A"]
    surrogate = rows.replace("_x0041_", "_xD800_")
    assert lines("a.xlsx", workbook({"S": surrogate})) == ["S", "two lines \ufffd"]


@pytest.mark.parametrize(
    "rows",
    [
        '<sheetData><row><c t="s"><v>-1</v></c><c t="s"><v>9</v></c><c t="s"><v>x</v></c></row>'
        "</sheetData>",
        '<sheetData><row><c r="ZZZZZZZZ99999999" s="77"><v>1e999</v></c></row></sheetData>',
        '<sheetData><row><c s="x" t="?"><v>5</v></c></row></sheetData>',
    ],
)
def test_cells_that_are_not_as_they_should_be_do_no_harm(rows: str) -> None:
    assert lines("a.xlsx", workbook({"S": rows}))[0] == "S"


@pytest.mark.parametrize("encoding", ["UTF-9", "base64", "", "shift_jis"])
def test_a_part_in_an_encoding_that_xml_has_not_is_broken(encoding: str) -> None:
    xml = word_xml(paragraph("text")).replace("UTF-8", encoding)
    with pytest.raises(ExtractionError, match="broken"):
        extract("a.docx", packed({"word/document.xml": xml}))
