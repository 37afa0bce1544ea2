"""Text out of PDF files: pages, form fields and annotations; locked and endless files."""

import io

import pypdf
import pytest

from bot.hosted.extract import extract
from tests.hosted.extract.files import (
    pdf,
    pdf_of,
)
from tests.hosted.extract.test_extract import error


def test_a_pdf_is_read_page_by_page_in_japanese_too() -> None:
    text = extract("a.pdf", pdf("First page, größer", "返金はいつできますか"))
    assert [line.strip() for line in text.split("\n\n") if line.strip()] == [
        "First page, größer",
        "返金はいつできますか",
    ]
    assert extract("named.txt", b"junk before\n" + pdf("still a PDF")).strip() == "still a PDF"


def test_one_broken_page_does_not_spoil_a_pdf() -> None:
    data = pdf("good page", "bad page")
    broken = data.replace("bad page".encode("utf-16-be").hex().encode(), b"zz" * 16)
    assert "good page" in extract("a.pdf", broken)


def locked_pdf(user: str, owner: str, algorithm: str) -> bytes:
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(pdf("a secret")))
    writer.encrypt(user, owner, algorithm=algorithm)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("cmap", "codec", "text"),
    [
        ("90ms-RKSJ-H", "cp932", "請求書①㈱"),
        ("90msp-RKSJ-V", "cp932", "請求書 ABC 123"),
        ("EUC-H", "euc_jp", "請求書"),
        ("UniJIS-UTF8-H", "utf-8", "請求書①㈱"),
        ("UniJIS2004-UTF32-H", "utf-32-be", "請求書𠮷"),
        ("UniJIS2004-UTF16-H", "utf-16-be", "請求書𠮷"),
        ("GBKp-EUC-H", "gbk", "中文测试"),
        ("B5pc-V", "big5", "繁體中文"),
        ("HKscs-B5-H", "big5hkscs", "嘅嗰"),
        ("KSC-EUC-H", "euc_kr", "한국어"),
        ("KSCms-UHC-H", "cp949", "한국어똠"),
        ("KSCms-UHC-HW-V", "cp949", "한국어 ABC"),
    ],
)
def test_fonts_of_east_asian_encodings_are_read(cmap: str, codec: str, text: str) -> None:
    data = pdf("page")
    data = data.replace(b"/UniJIS-UCS2-H", f"/{cmap}".encode())
    data = data.replace(
        "page".encode("utf-16-be").hex().encode(), text.encode(codec).hex().encode()
    )
    assert extract("a.pdf", data).strip() == text


def test_a_word_that_a_soft_hyphen_cuts_at_a_lines_end_is_whole() -> None:
    drawn = b"BT /F1 12 Tf 14 TL 50 700 Td (infor\xad) Tj T* (mation) Tj ET".ljust(60)
    old = b"BT /F1 12 Tf 50 700 Td (printed on it) Tj ET   "
    data = annotated_pdf().replace(b"/Length 44", b"/Length 60").replace(old, drawn)
    assert extract("a.pdf", data).strip() == "information"


@pytest.mark.parametrize("algorithm", ["RC4-40", "RC4-128", "AES-128", "AES-256-R5", "AES-256"])
def test_a_pdf_that_anyone_may_read_is_read_and_a_locked_one_is_not(algorithm: str) -> None:
    assert extract("a.pdf", locked_pdf("", "owner", algorithm)).strip() == "a secret"
    code, message = error("a.pdf", locked_pdf("user", "owner", algorithm))
    assert code == "invalid_file"
    assert "encrypted" in message


def annotated_pdf(*annotations: bytes) -> bytes:
    """A page of one line with annotations, which may refer to each other from object 20 on."""
    base = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources "
        b"<< /Font << /F1 5 0 R >> >> /Annots ["
        + b" ".join(b"%d 0 R" % (20 + n) for n in range(len(annotations)))
        + b"] >>",
        b"<< /Length 44 >>\nstream\nBT /F1 12 Tf 50 700 Td (printed on it) Tj ET   \nendstream",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        b"<< /Subtype /Form /BBox [0 0 99 20] /Resources << /Font << /F1 5 0 R >> >> /Length 37 >>"
        b"\nstream\nBT /F1 9 Tf 2 5 Td (1,234.50 EUR) Tj ET\nendstream",
    ]
    filler = [b"null"] * (19 - len(base))
    return pdf_of([*base, *filler, *annotations])


def test_what_is_filled_in_and_noted_on_a_page_is_read() -> None:
    data = annotated_pdf(
        b"<< /Subtype /Widget /FT /Tx /T (a) /V (Ada Lovelace) /Rect [0 0 9 9] >>",
        b"<< /Subtype /Widget /FT /Tx /T (b) /V (1234.5) /AP << /N 6 0 R >> /Rect [0 0 9 9] >>",
        b"<< /Subtype /Widget /FT /Ch /T (c) /V (de) /Opt [[(de) (Germany)] [(fr) (France)]] >>",
        b"<< /Subtype /Widget /Parent << /FT /Tx /V (of the parent) >> >>",
        b"<< /Subtype /Widget /FT /Tx /Ff 8192 /V (hunter2) >>",
        b"<< /Subtype /Widget /FT /Tx /F 2 /V (a hidden one) >>",
        b"<< /Subtype /Widget /FT /Btn /Ff 65536 /MK << /CA (Send it) >> >>",
        b"<< /Subtype /Widget /FT /Btn /V /Yes /AS /Yes >>",
        b"<< /Subtype /FreeText /Contents (written across) >>",
        b"<< /Subtype /Text /Contents (a sticky note) >>",
        b"<< /Subtype /FreeText /RC (<body><p>written <b>richly</b></p></body>) >>",
        b"<< /Subtype /Highlight /Contents (marked, why?) >>",
        b"<< /Subtype /Stamp /AP << /N 6 0 R >> >>",
        b"<< /Subtype /Link /Contents (not shown) >>",
        b"(no annotation)",
        b"<< /Subtype /Widget /Parent 35 0 R >>",
    )
    assert [line for line in extract("a.pdf", data).splitlines() if line.strip()] == [
        "printed on it",
        "Ada Lovelace",
        "1,234.50 EUR",
        "1234.5",
        "Germany",
        "of the parent",
        "Send it",
        "written across",
        "a sticky note",
        "written richly",
        "marked, why?",
        "1,234.50 EUR",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "# File signatures\n\n| PDF | `%PDF-` |\n",
        "%PDF-1.4 is how a PDF begins.\n",
        "%PDF-1.4\n1 0 obj\n<<>>\nendobj\n%%EOF\nThat was all of it.\n" + "More. " * 200,
        "日本語の説明：PDFは %PDF-1.7 で始まります。",
    ],
)
def test_a_text_that_speaks_of_pdfs_is_a_text(text: str) -> None:
    assert extract("a.md", text.encode()) == text
    assert extract("notes", text.encode()) == text


def test_a_pdf_is_known_by_what_it_is_whatever_its_name() -> None:
    assert extract("scan.bin", b"junk\n" + pdf("a page")).strip() == "a page"
    assert extract("a.txt", pdf("a page") + b"\r\n\x00\x00").strip() == "a page"


def test_a_pdf_whose_pages_contain_themselves_ends() -> None:
    looped = pdf_of(
        [b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [2 0 R] /Count 9 >>"]
    )
    assert error("a.pdf", looped)[0] == "invalid_file"
