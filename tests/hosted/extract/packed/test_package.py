"""Zip packages: names of parts, relationships, encodings and forms of XML."""

import io
import zipfile
from xml.sax.saxutils import quoteattr

import pytest

from bot.hosted.extract import ExtractionError, extract
from tests.hosted.extract.files import (
    office,
    opendocument,
    packed,
    paragraph,
    slide,
    word_xml,
    workbook,
)
from tests.hosted.extract.packed.contents import (
    BOOK,
    CHART,
    lines,
    presentation,
    word,
)


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
def test_a_relationship_to_a_missing_part_is_ignored(target: str) -> None:
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


BAD = "<oops"
BROKEN = {
    "header": ("a.docx", word(paragraph("good"), {"h": ("header", "h.xml")}, h=BAD)),
    "chart": ("a.docx", word(paragraph("good"), {"c": ("chart", "c.xml")}, c=BAD)),
    "relationships": (
        "a.docx",
        packed({"word/document.xml": word_xml(paragraph("good")),
                "word/_rels/document.xml.rels": BAD}),
    ),
    "slide": (
        "a.pptx",
        office(
            {"p.xml": presentation("a", "b"), "a.xml": BAD, "b.xml": slide("good"), "n.xml": BAD},
            {
                "": {"r": ("officeDocument", "p.xml")},
                "p.xml": {"a": ("slide", "a.xml"), "b": ("slide", "b.xml")},
                "b.xml": {"n": ("notesSlide", "n.xml")},
            },
        ),
    ),
    "sheet": (
        "a.xlsx",
        workbook(
            {
                "One": "<sheetData><row><c",
                "Two": '<sheetData><row><c t="str"><v>good</v></c></row></sheetData>',
            },
            strings="<si>",
            styles='<numFmts><numFmt numFmtId="x" formatCode="0"/></numFmts>',
        ),
    ),
    "styles and object": (
        "a.odt",
        opendocument(
            "text",
            "<text:p>good</text:p><draw:object xlink:href='./Object 1'/>",
            styles=BAD,
            **{"Object 1__content": BAD},
        ),
    ),
    "book's list": ("a.epub", packed({**BOOK, "OEBPS/book.opf": BAD, "a.xhtml": "<p>good</p>"})),
}  # fmt: skip


@pytest.mark.parametrize("part", BROKEN)
def test_a_broken_part_is_left_out_and_the_others_are_read(part: str) -> None:
    name, data = BROKEN[part]
    assert "good" in lines(name, data)


def test_a_file_of_broken_parts_alone_is_broken() -> None:
    slides = office(
        {"p.xml": presentation("a"), "a.xml": BAD},
        {"": {"r": ("officeDocument", "p.xml")}, "p.xml": {"a": ("slide", "a.xml")}},
    )
    with pytest.raises(ExtractionError, match="broken"):
        extract("a.pptx", slides)


@pytest.mark.parametrize("encoding", ["UTF-9", "base64", "", "shift_jis"])
def test_a_part_in_an_encoding_that_xml_has_not_is_broken(encoding: str) -> None:
    xml = word_xml(paragraph("text")).replace("UTF-8", encoding)
    with pytest.raises(ExtractionError, match="broken"):
        extract("a.docx", packed({"word/document.xml": xml}))
