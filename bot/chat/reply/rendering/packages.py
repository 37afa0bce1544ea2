"""Replaces commands of TeX packages (mhchem, siunitx, physics and others) by plain TeX."""

import re
from collections.abc import Callable
from typing import Final

from bot.chat.reply.rendering.chemistry import chemistry

LONGEST: Final = 2_000
"""The longest TeX in which commands of packages are replaced, in characters."""

_MOST_EXPANSIONS: Final = 100
"""The limit of replaced commands in a formula."""

_PREFIXES: Final = {
    "pico": "p", "nano": "n", "micro": "\\mu ", "milli": "m", "centi": "c", "deci": "d",
    "hecto": "h", "kilo": "k", "mega": "M", "giga": "G", "tera": "T",
}  # fmt: skip
_UNITS: Final = {
    "meter": "m", "metre": "m", "gram": "g", "kilogram": "kg", "second": "s", "ampere": "A",
    "kelvin": "K", "mole": "mol", "candela": "cd", "newton": "N", "joule": "J", "watt": "W",
    "pascal": "Pa", "hertz": "Hz", "coulomb": "C", "volt": "V", "ohm": "\\Omega ", "farad": "F",
    "tesla": "T", "henry": "H", "weber": "Wb", "siemens": "S", "becquerel": "Bq", "gray": "Gy",
    "sievert": "Sv", "lumen": "lm", "lux": "lx", "radian": "rad", "steradian": "sr",
    "degree": "^{\\circ}", "celsius": "^{\\circ}C", "degreeCelsius": "^{\\circ}C", "liter": "L",
    "litre": "L", "minute": "min", "hour": "h", "day": "d", "electronvolt": "eV", "bar": "bar",
    "percent": "\\%", "bit": "bit", "byte": "B", "tonne": "t", "hectare": "ha", "dalton": "Da",
    "angstrom": "Å", "decibel": "dB", "astronomicalunit": "au",
}  # fmt: skip
_POWERS: Final = {"squared": "2", "cubed": "3"}
_POWERS_BEFORE: Final = {"square": "2", "cubic": "3"}
_IN_UNIT: Final = re.compile(
    r"\\(?P<command>[A-Za-z]+)(?:\s*\{(?P<value>[^{}]*)\})?|(?P<letters>[^\W\d_]+)"
    r"|\^\s*(?:\{(?P<braced>[^{}]*)\}|(?P<power>-?\d))|(?P<dot>[.·*])|(?P<space>[\s~]+)|(?P<other>.)",
    re.DOTALL,
)
_ENDS_IN_NAME: Final = re.compile(r"\\[A-Za-z]+\Z")
_DEFINES: Final = re.compile(r"\\(?:(?:re)?newcommand|def|let)(?![A-Za-z])")
_SCIENTIFIC: Final = re.compile(r"\s*(?P<digits>[-+]?[\d.,]+)\s*[eE]\s*(?P<power>[-+]?\d+)\s*")
_NUMBER_AND_UNIT: Final = re.compile(
    r"\s*(?P<number>[-+]?[\d.,]+(?:[eE][-+]?\d+)?)?\s*(?P<unit>.*)", re.DOTALL
)


def core_tex(tex: str) -> str:
    """Return TeX with the commands of packages replaced; unreadable commands stay."""
    if len(tex) > LONGEST or _DEFINES.search(tex):
        return tex
    at = 0
    for _ in range(_MOST_EXPANSIONS):
        found = _COMMAND.search(tex, at)
        if found is None:
            break
        count, expand = _EXPANSIONS[found[1]]
        option, end = _option(tex, found.end())
        groups: list[str] = []
        while len(groups) < count and (group := _group(tex, end)) is not None:
            groups.append(group[0])
            end = group[1]
        plain = expand(option, groups)
        if plain is None:
            at = found.end()
        else:
            before, at = tex[: found.start()] + plain, found.start()
            if _ENDS_IN_NAME.search(before) and tex[end : end + 1].isalpha():
                before += " "  # otherwise the next letter would belong to the command's name
            tex = before + tex[end:]
    return tex


def _option(tex: str, at: int) -> tuple[str, int]:
    if tex.startswith("[", at) and (end := tex.find("]", at)) >= 0:
        return tex[at + 1 : end], end + 1
    return "", at


def _group(tex: str, at: int) -> tuple[str, int] | None:
    """Return the text in braces at an index, and the index after them; None without braces."""
    while at < len(tex) and tex[at].isspace():
        at += 1
    if not tex.startswith("{", at):
        return None
    depth = 0
    for end in range(at, len(tex)):
        if tex[end] in "{}" and tex[end - 1] != "\\":
            depth += 1 if tex[end] == "{" else -1
            if depth == 0:
                return tex[at + 1 : end], end + 1
    return None


def _number(text: str) -> str:
    found = _SCIENTIFIC.fullmatch(text)
    if found is None:
        return text.strip()
    return rf"{found['digits']} \times 10^{{{found['power'].removeprefix('+')}}}"


def _unit(text: str) -> str:
    r"""Return a unit of siunitx, such as ``\meter\per\second`` or ``m/s^2``, as plain TeX."""
    written, power, per, prefixed = "", "", False, False
    for found in _IN_UNIT.finditer(text):
        name = found["command"]
        if name in _POWERS and written:
            written += f"^{{{_POWERS[name]}}}"
        elif name in _POWERS_BEFORE:
            power = _POWERS_BEFORE[name]
        elif name == "per":
            per = True
        elif name == "tothe" and written:
            written += f"^{{{found['value']}}}"
        elif name in _PREFIXES:
            written, per, prefixed = _beside(written, per), False, True
            written += _upright(_PREFIXES[name])
        elif name in _UNITS:
            written, per = (written if prefixed else _beside(written, per)), False
            written += _upright(_UNITS[name]) + (f"^{{{power}}}" if power else "")
            power, prefixed = "", False
        elif name is not None or found["letters"]:
            written += found[0] if name else _upright(found["letters"])
        elif (raised := found["braced"] or found["power"]) and written:
            written += f"^{{{raised}}}"
        elif found["dot"]:
            written += r"\cdot "
        elif found["space"]:
            written += r"\," if written else ""
        else:
            written += found[0]
    return written


def _beside(written: str, per: bool) -> str:
    """Return the beginning of a unit, with a slash or a space for the next part."""
    if per:
        return f"{written or '1'}/"
    return rf"{written}\," if written else ""


def _upright(unit: str) -> str:
    if unit.startswith("^"):
        return unit[:8] + (rf"\mathrm{{{unit[8:]}}}" if unit[8:] else "")
    return unit if unit.startswith("\\") else rf"\mathrm{{{unit}}}"


def _quantity(_: str, groups: list[str]) -> str | None:
    return None if len(groups) < 2 else rf"{_number(groups[0])}\,{_unit(groups[1])}"


def _physical(_: str, groups: list[str]) -> str | None:
    found = _NUMBER_AND_UNIT.fullmatch(groups[0]) if groups else None
    if found is None:
        return None
    number = _number(found["number"] or "")
    return rf"{number}\,{_unit(found['unit'])}" if number else _unit(found["unit"])


def _angle(_: str, groups: list[str]) -> str | None:
    signs = (r"^{\circ}", "'", "''")
    parts = groups[0].split(";") if groups else []
    if not 1 <= len(parts) <= len(signs):
        return None
    together = zip(parts, signs, strict=False)
    return "".join(f"{part}{sign}" for part, sign in together if part.strip())


def _derivative(sign: str) -> "Expansion":
    def expand(option: str, groups: list[str]) -> str | None:
        if not groups:
            return None
        power = f"^{{{option}}}" if option else ""
        above = groups[0] if len(groups) > 1 else ""
        return rf"\frac{{{sign}{power}{above}}}{{{sign}{groups[-1]}{power}}}"

    return expand


def _braket(_: str, groups: list[str]) -> str | None:
    return rf"\langle {'|'.join(groups)} \rangle" if groups else None


def _each(form: str, count: int) -> "Expansion":
    """Return an expansion to ``form``, whose ``#1``, ``#2``, … become a command's groups."""

    def expand(_: str, groups: list[str]) -> str | None:
        if len(groups) < count:
            return None
        return re.sub(r"#(\d)", lambda found: groups[int(found[1]) - 1], form)

    return expand


Expansion = Callable[[str, list[str]], str | None]
"""Returns a command as plain TeX, from its option and groups; None for an unreadable command."""

_FORMS: Final = {
    "abs": r"\left|#1\right|",
    "norm": r"\left\|#1\right\|",
    "bra": r"\langle #1|",
    "ket": r"|#1\rangle ",
    "expval": r"\langle #1 \rangle ",
    "ev": r"\langle #1 \rangle ",
    "vb": r"\mathbf{#1}",
    "va": r"\vec{#1}",
    "vu": r"\hat{#1}",
    "dd": r"\,d#1",
    "order": r"O\left(#1\right)",
    "require": "",
    "mathring": r"\overset{\circ}{#1}",
    "set": r"\{#1\}",
    "Set": r"\{#1\}",
    "textsuperscript": r"^{\text{#1}}",
    "textsubscript": r"_{\text{#1}}",
    "overparen": r"\overset{\frown}{#1}",
    "wideparen": r"\overset{\frown}{#1}",
    "arc": r"\overset{\frown}{#1}",
}

_EXPANSIONS: Final[dict[str, tuple[int, Expansion]]] = {
    **{name: (1, _each(form, 1)) for name, form in _FORMS.items()},
    "ce": (1, lambda _, groups: chemistry(groups[0]) if groups else None),
    "pu": (1, _physical),
    "SI": (2, _quantity),
    "qty": (2, _quantity),
    "num": (1, lambda _, groups: _number(groups[0]) if groups else None),
    "unit": (1, lambda _, groups: _unit(groups[0]) if groups else None),
    "si": (1, lambda _, groups: _unit(groups[0]) if groups else None),
    "ang": (1, _angle),
    "dv": (2, _derivative("d")),
    "pdv": (2, _derivative(r"\partial ")),
    "braket": (2, _braket),
    "comm": (2, _each("[#1, #2]", 2)),
    "cancelto": (2, _each(r"\cancel{#2}^{#1}", 2)),
    "prescript": (3, _each("{}^{#1}_{#2}#3", 3)),
    "degreeCelsius": (0, _each(r"^{\circ}\mathrm{C}", 0)),
    "celsius": (0, _each(r"^{\circ}\mathrm{C}", 0)),
    "AA": (0, _each("Å", 0)),
    "textdegree": (0, _each(r"^{\circ}", 0)),
    "permil": (0, _each("‰", 0)),
    "hdots": (0, _each(r"\ldots ", 0)),
    "nicefrac": (2, _each(r"\tfrac{#1}{#2}", 2)),
    "sfrac": (2, _each(r"\tfrac{#1}{#2}", 2)),
    **{
        name: (0, _each(rf"\mathbb{{{name[0]}}}", 0)) for name in ("R", "N", "Z", "Q", "C", "Reals")
    },
}
_COMMAND: Final = re.compile(rf"\\({'|'.join(_EXPANSIONS)})(?![A-Za-z])")
