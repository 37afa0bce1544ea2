"""Detects the kind of a file by its first bytes and, if these are ambiguous, by its name."""

import re
from typing import Final, Literal

from bot.hosted.extract.limits import ExtractionError

Kind = Literal["text", "json", "html", "pdf", "packed"]

TEXT: Final = frozenset(
    """
    bat bib c cc cfg cjs conf cpp cs css csv cxx dart diff env erl ex exs f90 go gradle
    graphql h hpp hs ini java jl js jsx kt kts less lisp log lua m markdown md mjs ml nim
    patch php pl pm properties proto ps1 py pyi r rb rs rst scala scss sh sql srt styl svelte
    svg swift tex text tf toml ts tsv tsx txt vb vtt vue xml yaml yml zig
    """.split()  # noqa: SIM905 - a table of names is read, not typed out
)
JSON: Final = frozenset({"geojson", "ipynb", "json", "jsonl", "ndjson"})
HTML: Final = frozenset({"htm", "html", "xhtml"})

PACKED: Final = frozenset(
    """
    docm docx dotm dotx epub odg odp ods odt otp ots ott potm potx ppsm ppsx pptm pptx xlsm xlsx
    xltm xltx
    """.split()  # noqa: SIM905 - a table of names is read, not typed out
)

SUPPORTED: Final = (
    "text and source code, Markdown, HTML, CSV, JSON, PDF, Word, Excel and PowerPoint "
    "(.docx, .xlsx, .pptx), OpenDocument and EPUB"
)

_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_PDF_MARK: Final = re.compile(rb"%PDF-\d")
_PDF_OBJECT: Final = re.compile(rb"\b\d+\s+\d+\s+obj\b")
_HTML_START: Final = re.compile(
    rb"\s*(?:<!--.*?-->\s*|<\?xml[^>]*\?>\s*)*<(?:!doctype html|html)\b", re.IGNORECASE | re.DOTALL
)
_OTHER_FORMATS: Final[dict[bytes, str]] = {
    b"\x89PNG": "an image",
    b"GIF8": "an image",
    b"\xff\xd8\xff": "an image",
    b"BM": "an image",
    b"II*\x00": "an image",
    b"MM\x00*": "an image",
    b"RIFF": "sound, video or an image",
    b"ID3": "sound",
    b"OggS": "sound",
    b"fLaC": "sound",
    b"\x1a\x45\xdf\xa3": "a video",
    b"\x1f\x8b": "a compressed file",
    b"BZh": "a compressed file",
    b"\xfd7zXZ": "a compressed file",
    b"7z\xbc\xaf": "an archive",
    b"Rar!": "an archive",
    b"\x7fELF": "a program",
    b"MZ": "a program",
    b"SQLite format 3": "a database",
    b"{\\rtf": "a rich text file",
}


def is_text(name: str) -> bool:
    """Return whether the extension of a file name means a plain text file."""
    return _ending(name) in TEXT | JSON | HTML


def is_readable(name: str) -> bool:
    """Return whether the extension of a file name means a file whose text can be extracted."""
    return is_text(name) or _ending(name) in PACKED | {"pdf"}


def _ending(name: str) -> str:
    return name.rpartition(".")[2].lower() if "." in name else ""


def kind_of(name: str, data: bytes) -> Kind:
    """Return the kind of a file; raises ExtractionError if it is broken or not supported.

    Only the first bytes are examined; the reader of packed files examines their contents.
    """
    ending = _ending(name)
    if not data.strip(b"\x00\t\n\r "):
        raise ExtractionError("no_text", "The file is empty.")
    head = data[:4096]
    if _is_pdf(ending, data):
        return "pdf"
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return "packed"
    if ending == "pdf" or ending in PACKED:
        raise _not_what_it_is_named(ending, head)
    if head.startswith(_OLE):
        raise unsupported(
            "an old or password-protected Office file; save it as .docx, .xlsx or .pptx"
        )
    for start, what in _OTHER_FORMATS.items():
        # short signatures can begin a text as well; a text has no NUL
        if head.startswith(start) and (len(start) > 3 or b"\x00" in head):
            raise unsupported(what)
    if ending in HTML or (ending not in TEXT and _HTML_START.match(head)):
        return "html"
    return "json" if ending in JSON else "text"


def _is_pdf(ending: str, data: bytes) -> bool:
    """Return whether bytes are a PDF: a text that only quotes the signature has no objects."""
    if not _PDF_MARK.search(data[:1024]):
        return False
    if ending == "pdf":
        return True
    objects = _PDF_OBJECT.search(data) is not None
    # a text about PDFs may quote a whole PDF, and goes on after it
    return objects and (b"%%EOF" in data[-1024:].rstrip(b"\x00\t\n\r ")[-16:] or b"\x00" in data)


def _not_what_it_is_named(ending: str, head: bytes) -> ExtractionError:
    if head.startswith(_OLE) and ending != "pdf":
        return ExtractionError(
            "locked",
            f"The file is password-protected, or an old Office file named .{ending}. Save it "
            f"without a password as .{ending}.",
        )
    return ExtractionError(
        "broken", f"The file is named .{ending}, but it is broken or something else."
    )


def unsupported(what: str) -> ExtractionError:
    """Return the error for an unsupported kind of file; ``what`` names the kind."""
    return ExtractionError("unsupported", f"The file is {what}. Supported are {SUPPORTED}.")


def not_text() -> ExtractionError:
    """Return the error for a supposed text file that is not text."""
    return unsupported("not text, and of no kind that can be read")
