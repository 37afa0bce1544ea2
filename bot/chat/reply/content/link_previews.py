"""Suppresses the previews that Discord shows of the links in a message."""

import re
from typing import Final

_TOKEN: Final = re.compile(
    r"(?P<code>(?<!`)(?P<ticks>`{3,})(?!`)(?:.|\n)*?(?:(?P=ticks)|\Z)"
    r"|(?<!`)(?P<tick>`{1,2})(?!`)[^`]+(?P=tick)(?!`)"
    r"|<[^\s<>]{1,1000}>)"
    r"|\]\((?P<target>https?://[^\s()<>]*(?:\([^\s()<>]*\)[^\s()<>]*)*)"
    r"|(?P<bare>https?://[^\s<>|`\"、。「」（）]+)"
)


def suppress_previews(text: str) -> str:
    """Return Markdown whose links have no previews; a single link keeps its preview.

    Discord shows no preview of an address in angle brackets.
    """
    if text.count("://") < 2:
        return text
    links = sum(match["code"] is None for match in _TOKEN.finditer(text))
    return _TOKEN.sub(_quiet, text) if links > 1 else text


def _quiet(match: re.Match[str]) -> str:
    if match["code"] is not None:
        return match[0]
    if match["target"] is not None:
        return f"](<{match['target']}>"
    address = match["bare"]
    end = len(address)
    while address[end - 1] in "*_~.,:;!?'])":
        if address[end - 1] == ")" and address.count("(", 0, end) >= address.count(")", 0, end):
            break
        end -= 1
    return f"<{address[:end]}>{address[end:]}"
