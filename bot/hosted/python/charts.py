"""The module ``chart`` of sandboxed code: each function draws a chart and writes it as a PNG."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bot.hosted.pictures import ChartKind, ChartRequest, Painter, PictureError, Series

if TYPE_CHECKING:
    from pydantic_monty import ExternalModule

DESCRIPTION: Final = """\
import chart draws charts and writes each as a PNG file, which the user sees below your answer: \
chart.line(x, y), chart.scatter(x, y), chart.bar(labels, values), chart.pie(labels, values), \
chart.histogram(values, bins=10). x may be numbers or words; for several series, y or values is a \
dict of name to list. Options of each: title, xlabel, ylabel (text), file ("chart.png"). \
Example: import chart; chart.line(days, {"sold": a, "returned": b}, title="Week", file="week.png")\
"""

_CALLED: Final = re.compile(r"\A_[\w.]+\(\)")


class Charts:
    """The module ``chart`` for one run of code.

    ``write`` stores a file in the code's directory; it raises ``OSError``, as a full disk does.
    """

    def __init__(self, painter: Painter, write: Callable[[str, bytes], None]) -> None:
        self._painter = painter
        self._write = write

    def module(self) -> "ExternalModule":
        """Return the module as code imports it; the sandbox hands calls of it to ``call``."""
        from pydantic_monty import ExternalModule  # heavy: loaded when code runs

        return ExternalModule({name.removeprefix("chart."): call for name, call in _CALLS.items()})

    async def call(self, name: str, args: Sequence[Any], options: Mapping[str, Any]) -> str:
        """Draw the chart of a call, write it, and return the file's name.

        Raises ``TypeError``, ``ValueError`` or ``OSError``, which code sees as its own.
        """
        if name not in _CALLS:
            raise TypeError(f"there is no {name}")
        try:
            request, file = _CALLS[name](*args, **options)
        except TypeError as error:
            # Python names the function that was called with wrong arguments.
            raise TypeError(_CALLED.sub(f"{name}()", str(error))) from None
        try:
            self._write(file, await self._painter.draw(request))
        except PictureError as error:
            raise ValueError(str(error)) from None
        return file


@dataclass(kw_only=True)
class _Options:
    """The named arguments of the chart functions, unchecked."""

    title: Any = ""
    xlabel: Any = ""
    ylabel: Any = ""
    file: Any = "chart.png"
    bins: Any = 10


def _line(x: Any, y: Any = None, **options: Any) -> tuple[ChartRequest, str]:
    return _request("line", x, y, _Options(**options))


def _scatter(x: Any, y: Any = None, **options: Any) -> tuple[ChartRequest, str]:
    return _request("scatter", x, y, _Options(**options))


def _bar(labels: Any, values: Any = None, **options: Any) -> tuple[ChartRequest, str]:
    return _request("bar", *_labelled(labels, values), _Options(**options))


def _pie(labels: Any, values: Any = None, **options: Any) -> tuple[ChartRequest, str]:
    return _request("pie", *_labelled(labels, values), _Options(**options))


def _histogram(values: Any, bins: Any = 10, **options: Any) -> tuple[ChartRequest, str]:
    return _request("histogram", [], values, _Options(bins=bins, **options))


def _labelled(labels: Any, values: Any) -> tuple[Any, Any]:
    """Return labels and values; one dict of values by label may stand for both."""
    if values is None and isinstance(labels, Mapping):
        return list(labels), list(labels.values())
    return labels, values


_CALLS: Final[Mapping[str, Callable[..., tuple[ChartRequest, str]]]] = {
    "chart.line": _line,
    "chart.scatter": _scatter,
    "chart.bar": _bar,
    "chart.pie": _pie,
    "chart.histogram": _histogram,
}


def _request(kind: ChartKind, x: Any, y: Any, options: _Options) -> tuple[ChartRequest, str]:
    """Return what is drawn for a call, and the name of the file."""
    file = options.file
    name = file if isinstance(file, str) and file.strip() else "chart.png"
    request = ChartRequest(
        kind=kind,
        series=_series(x, y),
        title=str(options.title or ""),
        xlabel=str(options.xlabel or ""),
        ylabel=str(options.ylabel or ""),
        bins=options.bins if isinstance(options.bins, int) else 10,
    )
    return request, name if name.lower().endswith(".png") else f"{name}.png"


def _series(x: Any, y: Any) -> tuple[Series, ...]:
    """Return the series of a call; raises ``TypeError`` and ``ValueError`` as code expects them."""
    if y is None:
        x, y = range(len(_listed(x, "x"))), x
    xs = tuple(map(_place, _listed(x, "x")))
    if isinstance(y, Mapping):
        return tuple(
            Series(xs, tuple(map(_number, _listed(values, str(name)))), str(name))
            for name, values in y.items()
        )
    return (Series(xs, tuple(map(_number, _listed(y, "y")))),)


def _listed(values: Any, name: str) -> Sequence[Any]:
    if isinstance(values, str | bytes | Mapping) or not hasattr(values, "__iter__"):
        raise TypeError(f"{name} must be a list, not {type(values).__name__}")
    return list(values)


def _number(value: Any) -> float:
    """Return a number; also of text, as the csv module reads numbers."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise TypeError(f"a chart needs numbers, not {value!r:.40}") from None
    if not math.isfinite(number):
        raise ValueError(f"a chart needs finite numbers, not {number}")
    return number


def _place(value: Any) -> float | str:
    """Return a place along an axis: a number, or a word."""
    try:
        return _number(value)
    except TypeError:
        if isinstance(value, str):
            return value
        raise
