"""Draws charts as PNG, on the same dark card as formulas."""

import math
from collections.abc import Sequence
from functools import cache
from typing import Any, Final

import ziaplot
from ziamath.config import config as formula_config

from bot.hosted.pictures.fonts import TEXT_FAMILY
from bot.hosted.pictures.png import INK, PAPER, on_card, to_png
from bot.hosted.pictures.request import (
    LONGEST_LABEL,
    MOST_BARS,
    MOST_POINTS,
    MOST_SERIES,
    ChartRequest,
    PictureError,
    Series,
)

_WIDTH: Final = 800
_HEIGHT: Final = 500
_MARGIN: Final = 16
_MARGIN_BOTTOM: Final = 44
"""Room for Discord's mark of pictures with alt text, in the lower left corner."""

_COLORS: Final = [
    "#5da9e9",
    "#f4a259",
    "#6fcf97",
    "#eb6f92",
    "#c4a7e7",
    "#f6c945",
    "#4fd1c5",
    "#e07a5f",
    "#9bb1ff",
    "#b5e48c",
]
_LARGEST: Final = 1e100
_MOST_TICKS: Final = 12
_MOST_MARKERS: Final = 40
"""A line of more points has no mark at each point."""

_LONGEST_TICK: Final = 14

_GRID: Final = "#3a3c42"
_CSS: Final = f"""
    * {{ color: {INK}; edge_color: #80848e; font: {TEXT_FAMILY}; font_size: 18; }}
    Canvas {{ color: {PAPER}; width: {_WIDTH}; height: {_HEIGHT}; }}
    Graph {{ color: {PAPER}; edge_color: #80848e; }}
    Graph.GridX {{ color: {_GRID}; stroke: solid; }}
    Graph.GridY {{ color: {_GRID}; stroke: solid; }}
    BarChart.GridX {{ color: none; }}
    BarChart.GridY {{ color: {_GRID}; stroke: solid; }}
    Graph.TickX {{ color: {INK}; font_size: 18; num_format: .8g; }}
    Graph.TickY {{ color: {INK}; font_size: 18; num_format: .8g; }}
    Graph.Legend {{ color: {PAPER}; edge_color: #80848e; }}
    Pie.Legend {{ color: {PAPER}; edge_color: #80848e; }}
    Graph.Title {{ color: {INK}; font_size: 24; }}
    Graph.XName {{ color: {INK}; font_size: 20; }}
    Graph.YName {{ color: {INK}; font_size: 20; }}
    Graph.LegendText {{ color: {INK}; font_size: 18; }}
    Pie.LegendText {{ color: {INK}; font_size: 18; }}
"""


def draw_chart(request: ChartRequest) -> bytes:
    """Return a PNG of a chart; raises ``PictureError`` where its data does not make one."""
    _set_style()
    _check(request)
    diagram = _diagram(request)
    if request.title:
        diagram.title(_label(request.title))
    if request.kind != "pie" and (request.xlabel or request.ylabel):
        diagram.axesnames(_label(request.xlabel) or None, _label(request.ylabel) or None)
    if request.kind != "pie" and any(series.name for series in request.series):
        diagram.legend("right" if len(request.series) > 1 else "none")
    drawing = diagram.svgxml(border=False)
    return to_png(on_card(drawing, x=_MARGIN, top=_MARGIN, bottom=_MARGIN_BOTTOM))


@cache
def _set_style() -> None:
    """Set the style of every chart, once in this process."""
    # Text stays text in SVG, so that it is drawn with the font for text and read as no formula.
    ziaplot.config.text = "text"
    ziaplot.css(_CSS)
    formula_config.math.variant = ""  # ziaplot's import changes how formulas look


def _check(request: ChartRequest) -> None:
    if not request.series:
        raise PictureError("A chart needs data.")
    if len(request.series) > MOST_SERIES:
        raise PictureError(f"A chart shows at most {MOST_SERIES} series.")
    if sum(len(series.y) for series in request.series) > MOST_POINTS:
        raise PictureError(f"A chart shows at most {MOST_POINTS:,} points. Take fewer.")
    for series in request.series:
        if not series.y:
            raise PictureError("A series has no values.")
        if request.kind != "histogram" and len(series.x) != len(series.y):
            raise PictureError(f"There are {len(series.x)} x values, but {len(series.y)} y values.")
        numbers = [value for value in (*series.x, *series.y) if not isinstance(value, str)]
        if any(abs(value) > _LARGEST for value in numbers):
            raise PictureError(f"A chart shows numbers up to {_LARGEST:g}.")
    if request.kind in ("bar", "pie") and len(request.series[0].x) > MOST_BARS:
        raise PictureError(f"A {request.kind} chart shows at most {MOST_BARS} values.")


def _diagram(request: ChartRequest) -> Any:
    match request.kind:
        case "line" | "scatter":
            return _graph(request)
        case "bar":
            return _bars(request.series)
        case "histogram":
            graph = ziaplot.Graph()
            values = request.series[0].y
            if min(values) == max(values):
                raise PictureError("All values are the same, so there is no histogram.")
            graph += ziaplot.Histogram(values, bins=max(1, min(request.bins, MOST_BARS))).color(
                _COLORS[0]
            )
            return graph
        case "pie":
            return _pie(request.series[0])


def _graph(request: ChartRequest) -> Any:
    graph = ziaplot.Graph()
    names: list[str] = []
    for number, series in enumerate(request.series):
        xs = list(series.x)
        if any(isinstance(x, str) for x in xs):
            # Words are places along the axis, in the order of their first mention.
            names += [str(x) for x in dict.fromkeys(xs) if str(x) not in names]
            xs = [names.index(str(x)) for x in xs]
        shape = ziaplot.PolyLine if request.kind == "line" else ziaplot.Scatter
        plot = shape(xs, series.y).color(_COLORS[number % len(_COLORS)])
        if request.kind == "line" and len(xs) <= _MOST_MARKERS:
            plot.marker("o", radius=8)
        if series.name:
            plot.name(_label(series.name))
        graph += plot
    if names:
        step = math.ceil(len(names) / _MOST_TICKS)
        places = range(0, len(names), step)
        graph.xticks(list(places), [_tick(names[place]) for place in places])
    return graph


def _bars(all_series: Sequence[Series]) -> Any:
    labels = [_tick(str(label)) for label in all_series[0].x]
    if any(series.x != all_series[0].x for series in all_series):
        raise PictureError("All series of a bar chart need the same labels.")
    chart = ziaplot.BarChartGrouped(labels)
    for number, series in enumerate(all_series):
        bars = ziaplot.BarSeries(*series.y).color(_COLORS[number % len(_COLORS)])
        if series.name:
            bars.name(_label(series.name))
        chart += bars
    values = [value for series in all_series for value in series.y]
    lowest, highest = min(0.0, *values), max(0.0, *values)
    room = (highest - lowest) / 20 or 1.0
    return chart.yrange(lowest - room * (lowest < 0), highest + room * (highest > 0))


def _pie(series: Series) -> Any:
    if min(series.y) < 0 or not sum(series.y):
        raise PictureError("A pie chart needs values above zero.")
    pie = ziaplot.Pie(labelmode="percent")
    for number, (label, value) in enumerate(zip(series.x, series.y, strict=True)):
        pie += ziaplot.PieSlice(value).name(_tick(str(label))).color(_COLORS[number % len(_COLORS)])
    pie.legend("right")
    return pie


def _label(text: str) -> str:
    return " ".join(text.split())[:LONGEST_LABEL]


def _tick(text: str) -> str:
    text = _label(text)
    return text if len(text) <= _LONGEST_TICK else f"{text[: _LONGEST_TICK - 1]}…"
