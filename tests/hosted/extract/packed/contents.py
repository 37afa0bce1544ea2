"""Contents of Office files and books, and the lines of text extracted from a file."""

from bot.hosted.extract import extract
from tests.hosted.extract.files import (
    DRAWING,
    office,
    word_xml,
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


def presentation(*ids: str) -> str:
    listed = "".join(f'<p:sldId id="{256 + n}" r:id="{key}"/>' for n, key in enumerate(ids))
    return (
        f'<p:presentation xmlns:p="urn:p" xmlns:r="urn:r"><p:sldIdLst>{listed}</p:sldIdLst>'
        "</p:presentation>"
    )


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
