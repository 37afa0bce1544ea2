"""Text out of files of every kind that is supported, and a clear no to the others."""

import io
import json
import zipfile
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.hosted.extract import ExtractionError, ExtractionLimits, extract
from bot.hosted.extract.decoding import unescaped_json
from bot.hosted.extract.kinds import HTML, JSON, TEXT
from tests.hosted.extract.files import (
    docx,
    opendocument,
    packed,
    paragraph,
    pdf,
    slide,
    workbook,
)
from tests.hosted.extract.packed.contents import BOOK

SMALL = ExtractionLimits(characters=50_000, unpacked_bytes=1_000_000, pages=50)


def error(name: str, data: bytes) -> tuple[str, str]:
    with pytest.raises(ExtractionError) as refused:
        extract(name, data, limits=SMALL)
    return refused.value.code, str(refused.value)


def attempt(name: str, data: bytes) -> str:
    """The text, or the sentence that refuses it; any other exception is a failure."""
    try:
        return extract(name, data, limits=SMALL)
    except ExtractionError as refused:
        return str(refused)


@pytest.mark.parametrize("ending", sorted(TEXT - {"svg", "xml"}))
def test_text_and_code_are_taken_as_they_are(ending: str) -> None:
    text = "def größe():\n\treturn '日本'\n"
    assert extract(f"some.{ending}", text.encode()) == text
    assert extract(f"SOME.{ending.upper()}", text.encode()) == text


def test_text_without_a_known_ending_is_text() -> None:
    assert extract("Makefile", b"all:\n\techo") == "all:\n\techo"
    assert extract("notes.unheard", "日本".encode()) == "日本"
    assert extract(".gitignore", b"*.pyc") == "*.pyc"
    assert extract("about", b"MZ and BM are how some words begin") != ""


@pytest.mark.parametrize(
    "encoding",
    ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"],
)
def test_unicode_is_read_in_every_form(encoding: str) -> None:
    text = "The size (Größe) of a thing is told in this line,\nand the next one. 日本"
    assert extract("a.txt", text.encode(encoding)) == text


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp932", "返品は到着後14日以内に限り承ります。返金は確認後にカードへ行います。" * 3),
        (
            "euc_jp",
            "会議室の予約は社内ポータルから行ってください。1回の利用は最大2時間までです。" * 3,
        ),
        (
            "gb18030",
            "退款将在收到退货后的七个工作日内退回原支付账户。电子商品一经下载不予退款。" * 3,
        ),
        ("cp1251", "Возврат денег производится в течение десяти дней после получения товара. " * 3),
        ("cp1252", "Die Größe der Tür überrascht: für Ärzte, Mütter und Väter ist sie schön. " * 3),
    ],
)
def test_older_encodings_are_guessed(encoding: str, text: str) -> None:
    assert extract("a.txt", text.encode(encoding)).strip() == text.strip()


def test_lines_end_alike_and_control_characters_are_left_out() -> None:
    assert extract("a.txt", b"one\r\ntwo\rthree\x07\x1b[0m\x0cfour") == "one\ntwo\nthree[0m\x0cfour"


def test_one_broken_character_does_not_spoil_a_long_file() -> None:
    data = "größer ".encode() * 20_000
    assert extract("a.txt", data + b"\xff end").endswith("größer \ufffd end")
    assert extract("a.txt", data + b"gr\xc3").endswith("größer gr\ufffd")
    assert extract("a.txt", data + b"no\x00ne").endswith("größer none")


def test_escapes_in_json_become_characters() -> None:
    data = {"名": "日本🙂", "quote": 'a"b\\u0041', "control": "\x01\n"}
    text = extract("a.json", json.dumps(data).encode())
    assert "名" in text
    assert "日本🙂" in text
    assert json.loads(text) == data
    assert extract("a.json", rb'"\ud800"') == '"\ufffd"'


printable = st.text(st.characters(codec="utf-8", exclude_categories=["C"]))


@given(
    st.recursive(printable | st.integers(), lambda v: st.lists(v) | st.dictionaries(printable, v))
)
def test_json_means_the_same_afterwards(value: object) -> None:
    assert json.loads(extract("a.json", json.dumps(value).encode())) == value


@given(st.text('\\u004108dDcCeE"n日', max_size=60), st.lists(st.integers(0, 60), max_size=8))
def test_json_that_comes_in_pieces_is_read_as_one_that_comes_whole(
    text: str, cuts: list[int]
) -> None:
    edges = [0, *sorted(cuts), len(text)]
    pieces = [text[a:b] for a, b in pairwise(edges)]
    assert "".join(unescaped_json(pieces)) == "".join(unescaped_json([text]))


def test_a_page_reads_as_it_looks() -> None:
    page = """<!DOCTYPE html><html><head><title>The   title</title><style>p { color: red }</style>
    <script>var hidden = "<p>no</p>";</script></head><body><!-- not this -->
    <h1>Heading</h1><p>Some <b>bold</b>, <a href="x">linked</a>text&nbsp;&amp; more&hellip;<br>next
    line</p><ul><li>one</li><li>two <i>and</i> three</li></ul>
    <table><tr><th>Name</th><th>Größe</th></tr><tr><td>a</td><td>1</td></tr></table>
    <pre>  kept
    as is</pre><img src="x" alt="a picture"><noscript>turn it on</noscript><template>x</template>
    <svg><text>drawn</text></svg><p>日本語<p>unclosed</body></html>"""
    assert extract("a.html", page.encode()).splitlines() == [
        "The title",
        "Heading",
        "Some bold, linkedtext & more…",
        "next line",
        "- one",
        "- two and three",
        "Name\tGröße\t",
        "a\t1\t",
        "  kept",
        "    as is",
        "a picture",
        "日本語",
        "unclosed",
    ]


def test_a_page_is_known_by_its_beginning_and_read_in_its_own_encoding() -> None:
    page = '<!-- saved --><html><meta charset="shift_jis"><p>日本'.encode("cp932")
    assert extract("page", page) == "日本"
    assert extract("a.htm", b'<meta charset="base64"><p>ok \xe4') == "ok ä"
    assert extract("a.htm", b'<meta charset="no-such"><p>plain') == "plain"
    assert extract("a.md", b"<html>is how pages begin") == "<html>is how pages begin"


@pytest.mark.parametrize("ending", sorted(JSON | HTML))
def test_the_other_endings_are_read_too(ending: str) -> None:
    assert extract(f"a.{ending}", b"[1]") == "[1]"


def test_a_word_file_is_read_in_order() -> None:
    table = (
        f"<w:tbl><w:tr><w:tc>{paragraph('left')}{paragraph('more')}</w:tc>"
        f"<w:tc>{paragraph('right')}</w:tc></w:tr></w:tbl>"
    )
    body = (
        paragraph("First & foremost")
        + "<w:p><w:r><w:t>tab</w:t><w:tab/><w:t>bed</w:t><w:br/><w:t>line</w:t></w:r></w:p>"
        + "<w:p><w:del><w:r><w:delText>deleted</w:delText></w:r></w:del>"
        + "<w:r><w:instrText>PAGE</w:instrText></w:r><w:ins><w:r><w:t>inserted</w:t></w:r></w:ins>"
        + "<w:moveFrom><w:r><w:t>old place</w:t></w:r></w:moveFrom></w:p>"
        + table
        + f"<mc:AlternateContent><mc:Choice>{paragraph('boxed')}</mc:Choice>"
        + f"<mc:Fallback>{paragraph('boxed')}</mc:Fallback></mc:AlternateContent>"
        + paragraph("日本語の文書")
    )
    text = extract("a.docx", docx(body, footnotes=paragraph("a note"), header1=paragraph("top")))
    assert text.splitlines() == [
        "First & foremost",
        "tab\tbed",
        "line",
        "inserted",
        "left more \tright \t",
        "boxed",
        "日本語の文書",
        "a note",
        "top",
    ]


def test_a_presentation_is_read_slide_by_slide() -> None:
    parts = {f"ppt/slides/slide{n}.xml": slide(f"slide {n}") for n in (10, 2, 1)}
    parts["ppt/notesSlides/notesSlide2.xml"] = slide("say this")
    text = extract("a.pptx", packed(parts))
    assert text.splitlines() == ["slide 1", "slide 2", "say this", "slide 10"]


BINARY_WORKBOOK = packed(
    {
        "_rels/.rels": '<Relationships><Relationship Type="x/officeDocument" Id="r" '
        'Target="xl/workbook.bin"/></Relationships>',
        "xl/workbook.bin": b"\x83\x01\x00",
    }
)
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 504


@pytest.mark.parametrize(
    ("name", "data", "code", "says"),
    [
        ("a.txt", b"", "invalid_file", "empty"),
        ("a.txt", b" \n\x00\t ", "invalid_file", "empty"),
        ("a.html", b"<p> </p><script>x</script>", "invalid_file", "no text"),
        ("a.docx", docx(""), "invalid_file", "no text"),
        ("a.pdf", pdf("", ""), "invalid_file", "may be pictures"),
        ("a.pdf", b"not a pdf", "invalid_file", "named .pdf"),
        ("a.docx", b"not a zip", "invalid_file", "named .docx"),
        ("a.docx", docx(paragraph("cut off"))[:-40], "invalid_file", "broken"),
        ("a.docx", docx("<w:p><w:unclosed></w:p>"), "invalid_file", "broken"),
        ("a.pdf", b"%PDF-1.7\nnothing else", "invalid_file", "broken"),
        ("a.pdf", pdf("text")[:300], "invalid_file", "broken"),
        ("a.docx", OLE, "invalid_file", "password"),
        ("a.doc", OLE, "unsupported_file", "old or password-protected"),
        ("a.xlsx", packed({"xl/workbook.xml": "x"}), "invalid_file", "broken"),
        ("a.xlsb", BINARY_WORKBOOK, "unsupported_file", "binary workbook"),
        ("a.pages", packed({"Index/Document.iwa": "x"}), "unsupported_file", "iWork"),
        ("a.xlsx", b"not a zip", "invalid_file", "named .xlsx"),
        ("a.zip", packed({"a.txt": "x"}), "unsupported_file", "archive"),
        ("a.png", b"\x89PNG\r\n\x1a\n\x00\x00", "unsupported_file", "an image"),
        ("a.txt", b"\x89PNG\r\n\x1a\n\x00\x00", "unsupported_file", "an image"),
        ("a.gz", b"\x1f\x8b\x08\x00abc", "unsupported_file", "compressed"),
        ("a", b"\x7fELF\x00\x01", "unsupported_file", "a program"),
        ("a.rtf", b"{\\rtf1 text}", "unsupported_file", "rich text"),
        ("a.bin", bytes(range(256)) * 10, "unsupported_file", "not text"),
        ("a.txt", b"\x01\x02\x03\xff" * 50, "unsupported_file", "not text"),
        ("a.txt", b"x" * 50_001, "invalid_file", "50,000 characters"),
        ("a.docx", docx(paragraph("x" * 50_001)), "invalid_file", "50,000 characters"),
        ("a.docx", docx(paragraph("x") * 30_000), "invalid_file", "unpacks"),
        ("a.pdf", pdf(*["x"] * 51), "invalid_file", "51 pages"),
    ],
)
def test_what_cannot_be_read_is_said_to_be_and_why(
    name: str, data: bytes, code: str, says: str
) -> None:
    told = error(name, data)
    assert told[0] == code
    assert says in told[1]


def test_a_file_that_is_too_large_is_refused_unread() -> None:
    with pytest.raises(ExtractionError, match="larger than 1 MiB"):
        extract("a.txt", b"x" * (2**20 + 1), limits=ExtractionLimits(file_bytes=2**20))


def test_entities_of_a_files_own_are_refused() -> None:
    laughs = "".join(
        f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' if n else '<!ENTITY l0 "lol">' for n in range(30)
    )
    xml = f"<!DOCTYPE w [{laughs}]><w><t>&l29;</t></w>"
    assert "entities" in error("a.docx", packed({"word/document.xml": xml}))[1]
    outside = '<!DOCTYPE w [<!ENTITY x SYSTEM "file:///etc/passwd">]><w><t>&x;</t></w>'
    assert "entities" in error("a.docx", packed({"word/document.xml": outside}))[1]


def test_a_zip_bomb_is_stopped_while_it_unpacks() -> None:
    bomb = packed({"word/document.xml": b"<w>" + b" " * 20_000_000})
    assert len(bomb) < 50_000
    assert "unpacks to more" in error("a.docx", bomb)[1]
    # a size that is declared too small does not help it
    declared = bomb.replace((20_000_003).to_bytes(4, "little"), (100).to_bytes(4, "little"))
    assert error("a.docx", declared)[0] == "invalid_file"


def test_deeply_nested_files_are_read() -> None:
    deep = "<w:x>" * 20_000 + paragraph("bottom") + "</w:x>" * 20_000
    assert extract("a.docx", docx(deep)).strip() == "bottom"
    assert extract("a.html", b"<div>" * 20_000 + b"bottom") == "bottom"
    assert extract("a.json", b"[" * 100_000).startswith("[[[")


ROWS = '<sheetData><row><c s="0"><v>45356</v></c><c t="s"><v>0</v></c></row></sheetData>'
STYLES = (
    '<numFmts><numFmt numFmtId="164" formatCode="d/m/yy h:mm"/></numFmts>'
    '<cellXfs><xf numFmtId="164"/></cellXfs>'
)


def stored(data: bytes) -> bytes:
    """A zip with parts that are not compressed, so that what is spoiled is what a part says."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    return out.getvalue()


SEEDS = [
    ("a.pdf", pdf("one page", "日本")),
    ("a.docx", docx(paragraph("some text") * 3)),
    ("a.pptx", packed({"ppt/slides/slide1.xml": slide("a", "b")})),
    ("a.xlsx", stored(workbook({"S": ROWS}, styles=STYLES))),
    ("a.odt", stored(opendocument("text", "<text:p>some <text:s text:c='3'/>text</text:p>"))),
    ("a.epub", stored(packed(BOOK))),
    ("a.docx", stored(docx(paragraph("some text") * 3, header1=paragraph("top")))),
    ("a.html", b"<html><p>text &amp; more<table><tr><td>x</td></tr></table>"),
    ("a.txt", "größer 日本".encode()),
]
spoils = st.lists(
    st.tuples(st.floats(0, 1), st.sampled_from("fdti"), st.binary(max_size=8)),
    min_size=1,
    max_size=6,
)


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(SEEDS), spoils)
def test_a_spoiled_file_has_text_or_an_error(
    seed: tuple[str, bytes], how: list[tuple[float, str, bytes]]
) -> None:
    name, data = seed
    for where, what, junk in how:
        at = int(where * len(data))
        if what == "f":
            data = data[:at] + junk + data[at + len(junk) :]
        elif what == "d":
            data = data[:at] + data[at + 5 :]
        elif what == "t":
            data = data[: max(at, len(data) // 2)]
        else:
            data = data[:at] + junk + data[at:]
    told = attempt(name, data)
    assert told.strip()
    told.encode()


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300), st.sampled_from(["a.txt", "a.html", "a.json", "a"]))
def test_any_bytes_have_text_or_an_error(data: bytes, name: str) -> None:
    assert attempt(name, data).encode().strip()
