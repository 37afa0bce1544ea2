"""What a person reads in a Word file is in its text."""

from bot.hosted.extract import extract
from tests.hosted.extract.files import (
    docx,
    office,
    paragraph,
    slide,
    word_xml,
    workbook,
)
from tests.hosted.extract.packed.contents import (
    CHART,
    SMART_ART,
    drawing,
    lines,
    presentation,
    word,
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


def test_tables_within_tables_and_links_are_read() -> None:
    def table(*cells: str) -> str:
        row = "".join(f"<w:tc>{cell}</w:tc>" for cell in cells)
        return f"<w:tbl><w:tr>{row}</w:tr></w:tbl>"

    link = "<w:p><w:hyperlink><w:r><w:t>the link</w:t></w:r></w:hyperlink></w:p>"
    inner = table(paragraph("a"), paragraph("b"))
    text = " ".join(lines("a.docx", docx(table(inner + link, paragraph("c")))))
    assert text.split() == ["a", "b", "the", "link", "c"]


def test_characters_that_split_words_are_removed() -> None:
    assert lines("a.docx", docx(paragraph("Silben\u00adtrennung"))) == ["Silbentrennung"]
    assert extract("a.html", b"<p>Silben&shy;tren<wbr>nung") == "Silbentrennung"
    assert extract("a.txt", "first\n".encode("utf-8-sig") * 2) == "first\nfirst\n"
