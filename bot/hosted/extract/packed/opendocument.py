"""Reads OpenDocument texts, spreadsheets and presentations (LibreOffice and others)."""

import re
from typing import Final

from bot.hosted.extract.kinds import unsupported
from bot.hosted.extract.limits import Collector, ExtractionError
from bot.hosted.extract.packed.package import Attributes, Elements, Package, Reader, joined

_PARAGRAPHS: Final = frozenset({"p", "h"})
_SKIPPED: Final = frozenset({"tracked-changes", "deletion", "scripts", "sequence-decls"})
_TYPED: Final = frozenset(
    {"text", "textarea", "formatted-text", "number", "date", "time", "combobox"}
)
_LABELLED: Final = frozenset({"fixed-text", "checkbox", "radio", "button", "frame"})
_APART: Final = frozenset({"note", "annotation", "text-box"})
_MOST_SPACES: Final = 100
_VALUES: Final = (":string-value", ":date-value", ":time-value", ":boolean-value", ":value")
_TIME: Final = re.compile(r"PT(\d+)H(\d+)M(\d+)(?:[.,]\d+)?S")


def read_opendocument(package: Package, collector: Collector) -> None:
    """Read the content, then headers and footers, then objects such as charts."""
    if "META-INF/manifest.xml" in package:
        encryption = Elements("encryption-data", "encrypted-key")
        package.parse("META-INF/manifest.xml", encryption)
        if encryption.found:
            raise ExtractionError("locked", "The file is password-protected.")
    kind = b""
    if "mimetype" in package:
        kind = package.read("mimetype").strip()
    if kind and b"opendocument" not in kind:
        raise unsupported("an archive; add the files in it one by one")
    content = _ContentReader(collector)
    package.parse("content.xml", content)
    if "styles.xml" in package and b"spreadsheet" not in kind:
        with package.skipping_broken():
            package.parse("styles.xml", _ContentReader(collector, only_pages=True))
    for target in dict.fromkeys(content.objects):
        part = f"{joined('', target)}/content.xml"
        if part in package:
            with package.skipping_broken():
                package.parse(part, _ContentReader(collector))


class _ContentReader(Reader):
    """Collects paragraphs; notes and text boxes follow the paragraph that contains them."""

    def __init__(self, collector: Collector, *, only_pages: bool = False) -> None:
        self.objects: list[str] = []
        self._collector = collector
        self._only_pages = only_pages
        self._in_forms = False
        self._pages = 0
        self._skipping = 0
        self._cells = 0
        self._value = ""  # the open cell's value, until a paragraph shows it
        self._open: list[str] = []  # open paragraphs, notes and boxes; the innermost is last
        self._lines: list[list[str]] = [[]]
        self._gaps = [False]
        self._after: list[list[str]] = [[]]
        self._reading: list[str] | None = None

    def start(self, name: str, attributes: Attributes) -> None:
        if name in ("master-page", "master-styles"):
            self._pages += 1
        if self._skipping or name in _SKIPPED or attributes.get(":class") in _HINTS:
            self._skipping += 1
        elif name in _PARAGRAPHS or name in _APART:
            if name in _PARAGRAPHS and not self._open:
                self._value = ""
            self._open.append(name)
            self._lines.append([])
            self._gaps.append(False)
            self._after.append([])
        elif name == "table-cell":
            self._cells += 1
            self._value = next(filter(None, map(attributes.get, _VALUES)), "")
        elif name == "table" and attributes.get(":name") and not self._cells and not self._open:
            self._out(f"{attributes[':name']}\n")
        elif name == "forms":
            self._in_forms = True
        elif self._in_forms and (shown := _shown(name, attributes)):
            self._out(f"{shown}\n")
        elif name == "object" and ":href" in attributes:
            self.objects.append(attributes[":href"])
        elif name == "ruby-text":
            self._reading = []
        elif self._in_paragraph():
            if name == "s":
                count = attributes.get(":c", "1")
                self._lines[-1].append(
                    " " * min(int(count) if count.isdecimal() else 1, _MOST_SPACES)
                )
            elif name == "tab":
                self._lines[-1].append("\t")
            elif name == "line-break":
                self._lines[-1].append("\n")

    def end(self, name: str) -> None:
        if name in ("master-page", "master-styles"):
            self._pages -= 1
        if self._skipping:
            self._skipping -= 1
        elif name in _PARAGRAPHS or name in _APART:
            self._close(name)
        elif name == "table-cell":
            self._cells -= 1
            if time := _TIME.fullmatch(self._value):
                self._value = ":".join(part.rjust(2, "0") for part in time.groups())
            self._out(f"{self._value}\t")
            self._value = ""
        elif name == "table-row":
            self._out("\n")
        elif name == "forms":
            self._in_forms = False
        elif name == "ruby-text" and self._reading is not None:
            self._after[-1].append(f"({''.join(self._reading)})\n")
            self._reading = None

    def _close(self, name: str) -> None:
        self._open.pop()
        self._gaps.pop()
        text = "".join(self._lines.pop())
        if name in _PARAGRAPHS:
            text = text.rstrip(" ") + (" " if self._cells else "\n")
        text += "".join(self._after.pop())
        if not self._open:
            self._out(text)
        elif self._open[-1] in _PARAGRAPHS:
            self._after[-1].append(text)
        else:
            self._lines[-1].append(text)

    def _in_paragraph(self) -> bool:
        return bool(self._open) and self._open[-1] in _PARAGRAPHS

    def characters(self, text: str) -> None:
        if self._skipping:
            return
        if self._reading is not None:
            self._reading.append(text)
        elif self._in_paragraph():
            words = " ".join(text.split())
            line = self._lines[-1]
            if text[:1].isspace() and line and not line[-1].endswith((" ", "\n", "\t")):
                line.append(" ")
            if words:
                line.append(words)
                if text[-1:].isspace():
                    line.append(" ")

    def _out(self, text: str) -> None:
        if not self._only_pages or self._pages:
            self._collector.add(text)


def _shown(name: str, attributes: Attributes) -> str:
    """Return the text that a form control shows: a label, what was typed, or a chosen entry."""
    if name in _TYPED:
        return attributes.get(":current-value", attributes.get(":value", ""))
    chosen = attributes.get(":current-selected", attributes.get(":selected")) == "true"
    return (
        attributes.get(":label", "") if name in _LABELLED or (name == "option" and chosen) else ""
    )


# placeholders on master pages, whose text is only a prompt
_HINTS: Final = frozenset(
    {"title", "outline", "subtitle", "notes", "page-number", "date-time", "header"}
)
