"""Draws the rules of tables, which ziamath leaves out; importing the module replaces its tables."""

from typing import Any

from ziafont.fonttypes import BBox
from ziamath.drawable import HLine, VLine
from ziamath.nodes.mtable import Mtable

from bot.hosted.pictures.arrays import PAD


class RuledTable(Mtable, tag="mtable"):
    """A table with the rules that ``set_rules`` set."""

    def _setup(self, **kwargs: Any) -> None:
        super()._setup(**kwargs)
        columns, rows = (
            {int(each) for each in self.element.get(name, "").split()}
            for name in ("rulecolumns", "rulerows")
        )
        if columns or rows:
            self._add_rules(columns, rows)

    def _add_rules(self, columns: set[int], rows: set[int]) -> None:
        pad = self.size_px(f"{PAD}em")
        thick = self.units_to_points(self.font.math.consts.fractionRuleThickness)
        counts = [len(row) for row in self.element]
        widths = [0.0] * max(counts)
        tops, bottoms = [], []
        at = 0
        for count in counts:
            cells = list(
                zip(self.nodes[at : at + count], self.nodexy[at : at + count], strict=True)
            )
            for column, (node, _) in enumerate(cells):
                widths[column] = max(widths[column], node.bbox.xmax)
            tops.append(min(y - node.bbox.ymax for node, (_, y) in cells))
            bottoms.append(max(y - node.bbox.ymin for node, (_, y) in cells))
            at += count
        width = sum(widths) + 2 * pad * (len(widths) - 1)
        left = (self.bbox.xmax - width) / 2 - pad
        lines_x = [left]
        for each in widths:
            lines_x.append(lines_x[-1] + each + 2 * pad)
        lines_y = [tops[0] - pad]
        lines_y += [(above + below) / 2 for above, below in zip(bottoms, tops[1:], strict=False)]
        lines_y.append(bottoms[-1] + pad)
        # The table grows by its outer rules, so that its neighbours keep their distance.
        self.nodexy = [(x + pad, y) for x, y in self.nodexy]
        for row in rows & set(range(len(lines_y))):
            self.nodes.append(HLine(lines_x[-1] - left, thick, style=self.style))
            self.nodexy.append((left + pad, lines_y[row] - thick / 2))
        for column in columns & set(range(len(lines_x))):
            self.nodes.append(VLine(lines_y[-1] - lines_y[0], thick, style=self.style))
            self.nodexy.append((lines_x[column] + pad, lines_y[0]))
        edges = -lines_y[-1] - thick, -lines_y[0] + thick
        self.bbox = BBox(self.bbox.xmin, self.bbox.xmax + 2 * pad, *edges)
