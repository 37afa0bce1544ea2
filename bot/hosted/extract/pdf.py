"""Text of PDF files, page by page."""

import io
import logging

from bot.hosted.extract.limits import Collector, ExtractionError, ExtractionLimits


def pdf_text(data: bytes, limits: ExtractionLimits) -> str:
    """The text of all pages, a blank line between them; a page that cannot be read is left out.

    Raises ExtractionError where the file is locked or broken, or no page can be read.
    """
    import pypdf  # heavy: loaded for PDFs alone
    from pypdf.errors import DependencyError, FileNotDecryptedError, PyPdfError

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # it warns of each oddity of a file
    collector = Collector(limits)
    try:
        reader = pypdf.PdfReader(io.BytesIO(data))
        if reader.is_encrypted and not reader.decrypt(""):
            raise _locked()
        count = len(reader.pages)
    except (FileNotDecryptedError, DependencyError) as locked:
        raise _locked() from locked
    except ExtractionError:
        raise
    except (PyPdfError, *_BROKEN) as broken:
        raise ExtractionError("invalid_file", "The PDF is broken or cut off.") from broken
    if count > limits.pages:
        raise ExtractionError(
            "invalid_file", f"The PDF has {count:,} pages, more than {limits.pages:,}. Split it."
        )
    unread = 0
    for index in range(count):
        try:
            collector.add(reader.pages[index].extract_text() + "\n\n")
        except (FileNotDecryptedError, DependencyError) as locked:
            raise _locked() from locked
        except (PyPdfError, *_BROKEN):
            unread += 1
    if count == unread:
        raise ExtractionError("invalid_file", "The PDF is broken: no page of it can be read.")
    return collector.text


# What its parser raises for files that are not as it expects; it is written in Python, so a broken
# file shows as any of these.
_BROKEN = (
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    AssertionError,
    ArithmeticError,
    NotImplementedError,
    OSError,
    RecursionError,
    EOFError,
    RuntimeError,
)


def _locked() -> ExtractionError:
    return ExtractionError(
        "invalid_file", "The PDF is encrypted. Save it without a password or protection."
    )
