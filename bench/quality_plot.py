"""F1 over tokens, one panel a cell, every method labelled at its point: one SVG file.

    python -m bench.quality_plot rows.json --out docs/quality.svg [--title TEXT]

`rows.json` is a list such as

    {"cell": "chains, large", "method": "posterior", "tokens_per_solution": 310.0,
     "f1": 0.91, "low": 0.88, "high": 0.93}

Guarantees: one pair of axes for all panels; a method has one colour and one mark in all of them,
in the order in which methods occur; several rows of a method in a cell are joined; methods that
cost nothing stand left of the logarithmic axis, at 0; `low` and `high` may be null. A row without
an F1 is left out. White ground and its own colours, so that it reads in light and dark pages;
nothing is loaded, and the text is text. Equal rows give equal bytes. Labels avoid each other and
the points as well as a greedy search can; with more than some 20 methods a panel they will touch.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TypedDict

from bench.plot_labels import Box, Point, place

# Okabe and Ito 2008 without its yellow, which white swallows; then darker ones.
COLOURS = (
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#B57F00",
    "#3A9BDC", "#000000", "#7F3C8D", "#8C564B", "#5A6B00", "#E03C8A", "#00717A",
)  # fmt: skip
MARKS = ("circle", "square", "diamond", "triangle")

WIDTH, HEIGHT = 470, 350  # of a panel with its axes
LEFT, RIGHT, TOP, BOTTOM = 52, 14, 34, 44
TEXT = 12
LANE = 34  # for methods that cost nothing


class Row(TypedDict):
    cell: str
    method: str
    tokens_per_solution: float
    f1: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Axes:
    """From tokens and F1 to places in a panel."""

    first: float  # logarithms of the ends
    last: float
    bottom: float
    top: float
    free: bool  # some method costs nothing

    @staticmethod
    def around(rows: Sequence[Row]) -> Axes:
        tokens = [row["tokens_per_solution"] for row in rows if row["tokens_per_solution"] > 0]
        ends = [end for row in rows for end in (row["f1"], row["low"], row["high"])]
        known = [end for end in ends if end is not None]
        bottom = math.floor(10 * min(known) - 0.2) / 10
        top = math.ceil(10 * max(known) + 0.2) / 10
        first, last = math.log10(min(tokens, default=1)), math.log10(max(tokens, default=1))
        room = max(0.08 * (last - first), 0.1)
        free = len(tokens) < len(rows)
        return Axes(first - room, last + room, max(bottom, 0.0), min(top, 1.0), free)

    def x(self, tokens: float) -> float:
        begin = LEFT + (LANE if self.free else 0)
        if tokens <= 0:
            return LEFT + LANE / 2
        part = (math.log10(tokens) - self.first) / (self.last - self.first)
        return begin + part * (WIDTH - RIGHT - begin)

    def y(self, f1: float) -> float:
        part = (f1 - self.bottom) / (self.top - self.bottom)
        return HEIGHT - BOTTOM - part * (HEIGHT - BOTTOM - TOP)

    def tokens(self) -> list[int]:
        """1, 2 and 5 times powers of ten, or the powers alone where those would crowd."""
        found = [
            digit * 10**power
            for power in range(math.floor(self.first), math.ceil(self.last) + 1)
            for digit in ((1, 2, 5) if self.last - self.first < 2.5 else (1,))
            if power >= 0
        ]
        return [value for value in found if self.first <= math.log10(value) <= self.last]

    def shares(self) -> list[float]:
        begin, end = round(10 * self.bottom), round(10 * self.top)
        return [tenth / 10 for tenth in range(begin, end + 1)]


def render(rows: Iterable[Row], title: str = "") -> str:
    """The text of the SVG. Raises ValueError where no row has an F1."""
    shown = [row for row in rows if row["f1"] is not None]
    if not shown:
        raise ValueError("no row has an F1")
    axes = Axes.around(shown)
    methods = list(dict.fromkeys(row["method"] for row in shown))
    cells = list(dict.fromkeys(row["cell"] for row in shown))
    columns = min(2, len(cells))
    head = 30 if title else 0
    width, height = columns * WIDTH, head + math.ceil(len(cells) / columns) * HEIGHT
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}"'
        f' height="{height}" role="img" font-family="Helvetica, Arial, DejaVu Sans, sans-serif"'
        f' font-size="{TEXT}" fill="#222">',
        f"<title>{escape(title or 'F1 over tokens')}</title>",
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
    ]
    if title:
        parts.append(_text(width / 2, 21, title, "middle", 'font-size="15" font-weight="bold"'))
    for number, cell in enumerate(cells):
        x, y = number % columns * WIDTH, head + number // columns * HEIGHT
        parts.append(f'<g transform="translate({x} {y})">')
        parts += _frame(axes, cell)
        parts += _marks([row for row in shown if row["cell"] == cell], methods, axes)
        parts.append("</g>")
    return "\n".join([*parts, "</svg>", ""])


def _frame(axes: Axes, cell: str) -> list[str]:
    """Axes, grid and the name of the cell."""
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    parts = [_text(LEFT, TOP - 12, cell, "start", 'font-size="13" font-weight="bold"')]
    for value in axes.shares():
        y = axes.y(value)
        parts.append(_line(LEFT, y, right, y, "#e4e4e4"))
        parts.append(_text(LEFT - 7, y + 4, f"{value:.1f}", "end"))
    for tokens in axes.tokens():
        x = axes.x(tokens)
        parts.append(_line(x, TOP, x, bottom, "#f0f0f0"))
        parts.append(_text(x, bottom + 16, _short(tokens), "middle"))
    if axes.free:
        parts.append(_text(LEFT + LANE / 2, bottom + 16, "0", "middle"))
        x = LEFT + LANE
        parts.append(_line(x, TOP, x, bottom, "#999", 'stroke-dasharray="2 3"'))
    parts.append(_line(LEFT, bottom, right, bottom, "#555"))
    parts.append(_line(LEFT, TOP, LEFT, bottom, "#555"))
    parts.append(_text((LEFT + right) / 2, HEIGHT - 9, "tokens a solution", "middle"))
    middle = (TOP + bottom) / 2
    turned = f'transform="rotate(-90 14 {middle:.1f})"'
    parts.append(_text(14, middle, "first-error F1", "middle", turned))
    return parts


def _marks(rows: list[Row], methods: list[str], axes: Axes) -> list[str]:
    """Bars, lines, marks and labels of a panel; labels last, so that nothing hides them."""
    under: list[str] = []
    over: list[str] = []
    points: list[Point] = []
    named: dict[str, Point] = {}
    for number, method in enumerate(methods):
        colour = COLOURS[number % len(COLOURS)]
        own = [row for row in rows if row["method"] == method]
        own.sort(key=lambda row: row["tokens_per_solution"])
        trail = [_point(row, axes) for row in own]
        if not trail:
            continue
        if len(trail) > 1:
            corners = " ".join(f"{p.x:.1f},{p.y:.1f}" for p in trail)
            style = f'fill="none" stroke="{colour}" stroke-width="1.3"'
            under.append(f'<polyline points="{corners}" {style}/>')
        for p in trail:
            under.append(_line(p.x, p.low, p.x, p.high, colour, 'stroke-width="1.3"'))
            over.append(_mark(MARKS[number % len(MARKS)], p.x, p.y, colour))
        points += trail
        named[method] = trail[-1]
    ground = Box(LEFT + 2, TOP - 4, WIDTH - 2, HEIGHT - BOTTOM - 2)
    for method, box in place(named, points, ground, TEXT).items():
        colour = COLOURS[methods.index(method) % len(COLOURS)]
        point = named[method]
        x, y = box.nearest(point)
        if math.hypot(x - point.x, y - point.y) > 12:
            under.append(_line(point.x, point.y, x, y, colour, 'stroke-width="0.7"'))
        # A white edge keeps a label readable where it must cross a line.
        edge = f'fill="{colour}" stroke="#fff" stroke-width="2.5" paint-order="stroke"'
        over.append(_text((box.x0 + box.x1) / 2, box.y1 - 3.5, method, "middle", edge))
    return under + over


def _point(row: Row, axes: Axes) -> Point:
    f1, low, high = row["f1"], row["low"], row["high"]
    assert f1 is not None
    x, y = axes.x(row["tokens_per_solution"]), axes.y(f1)
    return Point(x, y, y if low is None else axes.y(low), y if high is None else axes.y(high))


def _mark(kind: str, x: float, y: float, colour: str) -> str:
    style = f'fill="{colour}" stroke="#fff" stroke-width="1"'
    if kind == "circle":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" {style}/>'
    corners = {
        "square": ((-4.5, -4.5), (4.5, -4.5), (4.5, 4.5), (-4.5, 4.5)),
        "diamond": ((0, -6), (6, 0), (0, 6), (-6, 0)),
        "triangle": ((0, -6), (5.5, 4.5), (-5.5, 4.5)),
    }[kind]
    points = " ".join(f"{x + dx:.1f},{y + dy:.1f}" for dx, dy in corners)
    return f'<polygon points="{points}" {style}/>'


def _line(x0: float, y0: float, x1: float, y1: float, colour: str, more: str = "") -> str:
    ends = f'x1="{x0:.1f}" y1="{y0:.1f}" x2="{x1:.1f}" y2="{y1:.1f}"'
    return f'<line {ends} stroke="{colour}" {more}/>'


def _text(x: float, y: float, text: str, anchor: str, more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {more}>{escape(text)}</text>'


def _short(tokens: int) -> str:
    for size, letter in ((1_000_000, "M"), (1_000, "k")):
        if tokens >= size:
            return f"{tokens // size}{letter}"
    return str(tokens)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--title", default="")
    arguments = parser.parse_args()
    rows = json.loads(arguments.rows.read_text(encoding="utf-8"))
    arguments.out.write_text(render(rows, arguments.title), encoding="utf-8")


if __name__ == "__main__":
    main()
