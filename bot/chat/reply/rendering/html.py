"""Maps HTML tags in answers to Discord's Markdown."""

import re
from typing import Final

from bot.chat.reply.rendering.symbols import words

MARKS: Final = {
    name: mark
    for mark, names in {
        "**": "b strong summary mark h1 h2 h3 h4 h5 h6 th",
        "*": "i em cite var dfn",
        "__": "u ins",
        "~~": "s del strike",
        "`": "code kbd samp tt",
    }.items()
    for name in names.split()
}
"""The mark before and after the content of each of these tags."""

BLOCKS: Final = words(
    "p div details summary section article header footer center ul ol li dl dt dd "
    "blockquote h1 h2 h3 h4 h5 h6 table thead tbody tr figure figcaption"
)
"""Tags whose content stands on lines of its own."""

SILENT: Final = words("span small big font label abbr time td sub sup a q")
"""Tags that are dropped where their start or end tag is missing."""

_TAG: Final = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9]*)(?:[\s/][^>]*)?>")
_ATTRIBUTE: Final = re.compile(
    r"""([A-Za-z][\w-]*)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""", re.ASCII
)


def tag_name(html: str) -> tuple[str, bool] | None:
    """Return a tag's name in lower case, and whether it is an end tag."""
    match = _TAG.fullmatch(html)
    return (match[2].lower(), bool(match[1])) if match is not None else None


def attributes(html: str) -> dict[str, str]:
    """Return a tag's attributes by their names in lower case."""
    return {
        match[1].lower(): next(filter(None, match.groups()[1:]), "")
        for match in _ATTRIBUTE.finditer(html)
    }
