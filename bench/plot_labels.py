"""Where the labels of a plot's points stand.

Guarantees: a place for every label, the same for equal input, its width taken from a wide font.
Each label in turn takes its cheapest place while the others stand still, a few times over: dear
are marks, bars and other labels under it, a leader that crosses foreign marks, and distance. No
label leaves the ground. Does not guarantee that nothing touches: the search is greedy.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

PASSES = 6
WIDE = 0.6  # of a character, in font sizes
DIRECTIONS = ((1, 0), (-1, 0), (0, -1), (0, 1), (1, -1), (1, 1), (-1, -1), (-1, 1))
DISTANCES = (0, 12, 24, 38, 54, 72, 92)


@dataclass(frozen=True, slots=True)
class Point:
    """A mark, and its bar's ends; y grows downwards."""

    x: float
    y: float
    low: float
    high: float

    def mark(self) -> Box:
        return Box(self.x - 6, self.y - 6, self.x + 6, self.y + 6)

    def bar(self) -> Box:
        return Box(self.x - 2, self.high, self.x + 2, self.low)


@dataclass(frozen=True, slots=True)
class Box:
    x0: float
    y0: float
    x1: float
    y1: float

    def shared(self, other: Box) -> float:
        """The area that both cover."""
        width = min(self.x1, other.x1) - max(self.x0, other.x0)
        height = min(self.y1, other.y1) - max(self.y0, other.y0)
        return max(width, 0.0) * max(height, 0.0)

    def nearest(self, point: Point) -> tuple[float, float]:
        """The place in it that is nearest to a point."""
        return min(max(point.x, self.x0), self.x1), min(max(point.y, self.y0), self.y1)

    def holds(self, x: float, y: float) -> bool:
        return self.x0 < x < self.x1 and self.y0 < y < self.y1


def place(
    named: Mapping[str, Point], points: Sequence[Point], ground: Box, size: float
) -> dict[str, Box]:
    """A box for each name, near its point; `points` are all that must stay visible."""
    names = list(named)
    candidates = [_around(named[name], name, size, ground) for name in names]
    # What a place costs whatever the other labels do.
    fixed = [
        [
            rank / 4 + _covered(box, points) + _leader(box, named[name], points)
            for rank, box in enumerate(boxes)
        ]
        for name, boxes in zip(names, candidates, strict=True)
    ]
    chosen = [
        boxes[costs.index(min(costs))] for boxes, costs in zip(candidates, fixed, strict=True)
    ]
    for _ in range(PASSES):
        for number, boxes in enumerate(candidates):
            others = chosen[:number] + chosen[number + 1 :]
            costs = [
                cost + sum(2 * box.shared(other) for other in others)
                for box, cost in zip(boxes, fixed[number], strict=True)
            ]
            chosen[number] = boxes[costs.index(min(costs))]
    return dict(zip(names, chosen, strict=True))


def _around(point: Point, name: str, size: float, ground: Box) -> list[Box]:
    """Places for a label, the nearest first, moved into the ground."""
    wide, tall = WIDE * size * len(name) + 4, size + 2
    # Above and below a label clears the bar.
    ends = {-1: min(point.high, point.y - 6), 0: point.y, 1: max(point.low, point.y + 6)}
    boxes = []
    for far in DISTANCES:
        for right, down in DIRECTIONS:
            x = point.x + right * (wide / 2 + (6 if down else 9) + far * (0.5 if down else 1))
            y = ends[down] + down * (tall / 2 + 1 + far)
            x = max(min(x, ground.x1 - wide / 2), ground.x0 + wide / 2)
            y = max(min(y, ground.y1 - tall / 2), ground.y0 + tall / 2)
            boxes.append(Box(x - wide / 2, y - tall / 2, x + wide / 2, y + tall / 2))
    return boxes


def _covered(box: Box, points: Sequence[Point]) -> float:
    return sum(box.shared(point.mark()) + box.shared(point.bar()) for point in points)


def _leader(box: Box, own: Point, points: Sequence[Point]) -> float:
    """The line from the point to its label: its length, and the foreign marks it would cross."""
    x, y = box.nearest(own)
    line = [
        (own.x + part / 10 * (x - own.x), own.y + part / 10 * (y - own.y)) for part in range(11)
    ]
    foreign = [point.mark() for point in points if (point.x, point.y) != (own.x, own.y)]
    crossed = sum(any(mark.holds(*at) for at in line) for mark in foreign)
    return 1.5 * math.hypot(x - own.x, y - own.y) + 30 * crossed
