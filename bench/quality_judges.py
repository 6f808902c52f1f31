"""What judges' votes do to the posterior, planted judges first.

    python -m bench.quality_judges [--out runs/bench-quality] [--method posterior-10-tools]
                                   [--world chains] [--only bundled]
                                   [--samples 1] [--temperature 0]

On all solutions of a world (both policies): judges whose votes share a planted component on 0, 50
and 100 % of the steps, each again with its votes entered a second time under another name, and
asked a second time; two judges with half of their draws in common; on 500 solutions judges that are
no use; and the bundled judge, asked twice about every solution (its calls are paid once). `moved`
is the mean |Δp_correct| over the steps with p_correct in 0.1 .. 0.9 before any judge, from the line
that it is compared with. "learnt from truth": the same fusion, its parameters learnt from the
oracle's truth, which shows what a new vote is worth to a reader who knows. Needs the runs of `make
bench-quality`; writes <out>/judges-<method>.json.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table

from bench.judge_asked import Calls, ask
from bench.judge_calls import BUNDLED, NAME, SAMPLES, TEMPERATURE
from bench.judge_worlds import WORLDS, Quality, World, load
from bench.planted_judges import CALLS, Planted, half_in_common, rows, silent
from pipeline.labels.layout import Floats, Labels8
from pipeline.posterior.panel_learning import Rates

SMALL = 500  # solutions, for judges that are no use
USEFUL = Rates(0.6, 0.1)  # as an admission test would have it
AGAIN = "judge_again"


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
        truth: Labels8 | None = None,
    ) -> None:
        evidence = self.world.evidence(*votes)
        fused = self.world.fuse(self.world.learn(evidence, rates, truth), evidence)
        self._p[judge] = fused.p_correct
        moved = np.abs(fused.p_correct - self._p[against])[self._open].mean()
        self.found.append(
            Line(self.world.name, judge, self.world.quality(fused), against, float(moved))
        )
        print(f"{time.strftime('%H:%M:%S')}  {self.world.name}  {judge}", file=sys.stderr)

    def repeated(self, judge: str, first: pl.DataFrame, second: pl.DataFrame, rates: Rates) -> None:
        """A judge, its votes entered twice, and the judge asked a second time; the last also as one
        reads it who has learnt from truth how far its votes go together."""
        one, both = {NAME: rates}, {NAME: rates, AGAIN: rates}
        twice, again = (
            [first, votes.with_columns(annotator=pl.lit(AGAIN))] for votes in (first, second)
        )
        self.add(judge, [first], rates=one)
        self.add(f"{judge}, entered twice", twice, judge, both)
        self.add(f"{judge}, sampled again", again, judge, both)
        informed = f"{judge}, learnt from truth"
        truth = self.world.known.prefix
        self.add(informed, [first], rates=one, truth=truth)
        self.add(f"{informed}, sampled again", again, informed, both, truth)


def bundled(world: World, calls: Calls) -> list[Line]:
    lines = Lines(world)
    first, second = (asyncio.run(ask([world], replace(calls, seed=seed)))[0] for seed in (0, 1))
    lines.repeated("bundled", first.evidence, second.evidence, first.rates[NAME])
    return lines.found


def planted(world: World) -> list[Line]:
    lines, random = Lines(world), np.random.default_rng(1)
    for shared in (0.0, 0.5, 1.0):
        name = f"shared on {shared:.0%}"
        first, second = (
            rows(world, votes) for votes in Planted(shared=shared).votes(world, random, times=2)
        )
        lines.repeated(name, first, second, USEFUL)
    two = half_in_common(world, random, Planted())
    votes = [rows(world, wrong, name) for wrong, name in zip(two, (NAME, AGAIN), strict=True)]
    both = {NAME: USEFUL, AGAIN: USEFUL}
    lines.add("two, half in common", votes, rates=both)
    (anti,) = Planted(sensitivity=0.1, alarm=0.6).votes(world, random)
    lines.add("anti-correlated", [rows(world, anti)], rates={NAME: Rates(0.1, 0.6)})
    return lines.found


def useless(world: World) -> list[Line]:
    part = world.first(SMALL)
    lines, random = Lines(part), np.random.default_rng(2)
    size = part.layout.num_steps
    none = np.zeros(size, dtype=np.int64)
    lines.add("always correct", [rows(part, none)], rates={NAME: Rates(0.0, 0.0)})
    lines.add("always incorrect", [rows(part, none + CALLS)], rates={NAME: Rates(1.0, 1.0)})
    coin = random.binomial(CALLS, 0.5, size)
    lines.add("random", [rows(part, coin)], rates={NAME: Rates(0.5, 0.5)})
    once = CALLS * random.binomial(1, 0.5, size)
    lines.add("random, of one opinion", [rows(part, once)], rates={NAME: Rates(0.5, 0.5)})
    lines.add("fails, or writes prose", [silent(part)])
    (anti,) = Planted(sensitivity=0.1, alarm=0.6).votes(part, random)
    lines.add("anti-correlated", [rows(part, anti)], rates={NAME: Rates(0.1, 0.6)})
    return lines.found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("runs/bench-quality"))
    parser.add_argument("--method", default="posterior-10-tools")
    parser.add_argument("--world", choices=WORLDS)
    parser.add_argument("--only", choices=("planted", "bundled"))
    parser.add_argument("--judge", type=Path, default=BUNDLED)
    parser.add_argument("--samples", type=int, default=SAMPLES)
    parser.add_argument("--temperature", type=float, default=TEMPERATURE)
    arguments = parser.parse_args()
    found: list[dict[str, Any]] = []
    for name in [arguments.world] if arguments.world else WORLDS:
        world = load(name, arguments.out, arguments.method)
        made: dict[str, list[Line]] = {}
        if arguments.only in (None, "planted"):
            made |= {"planted": planted(world), "useless": useless(world)}
        if arguments.only in (None, "bundled"):
            calls = Calls(arguments.judge, arguments.out, arguments.samples, arguments.temperature)
            made["bundled"] = bundled(world, calls)
        for part, lines in made.items():
            size = SMALL if part == "useless" else len(world.seen.solutions)
            _print(f"{name}, {part} judges, {size} solutions, {arguments.method}", lines)
            found += [{"part": part, **line.as_dict()} for line in lines]
    part = f"-{arguments.only}" if arguments.only else ""
    place = arguments.out / f"judges-{arguments.method}{part}.json"
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
