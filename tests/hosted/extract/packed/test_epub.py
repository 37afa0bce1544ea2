"""What a person reads in a book is in its text, in its order."""

import pytest

from bot.hosted.extract import ExtractionError, extract
from tests.hosted.extract.files import (
    opendocument,
    packed,
)
from tests.hosted.extract.packed.contents import BOOK, lines


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
