"""Converts TeX formulas to Unicode text where that is readable."""

import re
import unicodedata
from typing import Final

from bot.chat.reply.rendering import symbols
from bot.chat.reply.rendering.packages import core_tex

LONGEST: Final = 600
"""The longest TeX, in code points, that is converted; a longer formula is unreadable as text."""

_LONGEST_LINE: Final = 80
_DEEPEST: Final = 8
_LONGEST_SCRIPT: Final = 16

_TOKEN: Final = re.compile(r"\\operatorname\*|\\[A-Za-z]+|\\.|[ \t\n]+|.", re.DOTALL)
_SCRIPTS: Final = "[′²³¹⁰-⁹⁺-ⁿᵃ-ᶿₐ-ₜ₀-₉]*"
_ALONE: Final = (
    rf"\d+!?|(?:[^\W_]\u0336)+|[\u3041-\u30ff\u4e00-\u9fff]+|[d∂]?[^\W\d_]{_SCRIPTS}!?"
    rf"|[^\W\d_]{_SCRIPTS}\([^()]*\)|\S|[(\[|][^()\[\]|]*[)\]|]"
)
_ATOM: Final = re.compile(_ALONE)
_IN_BRACKETS: Final = re.compile(r".|\([^()]*\)")
_TERM: Final = re.compile(rf"[^\W_]+{_SCRIPTS}|{_ALONE}")
_OPERAND_BEHIND: Final = "\u2061"  # FUNCTION APPLICATION, replaced by a space at the end
_BESIDE: Final = re.compile(f"{_OPERAND_BEHIND}(?=[\\s()|,.;:!?⌉⌋⟩\\]]|\\Z)")
_SPACES: Final = re.compile(r"[ \t]+")
_ROW_SPACE: Final = re.compile(r"\*?\s*\[\s*-?[\d.]+\s*(?:pt|em|ex|mm|cm)\s*\]")
_PLACE: Final = re.compile(r"\[[tbc]\]")
_LONGEST_STRUCK: Final = 4
_CELL: Final = "\ue000"
_ROW: Final = "\ue001"
_MOST_CELLS: Final = 12
_INLINE_OPERATORS: Final = {"=": "=", "<": "<", ">": ">", "+": "+", "-": "−"}
_GROUP: Final = frozenset("{")
_CHARACTERS: Final = {"~": " ", "'": "′", "*": " ∗ "}
_MARKS: Final = re.compile(r"[*_`~\\]")


class _UnreadableError(Exception):
    """The TeX can't be parsed, or has no readable form in Unicode."""


def unicode_lines(tex: str) -> tuple[str, ...] | None:
    """Return a formula as lines of Discord's Markdown; None if Unicode has no readable form."""
    if len(tex) > LONGEST:
        return None
    try:
        text = _Reader(core_tex(tex)).whole()
    except _UnreadableError:
        return None
    lines = tuple(filter(None, map(_spaced, text.split("\n"))))
    if not lines or any(len(line) > _LONGEST_LINE for line in lines):
        return None
    return lines


FORMULA: Final = re.compile(r"\ufdd0([^\ufdd1]*)\ufdd1")
"""The placeholder of a display formula in a text until the whole text is rendered.

Unicode reserves noncharacters for such use inside a program; those of an answer are removed.
"""

NONCHARACTERS: Final = re.compile("[\ufdd0-\ufdd2]")


def marked(tex: str) -> str:
    """Return a display formula's placeholder, which has no line breaks; ``tex_of`` reads it."""
    return "\ufdd0" + tex.replace("\n", "\ufdd2") + "\ufdd1"


def tex_of(match: re.Match[str]) -> str:
    """Return the TeX of a match of ``FORMULA``."""
    return match[1].replace("\ufdd2", "\n")


def on_one_line(tex: str) -> str:
    """Return a display formula as text within a line: Unicode or inline code."""
    lines = unicode_lines(tex)
    return lines[0] if lines is not None and len(lines) == 1 else as_code(tex)


def display(tex: str) -> str:
    """Return a display formula as text: lines of Unicode or a code block."""
    lines = unicode_lines(tex)
    if lines is not None:
        return "\n".join(_no_block(line) for line in lines)
    return f"```tex\n{tex.replace('```', '` ` `')}\n```"


def as_code(tex: str) -> str:
    """Return TeX as inline code, on one line."""
    text = " ".join(tex.split())
    ticks = "``" if "`" in text else "`"
    return f"{ticks}{text}{ticks}"


def _spaced(line: str) -> str:
    line = _BESIDE.sub("", line).replace(_OPERAND_BEHIND, " ")
    line = _SPACES.sub(" ", line).strip().replace("( ", "(").replace(" )", ")")
    return _MARKS.sub(r"\\\g<0>", line.replace("||", "‖"))


class _Reader:
    """Reads one formula from its beginning to its end."""

    def __init__(self, tex: str) -> None:
        self._tokens = _TOKEN.findall(tex.strip())
        self._at = 0
        self._depth = 0
        self._in_fraction = False
        self._in_matrix = False

    def whole(self) -> str:
        """Return the formula's lines; raises ``_UnreadableError``."""
        text = self._sequence(None)
        if self._at < len(self._tokens):
            raise _UnreadableError
        return text

    def _peek(self) -> str | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _next(self) -> str:
        token = self._peek()
        if token is None:
            raise _UnreadableError
        self._at += 1
        return token

    def _skip_space(self) -> None:
        while (token := self._peek()) is not None and token.isspace():
            self._at += 1

    def _sequence(self, end: str | None) -> str:
        """Return as Unicode the tokens up to ``end``, which is skipped; None: to the end."""
        self._depth += 1
        if self._depth > _DEEPEST:
            raise _UnreadableError
        pieces: list[str] = []
        while True:
            token = self._peek()
            if token == end:
                self._at += 1
                break
            if token is None:
                raise _UnreadableError
            self._at += 1
            if token in ("^", "_"):
                self._add_script(pieces, token)
            elif token in _INLINE_OPERATORS:
                pieces.append(self._operator(pieces, _INLINE_OPERATORS[token]))
            elif (piece := self._one(token, pieces)) or token in _GROUP:
                pieces.append(piece)
        self._depth -= 1
        return "".join(pieces)

    def _one(self, token: str, pieces: list[str]) -> str:
        if token.isspace():
            return " "
        match token:
            case "{":
                return self._sequence("}")
            case "&" if self._in_matrix:
                return _CELL
            case "&" if self._depth > 1:
                return " "
            case "}" | "&" | "#" | "$" | "\\":
                raise _UnreadableError
        if token[0] == "\\":
            return self._command(token[1:], pieces)
        return _CHARACTERS.get(token, token)

    @staticmethod
    def _operator(pieces: list[str], operator: str) -> str:
        """Return an operator between spaces; without spaces if the operator is a sign."""
        before = "".join(pieces[-2:]).rstrip()
        if operator in "+−±∓" and (not before or before[-1] in "([{=<>≤≥≠≈+−×·÷/,^∈→⇒⇔"):
            return operator
        return f" {operator} "

    def _command(self, name: str, pieces: list[str]) -> str:
        if name in symbols.OPERATORS:
            return self._operator(pieces, symbols.OPERATORS[name])
        if name in symbols.SYMBOLS:
            if name.isalpha():
                self._skip_space()
            if name in symbols.CLOSING:
                _drop_space(pieces)
            return symbols.SYMBOLS[name]
        if name in symbols.LARGE:
            return symbols.LARGE[name] + _OPERAND_BEHIND
        if name in symbols.FUNCTIONS:
            before = "".join(pieces[-1:])[-1:]
            return (" " if before.isalnum() or before == ")" else "") + name + _OPERAND_BEHIND
        if name in symbols.SPACES:
            return " "
        if name in symbols.IGNORED:
            if name in ("left", "right", "middle") and self._peek() == ".":
                self._at += 1
            return ""
        if name in symbols.TEXTS:
            text = self._argument()
            return text + _OPERAND_BEHIND if name.startswith("operatorname") else text
        if name in symbols.ACCENTS:
            return self._accented(name)
        if name in symbols.ALPHABETS:
            return self._lettered(symbols.ALPHABETS[name])
        return self._structure(name, pieces)

    def _structure(self, name: str, pieces: list[str]) -> str:
        match name:
            case "frac" | "dfrac" | "tfrac" | "cfrac":
                return self._fraction()
            case "sqrt":
                return self._root()
            case "binom" | "dbinom" | "tbinom":
                return f"C({self._argument()}, {self._argument()})"
            case "pmod":
                return f" (mod {self._argument()})"
            case "mod":
                return " mod "
            case "tag":
                self._at += self._peek() == "*"
                return f"  ({self._argument()})"
            case "not":
                return unicodedata.normalize("NFC", self._argument().strip() + "\u0338").join("  ")
            case "overset" | "stackrel" | "underset":
                return self._stacked(name)
            case "xrightarrow" | "xleftarrow" | "xlongequal":
                return self._labelled(name)
            case "cancel" | "bcancel" | "xcancel":
                return self._struck()
            case "begin":
                return self._environment()
            case "\\":
                return self._line_end()
            case _:
                raise _UnreadableError

    def _line_end(self) -> str:
        self._skip(_ROW_SPACE)
        if self._in_matrix:
            return _ROW
        if self._depth > 2:
            raise _UnreadableError
        return "\n"

    def _skip(self, pattern: re.Pattern[str]) -> None:
        """Skip the next tokens if their joined text matches the pattern."""
        found = pattern.match("".join(self._tokens[self._at : self._at + 12]))
        left = 0 if found is None else found.end()
        while left > 0:
            left -= len(self._next())

    def _stacked(self, name: str) -> str:
        """Return a relation with something above, or a named function with something below."""
        extra, base = self._argument().strip(), self._argument()
        plain = base.strip().replace(_OPERAND_BEHIND, "")
        if name == "underset" and plain in symbols.FUNCTIONS:
            return f"{plain}({extra.replace(' ', '')}){_OPERAND_BEHIND}"
        if name != "underset" and (extra, plain) in symbols.ABOVE:
            return f" {symbols.ABOVE[extra, plain]} "
        if plain not in {"→", "⇌", "⇒"}:
            raise _UnreadableError
        return f" {plain}[{extra}] "

    def _labelled(self, name: str) -> str:
        """Return an arrow with its labels in brackets."""
        below = ""
        if self._peek() == "[":
            self._at += 1
            below = self._sequence("]").strip()
        labels = ", ".join(filter(None, (self._argument().strip(), below)))
        arrow = {"xrightarrow": "→", "xleftarrow": "←"}.get(name, "=")
        return f" {arrow}[{labels}] ".replace("[]", "")

    def _struck(self) -> str:
        text = self._argument().strip()
        if not text.isalnum() or len(text) > _LONGEST_STRUCK:
            raise _UnreadableError
        return "".join(f"{each}\u0336" for each in text)

    def _environment(self) -> str:
        name = self._raw_group()
        if name in symbols.MATRICES:
            return self._matrix(name)
        if name.removesuffix("*") not in symbols.LINES or self._depth > 1:
            raise _UnreadableError
        self._skip(_PLACE)
        if name.startswith("align") and "at" in name:
            self._raw_group()  # the number of columns
        text = self._sequence(r"\end")
        if self._raw_group() != name:
            raise _UnreadableError
        return text

    def _matrix(self, name: str) -> str:
        """Return a matrix in one line: commas between its cells, semicolons between its rows."""
        outer, self._in_matrix = self._in_matrix, True
        text = self._sequence(r"\end")
        self._in_matrix = outer
        if self._raw_group() != name or text.count(_CELL) + text.count(_ROW) >= _MOST_CELLS:
            raise _UnreadableError
        rows = filter(str.strip, text.split(_ROW))
        cells = "; ".join(", ".join(map(str.strip, row.split(_CELL))) for row in rows)
        brackets = symbols.MATRICES[name]
        return f"{brackets[0]}{cells}{brackets[1]}"

    def _raw_group(self) -> str:
        if self._next() != "{":
            raise _UnreadableError
        name = ""
        while (token := self._next()) != "}":
            name += token
        return name

    def _argument(self) -> str:
        self._skip_space()
        token = self._next()
        self._depth += 1
        if self._depth > _DEEPEST:
            raise _UnreadableError
        text = _INLINE_OPERATORS.get(token) or self._one(token, [])
        self._depth -= 1
        return text

    def _fraction(self) -> str:
        if self._in_fraction:
            raise _UnreadableError
        self._in_fraction = True
        above, below = self._argument(), self._argument()
        self._in_fraction = False
        above, below = above.strip(), below.strip()
        if (above, below) in symbols.FRACTIONS:
            return symbols.FRACTIONS[above, below]
        return f"{_enclosed(above, _TERM)}/{_enclosed(below)}{_OPERAND_BEHIND}"

    def _root(self) -> str:
        degree = ""
        if self._peek() == "[":
            self._at += 1
            degree = self._sequence("]").strip()
        sign = {"": "√", "2": "√", "3": "∛", "4": "∜"}.get(degree)
        if sign is None:
            raised = symbols.superscript(degree)
            if raised is None:
                raise _UnreadableError
            sign = f"{raised}√"
        return sign + _enclosed(self._argument().strip())

    def _accented(self, name: str) -> str:
        text = self._argument().strip()
        spread = name in ("overline", "underline")
        if not text.isalnum() or not (len(text) == 1 or (spread and len(text) <= 4)):
            raise _UnreadableError
        return "".join(each + symbols.ACCENTS[name] for each in text)

    def _lettered(self, alphabet: str) -> str:
        letters = [symbols.in_alphabet(each, alphabet) for each in self._argument().strip()]
        if not letters or None in letters:
            raise _UnreadableError
        return "".join(filter(None, letters))

    def _add_script(self, pieces: list[str], mark: str) -> None:
        inside = self._argument().strip().replace(_OPERAND_BEHIND, " ")
        if not inside or len(inside) > _LONGEST_SCRIPT:
            raise _UnreadableError
        named = bool(pieces) and pieces[-1].endswith(_OPERAND_BEHIND)
        if named:
            pieces[-1] = pieces[-1][:-1]
        _drop_space(pieces)
        small = (symbols.superscript if mark == "^" else symbols.subscript)(inside)
        if small is None:
            close = inside.replace(" ", "") if mark == "_" else inside
            if named and mark == "_":
                small = f"({close})"
            else:
                alone = close.isdigit() or (mark == "_" and close.isalnum())
                small = mark + (close if alone else _enclosed(close, _IN_BRACKETS))
        pieces.append(small + (_OPERAND_BEHIND if named else ""))


def _drop_space(pieces: list[str]) -> None:
    while pieces and pieces[-1].isspace():
        pieces.pop()


def _enclosed(text: str, atom: re.Pattern[str] = _ATOM) -> str:
    """Add parentheses around a text of more than one term."""
    if not text:
        raise _UnreadableError
    return text if atom.fullmatch(text) else f"({text})"


def _no_block(line: str) -> str:
    """Escape a line that Discord would read as a quote, heading or list."""
    return f"\\{line}" if line[:1] in ">#-+" else line
