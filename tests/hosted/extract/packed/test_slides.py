"""What a person reads in a presentation is in its text."""

from tests.hosted.extract.files import (
    DRAWING,
    office,
    slide,
)
from tests.hosted.extract.packed.contents import drawing, lines, presentation


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
