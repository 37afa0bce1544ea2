"""What a person reads in a workbook is in its text, each cell as it is displayed."""

import pytest

from bot.hosted.extract.packed.cell_formats import format_cell
from tests.hosted.extract.files import (
    workbook,
)
from tests.hosted.extract.packed.contents import lines


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
            '<comment ref="B2"><text><r><t>look </t></r><r><t>here</t></r>'
            '<rPh sb="0" eb="1"><t>pronounced</t></rPh></text></comment>'
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


def test_a_workbook_with_dates_since_1904_shows_them_right() -> None:
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
        ("1e21", "General", "1E+21"),
        ("1234.5", "¥#,##0", "¥1,235"),
        ("1.005", "0.00", "1.01"),
        ("-2.5", "0", "-3"),
        ("1e300", "0", "1" + 300 * "0"),
        ("0.75", "# ?/?", "3/4"),
        ("2.5", "# ??/??", "2 1/2"),
        ("2.96875", "# ?/?", "3"),
        ("-1.25", "# ?/?", "-1 1/4"),
        ("1.5", "?/?", "3/2"),
        ("0.3", "# ?/8", "2/8"),
        ("0.25", "# ??/100", "25/100"),
        ("60", '0 "km/h"', "60 km/h"),
        ("5", "0 kg", "5 kg"),
        ("45356", '[$-411]ggge"年"m"月"d"日"', "令和6年3月5日 (2024-03-05)"),
        ("43585", "ge.m.d", "H31.4.30 (2019-04-30)"),
        ("32515", "gge.mm.dd", "昭64.01.07 (1989-01-07)"),
        ("32516", "gge.mm.dd", "平1.01.08 (1989-01-08)"),
        ("45356", '[$-ja-JP]yyyy"年"m"月"d"日"dddd', "2024年3月5日火曜日 (2024-03-05)"),
        ("45356", 'm"月"d"日"(aaa)', "3月5日(火)"),
        ("45356", "yyyy-mm-dd aaaa", "2024-03-05 火曜日"),
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
        ("1e300", "yyyy-mm-dd", "1E+300"),
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


def test_escaped_characters_in_cells_are_read() -> None:
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
