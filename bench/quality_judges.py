"""What judges' votes do to the posterior, planted judges first.

    python -m bench.quality_judges [--out runs/bench-quality] [--method posterior-10-tools]

On all solutions of a world (both policies): judges whose votes share a planted component on 0, 50
and 100 % of the steps, two judges with half of their draws in common, each again with its votes
entered a second time under another name; and on 500 solutions judges that are no use. `moved` is
the mean |Δp_correct| over the steps with p_correct in 0.1 .. 0.9 before any judge, from the line
that it is compared with. Needs the runs of `make bench-quality`; writes <out>/judges.json.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table

from bench.judge_worlds import WORLDS, Quality, World, load
from bench.planted_judges import CALLS, Planted, half_in_common, rows, silent
from pipeline.labels.layout import Floats
from pipeline.posterior.panel import Rates

SMALL = 500  # solutions, for judges that are no use
USEFUL = {"judge": Rates(0.6, 0.1)}  # as an admission test would have it


@dataclass(frozen=True)
class Line:
    """`against`: the line that `moved` compares with."""

    world: str
    judge: str
    quality: Quality
    against: str
    moved: float

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), **asdict(self.quality)}


class Lines:
    """Of one world: what each set of votes comes to."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.found: list[Line] = []
        self._p: dict[str, Floats] = {}
        fused = world.fuse(world.learn(world.evidence()), world.evidence())
        self._open = world.undecided(fused)
        self._p["no judge"] = fused.p_correct
        self.found.append(Line(world.name, "no judge", world.quality(fused), "no judge", 0.0))

    def add(
        self,
        judge: str,
        votes: list[pl.DataFrame],
        against: str = "no judge",
        rates: dict[str, Rates] | None = None,
    ) -> None:
        evidence = self.world.evidence(*votes)
        fused = self.world.fuse(self.world.learn(evidence, rates), evidence)
        self._p[judge] = fused.p_correct
        moved = np.abs(fused.p_correct - self._p[against])[self._open].mean()
        self.found.append(
            Line(self.world.name, judge, self.world.quality(fused), against, float(moved))
        )
        print(f"{time.strftime('%H:%M:%S')}  {self.world.name}  {judge}", file=sys.stderr)


def planted(world: World) -> list[Line]:
    lines, random = Lines(world), np.random.default_rng(1)
    for shared in (0.0, 0.5, 1.0):
        name = f"shared on {shared:.0%}"
        wrong = Planted(shared=shared).votes(world, random)
        own = rows(world, wrong)
        lines.add(name, [own], rates=USEFUL)
        lines.add(f"{name}, entered twice", [own, rows(world, wrong, "judge_b")], name, USEFUL)
    two = half_in_common(world, random, Planted())
    votes = [
        rows(world, wrong, name) for wrong, name in zip(two, ("judge", "judge_b"), strict=True)
    ]
    both = {"judge": USEFUL["judge"], "judge_b": USEFUL["judge"]}
    lines.add("two, half in common", votes, rates=both)
    anti = Planted(sensitivity=0.1, alarm=0.6).votes(world, random)
    lines.add("anti-correlated", [rows(world, anti)], rates={"judge": Rates(0.1, 0.6)})
    return lines.found


def useless(world: World) -> list[Line]:
    part = world.first(SMALL)
    lines, random = Lines(part), np.random.default_rng(2)
    size = part.layout.num_steps
    none = np.zeros(size, dtype=np.int64)
    lines.add("always correct", [rows(part, none)], rates={"judge": Rates(0.0, 0.0)})
    lines.add("always incorrect", [rows(part, none + CALLS)], rates={"judge": Rates(1.0, 1.0)})
    coin = random.binomial(CALLS, 0.5, size)
    lines.add("random", [rows(part, coin)], rates={"judge": Rates(0.5, 0.5)})
    once = CALLS * random.binomial(1, 0.5, size)
    lines.add("random, of one opinion", [rows(part, once)], rates={"judge": Rates(0.5, 0.5)})
    lines.add("fails, or writes prose", [silent(part)])
    anti = Planted(sensitivity=0.1, alarm=0.6).votes(part, random)
    lines.add("anti-correlated", [rows(part, anti)], rates={"judge": Rates(0.1, 0.6)})
    return lines.found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("runs/bench-quality"))
    parser.add_argument("--method", default="posterior-10-tools")
    parser.add_argument("--world", choices=WORLDS)
    arguments = parser.parse_args()
    found: list[dict[str, Any]] = []
    for name in [arguments.world] if arguments.world else WORLDS:
        world = load(name, arguments.out, arguments.method)
        for part, made in (("planted", planted), ("useless", useless)):
            lines = made(world)
            size = SMALL if part == "useless" else len(world.seen.solutions)
            _print(f"{name}, {part} judges, {size} solutions, {arguments.method}", lines)
            found += [{"part": part, **line.as_dict()} for line in lines]
    place = arguments.out / f"judges-{arguments.method}.json"
    place.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(place)


def _print(title: str, lines: list[Line]) -> None:
    table = Table(title=title, title_justify="left")
    for head in ("judge", "F1", "calibration error", "Brier", "moved", "from"):
        table.add_column(head)
    for line in lines:
        figures = (line.quality.f1, line.quality.calibration_error, line.quality.brier, line.moved)
        table.add_row(line.judge, *(f"{figure:.4f}" for figure in figures), line.against)
    Console(width=None if sys.stdout.isatty() else 140).print(table)


if __name__ == "__main__":
    main()
