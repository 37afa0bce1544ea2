"""Reads PDF files page by page: text, form fields and annotations."""

import io
import logging
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, cast

from bot.hosted.extract.html import html_text
from bot.hosted.extract.limits import Collector, ExtractionError, ExtractionLimits

if TYPE_CHECKING:
    from pypdf import PageObject

_MOST_ANNOTATIONS: Final = 10_000  # of a page
_DEPTH: Final = 32  # of fields within fields
# bits of an annotation's and of a field's flags (ISO 32000-1, 12.5.3 and 12.7.4)
_HIDDEN: Final = 1 << 1
_NO_VIEW: Final = 1 << 5
_PASSWORD: Final = 1 << 13
_PUSHED: Final = 1 << 16

# ISO 32000-1, table 118: encodings of East Asian fonts that pypdf does not know
_CMAPS: Final = {
    **dict.fromkeys(("83pv-RKSJ", "90msp-RKSJ", "90pv-RKSJ", "Add-RKSJ", "Ext-RKSJ"), "cp932"),
    "EUC": "euc_jp",
    "GBKp-EUC": "gbk",
    "B5pc": "big5",
    "HKscs-B5": "big5hkscs",
    **dict.fromkeys(("KSC-EUC", "KSCpc-EUC", "KSCms-UHC", "KSCms-UHC-HW"), "cp949"),
    **{
        f"{script}-UTF{bits}": f"utf-{bits}" + ("" if bits == 8 else "-be")
        for script in ("UniJIS", "UniJIS2004", "UniJISX0213", "UniGB", "UniCNS", "UniKS")
        for bits in (8, 16, 32)
    },
}


def pdf_text(data: bytes, limits: ExtractionLimits) -> str:
    """Return the text of all pages with blank lines between; unreadable pages are skipped.

    Raises ExtractionError if the file is encrypted or broken, or no page is readable.
    """
    import pypdf  # heavy: loaded only for PDFs
    from pypdf._cmap import _predefined_cmap  # pypdf takes no encodings by a public way
    from pypdf.errors import FileNotDecryptedError, PyPdfError

    for name, codec in _CMAPS.items():
        for direction in "HV":
            _predefined_cmap.setdefault(f"/{name}-{direction}", codec)

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # it warns of each oddity of a file
    collector = Collector(limits)
    try:
        reader = pypdf.PdfReader(io.BytesIO(data))
        if reader.is_encrypted and not reader.decrypt(""):
            raise _locked()
        count = len(reader.pages)
    except FileNotDecryptedError as locked:
        raise _locked() from locked
    except ExtractionError:
        raise
    except (PyPdfError, *_BROKEN) as broken:
        raise ExtractionError("broken", "The PDF is broken or cut off.") from broken
    if count > limits.pages:
        raise ExtractionError(
            "too_large", f"The PDF has {count:,} pages, more than {limits.pages:,}. Split it."
        )
    unread = 0
    for index in range(count):
        try:
            page = reader.pages[index]
            collector.add(page.extract_text() + "\n")
        except FileNotDecryptedError as locked:
            raise _locked() from locked
        except (PyPdfError, *_BROKEN):
            unread += 1
            continue
        for text in _annotation_texts(page):
            collector.add(text + "\n")
        collector.add("\n")
    if count == unread:
        raise ExtractionError("broken", "The PDF is broken: no page of it can be read.")
    return collector.text


def _annotation_texts(page: "PageObject") -> Iterator[str]:
    """Return the text of a page's annotations; unreadable ones are skipped."""
    from pypdf.errors import PyPdfError

    try:
        annotations = list(_entry(page, "/Annots") or ())
    except (PyPdfError, *_BROKEN):
        return
    for reference in annotations[:_MOST_ANNOTATIONS]:
        with suppress(PyPdfError, *_BROKEN):
            yield from _displayed_text(page, reference.get_object())


def _displayed_text(page: "PageObject", annotation: Any) -> list[str]:
    """Return the text of a form field, a note or a stamp."""
    if int(_entry(annotation, "/F") or 0) & (_HIDDEN | _NO_VIEW):
        return []
    kind = _entry(annotation, "/Subtype")
    stated = ""
    if kind == "/Widget":
        stated = _field_value(annotation)
    elif kind not in ("/Link", "/Popup"):
        stated = _string(_entry(annotation, "/Contents"))
        rich = "" if stated else _string(_entry(annotation, "/RC"))
        stated = stated or html_text([rich], ExtractionLimits())
    drawn = _appearance_text(page, annotation)
    if "".join(stated.split()) in "".join(drawn.split()):
        stated = ""
    return [text for text in (drawn, stated) if text]


def _appearance_text(page: "PageObject", annotation: Any) -> str:
    """Return the text of an annotation's current appearance."""
    from pypdf.errors import PyPdfError

    try:
        appearance = _entry(_entry(annotation, "/AP") or {}, "/N")
        if appearance is not None and not hasattr(appearance, "get_data"):
            appearance = _entry(appearance, _entry(annotation, "/AS") or "/Off")
        if appearance is None or "/Resources" not in appearance:
            return ""
        return page.extract_xform_text(appearance).strip()
    except (PyPdfError, *_BROKEN):
        return ""


def _entry(holder: Any, key: str) -> Any:
    """Return a dictionary's entry with references resolved; None if it is missing."""
    return holder[key] if key in holder else None  # noqa: SIM401 - get() resolves no references


def _field_value(field: Any) -> str:
    """Return a form field's value, a choice by its label; "" for a password."""
    flags = int(_inherited(field, "/Ff") or 0)
    if _inherited(field, "/FT") == "/Btn":
        return _string(_entry(_entry(field, "/MK") or {}, "/CA")) if flags & _PUSHED else ""
    if flags & _PASSWORD:
        return ""
    value = _inherited(field, "/V")
    shown = {}
    for option in _inherited(field, "/Opt") or ():
        pair = option.get_object()
        if isinstance(pair, list) and len(pair) == 2:
            shown[_string(pair[0])] = _string(pair[1])
    values = value if isinstance(value, list) else [value]
    return ", ".join(shown.get(text, text) for each in values if (text := _string(each)))


def _inherited(field: Any, key: str) -> Any:
    for _ in range(_DEPTH):
        if key in field:
            return field[key]
        if "/Parent" not in field:
            return None
        field = field["/Parent"]
    return None


def _string(value: Any) -> str:
    """Return a PDF string; a long one may be a stream."""
    if value is None:
        return ""
    value = value.get_object() if hasattr(value, "get_object") else value
    if hasattr(value, "get_data"):
        return cast("bytes", value.get_data()).decode("utf-8", "replace")
    return str(value).strip() if isinstance(value, str | bytes) else ""


# The exceptions of pypdf's parser for broken files; written in Python, it raises any of these.
_BROKEN: Final = (
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    AssertionError,
    ArithmeticError,
    OSError,
    EOFError,
    RuntimeError,
)


def _locked() -> ExtractionError:
    return ExtractionError(
        "locked", "The PDF is encrypted. Save it without a password or protection."
    )
