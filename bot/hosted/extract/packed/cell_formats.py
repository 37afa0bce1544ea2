"""Formats spreadsheet numbers as a person sees them: dates, percentages, currencies.

Number formats are ECMA-376 part 1, 18.8.30 and 18.8.31. Names of days and months are English,
those of Japanese eras and of the days beside them are Japanese.
"""

import math
import operator
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Final

BUILT_IN: Final = {
    1: "0", 2: "0.00", 3: "#,##0", 4: "#,##0.00", 9: "0%", 10: "0.00%", 11: "0.00E+00",
    12: "# ?/?", 13: "# ??/??", 14: "yyyy-mm-dd", 15: "d-mmm-yy", 16: "d-mmm", 17: "mmm-yy",
    18: "h:mm AM/PM", 19: "h:mm:ss AM/PM", 20: "h:mm", 21: "h:mm:ss", 22: "yyyy-mm-dd h:mm",
    37: "#,##0;-#,##0", 38: "#,##0;-#,##0", 39: "#,##0.00;-#,##0.00", 40: "#,##0.00;-#,##0.00",
    45: "mm:ss", 46: "[h]:mm:ss", 47: "mm:ss.0", 48: "##0.0E+0", 49: "@",
    **dict.fromkeys([*range(27, 32), 36, *range(50, 59)], "yyyy-mm-dd"),
}  # fmt: skip
"""Built-in formats by number; the local short date becomes ISO 8601."""

_TOKEN: Final = re.compile(
    r'"(?P<quoted>[^"]*)"|\\(?P<escaped>.)|_.|\*.|\[\$(?P<currency>[^\]-]*)[^\]]*\]'
    r"|\[(?P<elapsed>h+|m+|s+)\]|\[[^\]]*\]"
    r"|(?P<half>AM/PM|A/P|上午/下午)|(?P<exponent>E[+-]0+)|(?P<date>y+|m+|d+|h+|s+|e+|a{3,4})"
    r"|(?P<era>g+)"
    r"|(?P<fraction>\.0+(?=[^0-9#?]|\Z))|(?P<digit>[0#?])|(?P<other>.)",
    re.IGNORECASE | re.DOTALL,
)
_CONDITION: Final = re.compile(r"\[(<=|>=|<>|<|>|=)(-?[\d.]+)\]")
_COMPARISONS: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
    "=": operator.eq, "<>": operator.ne,
}  # fmt: skip
_SECTIONS: Final = re.compile(r'((?:"[^"]*"|\\.|\[[^\]]*\]|[^;])*)(?:;|\Z)')
_ISO_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d")
_NOT_ZERO: Final = re.compile("[1-9]")
_JAPANESE: Final = re.compile(r"\[\$-(?:[0-9A-F]{0,5}411|ja)\b", re.IGNORECASE)
_MOST_DIGITS: Final = 30
_EXACT: Final = Context(prec=400)  # a number has at most 309 digits before its point
_ERAS: Final = (
    (datetime(2019, 5, 1), "R", "令和"),  # noqa: DTZ001 - cells have no time zone
    (datetime(1989, 1, 8), "H", "平成"),  # noqa: DTZ001
    (datetime(1926, 12, 25), "S", "昭和"),  # noqa: DTZ001
    (datetime(1912, 7, 30), "T", "大正"),  # noqa: DTZ001
    (datetime(1868, 1, 25), "M", "明治"),  # noqa: DTZ001
)
_WEEKDAYS: Final = "月火水木金土日"

Token = tuple[str, str]


def format_cell(value: str, code: str, *, from_1904: bool = False) -> str:
    """Format a cell's number by its format code; return other values unchanged."""
    try:
        number = float(value)
    except ValueError:
        return value
    if not math.isfinite(number):
        return value
    sections = _sections(code)
    section, number = _chosen(sections, number)
    if section.strip().lower() in ("", "@") and len(sections) == 1:
        return _general(number)
    if not section:
        return ""
    tokens = _tokens(section)
    kinds = {kind for kind, _ in tokens}
    if kinds & {"date", "elapsed", "half"}:
        return _date(tokens, number, from_1904) or _general(number)
    return _number(tokens, number)


@lru_cache(maxsize=512)
def _sections(code: str) -> tuple[str, ...]:
    found = []
    for match in _SECTIONS.finditer(code):
        found.append(match[1])
        if match.end() == len(code):
            break
    return tuple(found) if code else ("General",)


@lru_cache(maxsize=512)
def _tokens(section: str) -> tuple[Token, ...]:
    section = re.sub("general", "\x00", section, flags=re.IGNORECASE)
    found: list[Token] = []
    for match in _TOKEN.finditer(section):
        kind = match.lastgroup
        if kind is None:
            continue
        is_literal = kind in ("quoted", "escaped", "currency")
        found.append(("literal" if is_literal else kind, match[kind]))
    if not any(kind == "date" for kind, _ in found):
        found = [("other" if kind == "era" else kind, text) for kind, text in found]
    elif _JAPANESE.search(section):
        for index, (kind, text) in enumerate(found):
            if kind == "date" and len(text) > 2:
                found[index] = (kind, text.replace("d", "a"))
    return tuple(found)


def _chosen(sections: tuple[str, ...], number: float) -> tuple[str, float]:
    """Return the format section for a number, and the number without the sign it shows."""
    conditions = [_CONDITION.search(section) for section in sections]
    if any(conditions):
        for section, condition in zip(sections, conditions, strict=True):
            if condition is None or _COMPARISONS[condition[1]](number, float(condition[2])):
                return section, number
        return "General", number
    if number < 0 and len(sections) > 1:
        return sections[1], -number
    if number == 0 and len(sections) > 2:
        return sections[2], number
    return sections[0], number


def _general(number: float) -> str:
    if number == int(number) and abs(number) < 1e15:
        return str(int(number))
    return f"{number:.15g}".upper()


def _number(tokens: tuple[Token, ...], number: float) -> str:
    if number < 0:
        made = _number(tokens, -number)
        return f"-{made}" if _NOT_ZERO.search(made) else made
    places = [index for index, (kind, _) in enumerate(tokens) if kind in ("digit", "fraction")]
    if not places:
        return "".join(_general(number) if text in ("\x00", "@") else text for _, text in tokens)
    percents = sum(text == "%" for kind, text in tokens if kind == "other")
    first, last = places[0], places[-1]
    inside = tokens[first : last + 1]
    for slash in range(first + 1, len(tokens) - 1):
        if tokens[slash] == ("other", "/") and tokens[slash - 1][0] == "digit":
            return _fraction(tokens, first, slash, number)
    number *= 100**percents
    after = last + 1
    while after < len(tokens) and tokens[after] == ("other", ","):
        number /= 1000
        after += 1
    decimals = 0
    point = False
    whole_digits = 0
    for kind, text in inside:
        if kind == "fraction":
            decimals = len(text) - 1
        elif kind == "other" and text == ".":
            point = True
        elif kind == "digit" and point:
            decimals += 1
        elif kind == "digit" and text == "0":
            whole_digits += 1
    grouped = ("other", ",") in inside
    exponent = next((text for kind, text in tokens if kind == "exponent"), None)
    decimals = min(decimals, _MOST_DIGITS)
    if exponent:
        made = f"{number:.{decimals}E}"
    elif not point and decimals == 0 and _has_literals(inside):
        return _fill_mask(tokens, first, last, number)
    else:
        exact = Decimal(repr(number)).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP, _EXACT)
        made = f"{exact:{',' if grouped else ''}f}"
        whole, separator, rest = made.partition(".")
        optional = _optional_decimals(inside)
        if optional:
            rest = rest[: len(rest) - optional] + rest[len(rest) - optional :].rstrip("0")
        made = whole.rjust(min(whole_digits, _MOST_DIGITS), "0") + (
            separator + rest if rest else ""
        )
    return _around(tokens, first, max(last, after - 1), made)


def _fraction(tokens: tuple[Token, ...], first: int, slash: int, number: float) -> str:
    """Return a number as a fraction, with its whole part in front if the format has one."""
    last = slash + 1
    while last + 1 < len(tokens) and tokens[last + 1][1] in tuple("0123456789#?"):
        last += 1
    below = "".join(text for _, text in tokens[slash + 1 : last + 1])
    mixed = any(text.isspace() for _, text in tokens[first:slash])
    whole = int(number) if mixed else 0
    if below.isdecimal() and int(below):
        under = int(below)
        over = round((number - whole) * under)
    else:
        part = Fraction(number - whole).limit_denominator(10 ** len(below) - 1)
        over, under = part.numerator, part.denominator
    if mixed and over == under:
        whole, over = whole + 1, 0
    shown = (str(whole) if whole or (mixed and not over) else "", f"{over}/{under}" if over else "")
    return _around(tokens, first, last, " ".join(filter(None, shown)) or "0")


def _has_literals(inside: tuple[Token, ...]) -> bool:
    return any(kind == "literal" or (kind == "other" and text != ",") for kind, text in inside)


def _optional_decimals(inside: tuple[Token, ...]) -> int:
    """Return how many trailing zero decimals the format omits."""
    count = 0
    for kind, text in reversed(inside):
        if kind == "digit" and text in "#?":
            count += 1
        elif kind == "other" and text == ".":
            return count
        else:
            break
    return 0


def _fill_mask(tokens: tuple[Token, ...], first: int, last: int, number: float) -> str:
    """Fill digits into a mixed pattern from the right, as in telephone numbers."""
    digits = list(str(int(number + 0.5)))
    made: list[str] = []
    left = [index for index in range(first, last + 1) if tokens[index][0] == "digit"]
    for index in range(last, first - 1, -1):
        kind, text = tokens[index]
        if kind != "digit":
            made.append(text)
        elif index == left[0]:
            made.append("".join(digits) or ("0" if text == "0" else ""))
        elif digits:
            made.append(digits.pop())
        elif text == "0":
            made.append("0")
    return _around(tokens, first, last, "".join(reversed(made)))


def _around(tokens: tuple[Token, ...], first: int, last: int, made: str) -> str:
    before = "".join(text for kind, text in tokens[:first] if kind in ("literal", "other"))
    after = "".join(text for kind, text in tokens[last + 1 :] if kind in ("literal", "other"))
    return f"{before}{made}{after}".strip()


def _date(tokens: tuple[Token, ...], number: float, from_1904: bool) -> str | None:
    """Convert a serial number to a date and time; None if there is no such date."""
    epoch = datetime(1904, 1, 1) if from_1904 else datetime(1899, 12, 30)  # noqa: DTZ001 - cells have no time zone
    if not from_1904 and number < 60:
        epoch += timedelta(days=1)  # the year 1900 had no 29 February, but has one in spreadsheets
    precise = any(kind == "fraction" for kind, _ in tokens)
    seconds = round(number * 86_400, 3 if precise else 0)
    try:
        moment = epoch + timedelta(seconds=seconds)
    except OverflowError:
        return None
    half = any(kind == "half" for kind, _ in tokens)
    made = []
    for index, (kind, text) in enumerate(tokens):
        if kind == "date":
            made.append(_part(tokens, index, moment, half))
        elif kind == "elapsed":
            unit = {"h": 3600, "m": 60, "s": 1}[text[0].lower()]
            made.append(str(int(seconds // unit)).rjust(len(text), "0"))
        elif kind == "half":
            made.append("AM" if moment.hour < 12 else "PM")
        elif kind == "era":
            _, letter, name = _era(moment)
            made.append(letter if len(text) == 1 else name[: len(text) - 1])
        elif kind == "fraction":
            made.append(f".{moment.microsecond:06d}"[: len(text)])
        else:
            made.append(text)
    read = "".join(made).strip()
    days = {text[0].lower() for kind, text in tokens if kind == "date"}
    if "d" in days and days & {"y", "e"} and not _ISO_DATE.search(read):
        read += f" ({moment:%Y-%m-%d})"  # a month in digits could be mistaken for the day
    return read


def _part(tokens: tuple[Token, ...], index: int, moment: datetime, half: bool) -> str:
    text = tokens[index][1].lower()
    size = len(text)
    match text[0]:
        case "y" | "e":
            if text[0] == "e" and any(kind == "era" for kind, _ in tokens):
                return str(moment.year - _era(moment)[0].year + 1).rjust(size, "0")
            return (
                f"{moment.year:04d}" if size > 2 or text[0] == "e" else f"{moment.year % 100:02d}"
            )
        case "a":
            return _WEEKDAYS[moment.weekday()] + ("曜日" if size > 3 else "")
        case "d":
            return _named(moment, size, moment.day, "%a", "%A")
        case "h":
            hour = (moment.hour % 12 or 12) if half else moment.hour
            return str(hour).rjust(size, "0")
        case "s":
            return str(moment.second).rjust(size, "0")
    if size <= 2 and _is_minute(tokens, index):
        return str(moment.minute).rjust(size, "0")
    if size == 5:
        return f"{moment:%b}"[0]
    return _named(moment, size, moment.month, "%b", "%B")


def _era(moment: datetime) -> tuple[datetime, str, str]:
    """Return the beginning, letter and name of the Japanese era of a date."""
    return next((era for era in _ERAS if era[0] <= moment), _ERAS[-1])


def _named(moment: datetime, size: int, number: int, short: str, full: str) -> str:
    if size <= 2:
        return str(number).rjust(size, "0")
    return moment.strftime(short if size == 3 else full)


def _is_minute(tokens: tuple[Token, ...], index: int) -> bool:
    """Return whether ``m`` means minutes: after hours or before seconds."""
    before = [text[0].lower() for kind, text in tokens[:index] if kind in ("date", "elapsed")]
    after = [text[0].lower() for kind, text in tokens[index + 1 :] if kind in ("date", "elapsed")]
    return (bool(before) and before[-1] == "h") or (bool(after) and after[0] == "s")
