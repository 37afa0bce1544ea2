"""What a person reads in an OpenDocument file is in its text."""

from tests.hosted.extract.files import (
    opendocument,
    opendocument_xml,
)
from tests.hosted.extract.packed.contents import lines


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


def test_what_a_form_shows_is_read() -> None:
    body = (
        "<office:text><office:forms><form:form><form:fixed-text form:label='Name'/>"
        "<form:text form:value='old' form:current-value='Ada'/><form:date form:value='2024-05-06'/>"
        "<form:checkbox form:label='I agree' form:value='on'/><form:password form:value='secret'/>"
        "<form:hidden form:value='token'/><form:listbox><form:option form:label='one'/>"
        "<form:option form:label='two' form:current-selected='true'/></form:listbox>"
        "</form:form></office:forms><text:p>below</text:p></office:text>"
    )
    shown = ["Name", "Ada", "2024-05-06", "I agree", "two", "below"]
    assert lines("a.odt", opendocument("text", body)) == shown


def test_an_opendocument_spreadsheet_shows_its_cells_as_they_look() -> None:
    body = (
        "<office:spreadsheet><table:table table:name='Costs'><table:table-row>"
        "<table:table-cell office:value='1234.5'><text:p>1.234,50 €</text:p></table:table-cell>"
        "<table:table-cell table:number-columns-repeated='16000'/></table:table-row></table:table>"
        "</office:spreadsheet>"
    )
    assert lines("a.ods", opendocument("spreadsheet", body)) == ["Costs", "1.234,50 €"]


def test_a_cell_without_text_shows_its_value() -> None:
    values = {"value": "12.5", "date-value": "2024-05-06", "boolean-value": "true",
              "string-value": "x", "time-value": "PT10H30M00S"}  # fmt: skip
    cells = "".join(f"<table:table-cell office:{key}='{values[key]}'/>" for key in values)
    cells += (
        "<table:table-cell office:value='7'><office:annotation><text:p>why</text:p>"
        "</office:annotation></table:table-cell><table:covered-table-cell office:value='2'/>"
        "<table:table-cell office:value='1'><text:p/></table:table-cell>"
    )
    body = (
        "<office:spreadsheet><table:table table:name='T'><table:table-row>"
        f"{cells}</table:table-row></table:table></office:spreadsheet>"
    )
    assert lines("a.ods", opendocument("spreadsheet", body)) == [
        "T",
        "12.5\t2024-05-06\ttrue\tx\t10:30:00\twhy 7",
    ]
