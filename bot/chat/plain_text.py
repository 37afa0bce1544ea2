"""Discord's text as plain text: what can be stored, and what a person reads of its markup."""

import re
from typing import Final

_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def well_formed(text: str) -> str:
    """Join surrogate pairs and replace lone surrogates by U+FFFD: UTF-8 can't hold them."""
    if _SURROGATE.search(text):
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text
