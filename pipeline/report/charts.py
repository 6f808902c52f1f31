"""The report's figures as charts: which of them is drawn how.

Guarantees: pure; what a chart shows, its titles say in numbers. Classes: `right`, `wrong`, `none`
are verdicts everywhere, `one` to `four` sources.
"""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from pipeline.report.balance import Part
from pipeline.report.first_errors import PARTS, FirstErrors
from pipeline.report.pass_rates import BINS, PassRates
from pipeline.report.reliability import Bin
from pipeline.report.svg import Column, Dot, Line, columns, lines
from pipeline.report.value_curves import Point

COLOURS = ("one", "two", "three", "four")
_ENDS = ((0.0, "first step"), (1.0, "last step"))


def pass_rate_chart(found: PassRates) -> Markup:
    between = [
        Column(
            "½" if number == BINS // 2 else "",
            [("one", count)],
            f"{number / BINS:.0%} to {(number + 1) / BINS:.0%}: {count:,} problems",
        )
        for number, count in enumerate(found.between)
    ]
    never = Column("never", [("none", found.never)], f"never solved: {found.never:,} problems")
    always = Column("always", [("none", found.always)], f"always solved: {found.always:,} problems")
    return columns(
        "Problems by pass rate", [never, *between, always], "share of samples that are right"
    )


def first_error_chart(found: Sequence[FirstErrors]) -> Markup:
    """One group of columns a fifth, one column a source."""
    bars = []
    for part in range(PARTS):
        for number, one in enumerate(found):
            share = one.places[part] / one.found if one.found else 0
            middle = number == len(found) // 2
            bars.append(
                Column(
                    f"{part + 1}/{PARTS}" if middle else "",
                    [(COLOURS[number % 4], 100 * share)],
                    f"{one.source}: {share:.0%} of {one.found:,} first errors in fifth {part + 1}",
                )
            )
        if part < PARTS - 1:
            bars.append(Column("", [], ""))
    return columns("First errors by place", bars, "fifth of the solution (% of first errors)")


def balance_chart(found: Sequence[Part]) -> Markup:
    bars = []
    for number, one in enumerate(found):
        whole = one.right + one.wrong + one.undecided
        sizes = (("right", one.right), ("wrong", one.wrong), ("none", one.undecided))
        bars.append(
            Column(
                {0: "first", len(found) - 1: "last"}.get(number, ""),
                [(name, 100 * size / whole if whole else 0) for name, size in sizes],
                f"part {number + 1} of {len(found)}: {one.right:,} right, {one.wrong:,} wrong, "
                f"{one.undecided:,} undecided",
            )
        )
    return columns("Labels by place", bars, "tenth of the solution (% of steps)", top=100)


def value_chart(found: Sequence[tuple[str, str, Sequence[Point]]]) -> Markup:
    """Curves of a name, a colour and points, by relative position."""
    curves = [
        Line(
            colour,
            [_dot((one.at + 0.5) / len(points), one, name) for one in points],
        )
        for name, colour, points in found
    ]
    return lines("Value by place", curves, _ENDS, "place in the solution")


def error_chart(points: Sequence[Point]) -> Markup:
    ticks = [
        (one.at, f"{one.at:+d}".replace("-", "−") if one.at else "first error") for one in points
    ]
    curve = Line("wrong", [_dot(one.at, one, "") for one in points])
    return lines("Value around the first error", [curve], ticks, "steps from the first error")


def reliability_chart(bins: Sequence[Bin]) -> Markup:
    dots = [
        Dot(
            one.p,
            one.right,
            one.low,
            one.high,
            f"p_correct {one.p:.2f}: {one.right:.1%} of {one.steps:,} prefixes are right "
            f"[{one.low:.1%}, {one.high:.1%}]",
        )
        for one in bins
    ]
    ticks = ((0.0, "0"), (0.5, "0.5"), (1.0, "1"))
    curve = Line("one", dots, band=False, joined=False)
    return lines("Reliability", [curve], ticks, "p_correct: share that is right", diagonal=True)


def _dot(x: float, one: Point, name: str) -> Dot:
    if one.mean is None:
        return Dot(x, None, None, None, "")
    return Dot(
        x,
        one.mean,
        one.low,
        one.high,
        f"{name} mean value {one.mean:.2f}, middle half {one.low:.2f} to {one.high:.2f}, "
        f"{one.steps:,} steps".strip(),
    )
