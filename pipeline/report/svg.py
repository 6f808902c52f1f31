"""Charts as SVG text: columns, lines with bands, and bars for tables.

Guarantees: every text is escaped; colours are classes, so that one style sheet serves light and
dark, and nothing needs a style attribute, which the page's Content-Security-Policy forbids; each
mark carries its numbers as a title. A point without a value is a gap, never a zero. Does not choose
what is worth drawing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

WIDTH, HEIGHT = 360, 196
LEFT, RIGHT, TOP, BOTTOM = 38, 8, 10, 30
_INNER_W, _INNER_H = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

Across = Callable[[float], float]


@dataclass(frozen=True, slots=True)
class Column:
    """One column of stacked parts."""

    label: str  # below it; "" for none
    parts: Sequence[tuple[str, float]]  # class and height, from the bottom up
    title: str


@dataclass(frozen=True, slots=True)
class Dot:
    """A point of a line, with the ends of its band or error bar."""

    x: float
    y: float | None
    low: float | None
    high: float | None
    title: str


@dataclass(frozen=True, slots=True)
class Line:
    """One line; `band` draws an area between the ends, else each point has an error bar."""

    colour: str
    dots: Sequence[Dot]
    band: bool = True
    joined: bool = True


def columns(name: str, found: Sequence[Column], below: str, top: float | None = None) -> Markup:
    """Columns side by side; `top` is the end of the scale, if it is not the highest column."""
    highest = top or round_up(max((sum(h for _, h in one.parts) for one in found), default=0))
    width = _INNER_W / max(len(found), 1)
    marks = [_scale(0, highest, _count)]
    for number, one in enumerate(found):
        x, y = LEFT + number * width, float(TOP + _INNER_H)
        marks.append(Markup("<g><title>{}</title>").format(one.title))
        for colour, height in one.parts:
            size = _INNER_H * height / highest
            y -= size
            marks.append(_rect(colour, x + width * 0.1, y, width * 0.8, size))
        # The whole column answers the pointer, however low it is.
        marks.append(_rect("hit", x, TOP, width, _INNER_H) + Markup("</g>"))
        if one.label:
            marks.append(_text(x + width / 2, HEIGHT - BOTTOM + 12, one.label, "middle"))
    return _svg(name, marks, below)


def lines(
    name: str,
    found: Sequence[Line],
    ticks: Sequence[tuple[float, str]],
    below: str,
    diagonal: bool = False,
) -> Markup:
    """Lines over a scale from 0 to 1; `ticks` are places and names on the other axis."""
    low, high = (ticks[0][0], ticks[-1][0]) if len(ticks) > 1 else (0.0, 1.0)

    def across(x: float) -> float:
        return LEFT + _INNER_W * (x - low) / ((high - low) or 1)

    marks = [_scale(0, 1, _decimal)]
    for place, text in ticks:
        # A word at the end of the axis would reach beyond the chart.
        wide = len(text) > 4
        anchor = "start" if wide and place == low else "end" if wide and place == high else "middle"
        marks.append(_text(across(place), HEIGHT - BOTTOM + 12, text, anchor))
    if diagonal:
        marks.append(
            Markup('<path class="diagonal" d="M{} {}L{} {}"/>').format(
                _n(across(low)), _n(_up(0)), _n(across(high)), _n(_up(1))
            )
        )
    for line in found:
        if line.band:
            marks.append(_band(line, across))
        if line.joined:
            marks.append(_path(line, across))
        marks += [_dot(line, dot, across) for dot in line.dots if dot.y is not None]
    return _svg(name, marks, below)


def bar(parts: Sequence[tuple[str, float]], whole: float) -> Markup:
    """A bar as wide as its cell; what is beside it says the numbers."""
    marks, x = [], 0.0
    for colour, size in parts:
        width = 100 * size / whole if whole else 0
        marks.append(_rect(colour, x, 0, width, 10))
        x += width
    return Markup(
        '<svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">'
        "{}</svg>"
    ).format(Markup("").join(marks))


def round_up(value: float) -> float:
    """The end of a scale: a round number, half of which is one too."""
    size = 1.0
    while size * 10 < value:
        size *= 10
    parts = (1, 2, 4, 6, 8, 10) if size == 1 else (1, 1.2, 1.4, 1.6, 2, 3, 4, 5, 6, 8, 10)
    return next(size * part for part in parts if size * part >= value)


def _band(line: Line, across: Across) -> Markup:
    runs: list[list[Dot]] = [[]]
    for dot in line.dots:
        if dot.low is None or dot.high is None:
            runs.append([])
        else:
            runs[-1].append(dot)
    shapes = []
    for run in runs:
        if len(run) < 2:
            continue
        upper = [f"{_n(across(d.x))} {_n(_up(d.high))}" for d in run]
        lower = [f"{_n(across(d.x))} {_n(_up(d.low))}" for d in reversed(run)]
        shapes.append(f"M{'L'.join(upper + lower)}Z")
    return Markup('<path class="band {}" d="{}"/>').format(line.colour, "".join(shapes))


def _path(line: Line, across: Across) -> Markup:
    path, pen = "", "M"
    for dot in line.dots:
        if dot.y is None:
            pen = "M"
            continue
        path += f"{pen}{_n(across(dot.x))} {_n(_up(dot.y))}"
        pen = "L"
    return Markup('<path class="line {}" d="{}"/>').format(line.colour, path)


def _dot(line: Line, dot: Dot, across: Across) -> Markup:
    x = _n(across(dot.x))
    error = Markup("")
    if not line.band and dot.low is not None and dot.high is not None:
        error = Markup('<path class="line {}" d="M{} {}V{}"/>').format(
            line.colour, x, _n(_up(dot.low)), _n(_up(dot.high))
        )
    return Markup('<g><title>{}</title>{}<circle class="{}" cx="{}" cy="{}" r="3"/></g>').format(
        dot.title, error, line.colour, x, _n(_up(dot.y))
    )


def _up(y: float | None) -> float:
    return TOP + _INNER_H * (1 - min(max(y or 0.0, 0.0), 1.0))


def _scale(low: float, high: float, written: Callable[[float], str]) -> Markup:
    marks = []
    for part in (0.0, 0.5, 1.0):
        y = _n(TOP + _INNER_H * (1 - part))
        marks.append(
            Markup('<path class="grid" d="M{} {}H{}"/>').format(LEFT, y, WIDTH - RIGHT)
            + _text(LEFT - 5, float(y) + 3.5, written(low + part * (high - low)), "end")
        )
    return Markup("").join(marks)


def _svg(name: str, marks: Sequence[Markup], below: str) -> Markup:
    note = _text(LEFT + _INNER_W / 2, HEIGHT - 4, below, "middle")
    return Markup(
        '<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">{}{}</svg>'
    ).format(WIDTH, HEIGHT, name, Markup("").join(marks), note)


def _rect(colour: str, x: float, y: float, width: float, height: float) -> Markup:
    return Markup('<rect class="{}" x="{}" y="{}" width="{}" height="{}"/>').format(
        colour, _n(x), _n(y), _n(width), _n(height)
    )


def _text(x: float, y: float, text: str, anchor: str) -> Markup:
    return Markup('<text x="{}" y="{}" text-anchor="{}">{}</text>').format(
        _n(x), _n(y), anchor, text
    )


def _n(number: float) -> str:
    return f"{number:.2f}".rstrip("0").rstrip(".")


def _decimal(value: float) -> str:
    return f"{value:.1f}".replace("0.0", "0").replace("1.0", "1")


def _count(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) or value >= 10 else f"{value:.1f}"
