"""Consensus with a judge: published filters and votes beside the posterior, at equal yields.

    python -m bench.quality_filters [--judge data/judges/small] [--samples 1]
                                    [--out runs/bench-quality] [--method posterior-30-tools]

All solutions of a world (both bundled policies). Monte-Carlo is exhaustive search with k = 8; the
judge is asked about every solution. Filters `qwen` (labels of view hard) and `genprm` (view
progress) keep a part of them; F1 of what is kept stands beside that of Monte-Carlo alone and of
the judge alone (view spark) on all solutions. The posterior reads the rollouts and tools of
`--method` and the judge. It then keeps what it is most certain of, by one threshold for solutions
that it calls erroneous and one for those it calls clean, until it keeps as many of each true class
as the filter did. Last, over both worlds: the judge asked about all solutions, and where routing
asks it. Intervals are 90 %, of a paired bootstrap by problem. Needs the runs of `make
bench-quality`; the judge's calls are paid once; writes <out>/filters.json.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table

from annotators.judge.settings import JudgeSettings
from bench.judge_asked import Asked, Calls, ask
from bench.judge_calls import BUNDLED, NAME, SAMPLES, TEMPERATURE
from bench.judge_worlds import WORLDS, World, load
from bench.quality_metrics import (
    UNDECIDED,
    Difference,
    Ints,
    paired_bootstrap,
    paired_shares,
    processbench,
)
from flows.routing import ROUTED, choose
from pipeline.labels.derive import Provenance, derive_views
from pipeline.labels.layout import Bools, Floats
from pipeline.posterior.fused import Fused
from pipeline.recipe import Labels, Questions, parse_recipe

MONTE_CARLO = "exhaustive-8"
VIEWS = (
    ("Monte-Carlo alone", Labels(view="hard")),
    ("its relative progress", Labels(view="progress")),
    ("judge alone, spark", Labels(view="spark")),
    ("judge alone, aurora", Labels(view="aurora")),
    ("judge alone, capo intersection", Labels(view="capo", capo="intersection")),
    ("judge alone, capo majority", Labels(view="capo", capo="majority")),
    ("judge alone, capo union", Labels(view="capo", capo="union")),
)
FILTERS = (
    ("qwen", Labels(view="hard", filter="qwen")),
    ("genprm", Labels(view="progress", filter="genprm")),
)
_NOTHING = Provenance("bench", "", "")


@dataclass(frozen=True)
class Row:
    world: str
    method: str
    first: Ints  # of each solution, -2 undecided
    kept: Bools

    def figures(self, true: Ints) -> dict[str, Any]:
        found = processbench(self.first[self.kept], true[self.kept])
        return {
            "world": self.world,
            "method": self.method,
            "erroneous_kept": int((self.kept & (true >= 0)).sum()),
            "clean_kept": int((self.kept & (true < 0)).sum()),
            "located": found.erroneous,
            "clean": found.clean,
            "f1": found.f1,
        }


def labelled(world: World, asked: Asked) -> list[Row]:
    """Views and filters, from rollouts and votes alone."""
    seen, settings = world.seen, [one for _, one in (*VIEWS, *FILTERS)]
    evidence = world.evidence(asked.evidence)
    tables = derive_views(
        seen.problems, seen.solutions, evidence, settings, Questions(), 8, _NOTHING
    )
    found = []
    for (name, one), table in zip((*VIEWS, *FILTERS), tables, strict=True):
        labels = pl.from_arrow(table.select(["first_error", "keep"]))
        assert isinstance(labels, pl.DataFrame)
        first = labels["first_error"].fill_null(UNDECIDED).cast(pl.Int64).to_numpy()
        kept = labels["keep"].to_numpy() if one.filter != "none" else np.ones(len(first), bool)
        found.append(Row(world.name, name, first, kept & world.known.decided))
    return found


def most_certain(fused: Fused, world: World, erroneous: int, clean: int) -> Bools:
    """The fewest solutions with so many of each true class, most certain first, the two predicted
    classes each by a threshold of its own."""
    layout, true = world.layout, world.known.first_error
    place = fused.place(layout)
    certainty: Floats = fused.p_none.copy()
    np.maximum.at(certainty, layout.row, fused.p_first)
    kept = np.zeros(len(true), dtype=np.bool_)
    queues = {
        called: [
            int(at)
            for at in np.lexsort((np.arange(len(true)), -certainty))
            if (place[at] >= 0) == called and world.known.decided[at]
        ][::-1]
        for called in (True, False)
    }
    while True:
        lacks = {True: (kept & (true >= 0)).sum() < erroneous}
        lacks[False] = (kept & (true < 0)).sum() < clean
        called = next((side for side in (True, False) if lacks[side] and queues[side]), None)
        if called is None and any(lacks.values()):  # of a class that it takes for the other
            called = next((side for side in (True, False) if queues[side]), None)
        if called is None:
            return kept
        kept[queues[called].pop()] = True


def compare(world: World, better: World, asked: Asked) -> tuple[list[Row], list[dict[str, Any]]]:
    """`world` has the rollouts of Monte-Carlo, `better` what the posterior reads."""
    true = world.known.first_error
    problem = world.seen.solutions["problem_id"].to_numpy()
    rows = labelled(world, asked)
    by = {row.method: row for row in rows}
    evidence = better.evidence(asked.evidence)
    fused = better.fuse(better.learn(evidence, asked.rates), evidence)
    order = _same_order(world, better)
    first = fused.place(better.layout)[order]
    rows.append(Row(world.name, "posterior with tools and judge", first, world.known.decided))
    found = []
    for name, _ in FILTERS:
        mine = by[name]
        sizes = (int((mine.kept & (true >= 0)).sum()), int((mine.kept & (true < 0)).sum()))
        kept = most_certain(fused, better, *sizes)[order]
        ours = Row(world.name, f"posterior at the yields of {name}", first, kept)
        rows.append(ours)
        bars = {}
        for other in ("Monte-Carlo alone", "its relative progress", "judge alone, spark"):
            one = by[other]
            bars[f"F1 over {other}"] = paired_bootstrap(
                mine.first, one.first, true, problem, within=(mine.kept, one.kept)
            )
        sides = (("located, erroneous", true >= 0), ("clean", true < 0))
        for side, members in sides:
            bars[f"posterior's {side} over the filter's"] = paired_shares(
                (ours.first == true, ours.kept & members),
                (mine.first == true, mine.kept & members),
                problem,
            )
        found += [
            {"world": world.name, "filter": name, "bar": bar, **vars_of(one)}
            for bar, one in bars.items()
        ]
    return rows, found


def _same_order(world: World, other: World) -> Ints:
    """Where each solution of `world` stands in `other`; the same solutions are in both."""
    place = {one: at for at, one in enumerate(other.seen.solutions["solution_id"])}
    ids = world.seen.solutions["solution_id"]
    assert len(place) == len(ids)
    return np.array([place[one] for one in ids])


def vars_of(one: Difference) -> dict[str, float | None]:
    return {"difference": one.value, "low": one.low, "high": one.high}


def routed(worlds: Sequence[World], asked: Sequence[Asked]) -> dict[str, Any]:
    """F1 over all worlds with the judge asked about every solution, and where routing asks it."""
    recipe = parse_recipe(
        {
            "policy": {"engine": "stub", "model": "x"},
            "name": "bench",
            "problems": {"source": "x"},
            "output": {"dir": "x"},
        },
        "bench",
    )
    settings = JudgeSettings(engine="stub", model="x", sees=ROUTED)
    firsts: dict[str, list[Ints]] = {"no judge": [], "all": [], "routed": []}
    spent = {"all": 0, "routed": 0}
    solutions = 0
    for world, one in zip(worlds, asked, strict=True):
        before = world.learn(world.evidence())
        names = pl.DataFrame({"solution_id": choose(NAME, settings, recipe, world.seen, before)})
        solutions += len(names)
        part = one.evidence.join(names, on="solution_id", how="semi")
        spent["all"] += one.tokens["tokens"].sum()
        spent["routed"] += one.tokens.join(names, on="solution_id")["tokens"].sum()
        for name, votes in (("all", one.evidence), ("routed", part)):
            evidence = world.evidence(votes)
            fused = world.fuse(world.learn(evidence, one.rates), evidence)
            firsts[name].append(fused.place(world.layout)[world.known.decided])
        firsts["no judge"].append(
            world.fuse(before, world.evidence()).place(world.layout)[world.known.decided]
        )
    true = np.concatenate([world.known.first_error[world.known.decided] for world in worlds])
    problem = np.concatenate(
        [
            world.name + world.seen.solutions["problem_id"].to_numpy()[world.known.decided]
            for world in worlds
        ]
    )
    said = {name: np.concatenate(parts) for name, parts in firsts.items()}
    found = paired_bootstrap(said["routed"], said["all"], true, problem)
    return {
        "solutions": len(true),
        "asked": solutions,
        "tokens_all": spent["all"],
        "tokens_routed": spent["routed"],
        "share": spent["routed"] / max(spent["all"], 1),
        **{f"f1_{name}": processbench(one, true).f1 for name, one in said.items()},
        **vars_of(found),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--judge", type=Path, default=BUNDLED)
    parser.add_argument("--samples", type=int, default=SAMPLES)
    parser.add_argument("--out", type=Path, default=Path("runs/bench-quality"))
    parser.add_argument("--temperature", type=float, default=TEMPERATURE)
    parser.add_argument("--method", default="posterior-30-tools")
    arguments = parser.parse_args()
    os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    worlds = [load(name, arguments.out, MONTE_CARLO) for name in WORLDS]
    better = [load(name, arguments.out, arguments.method) for name in WORLDS]
    asked = asyncio.run(
        ask(worlds, Calls(arguments.judge, arguments.out, arguments.samples, arguments.temperature))
    )
    console = Console(width=None if sys.stdout.isatty() else 140)
    result: dict[str, Any] = {"rows": [], "bars": []}
    for world, other, one in zip(worlds, better, asked, strict=True):
        rows, bars = compare(world, other, one)
        result["rows"] += [row.figures(world.known.first_error) for row in rows]
        result["bars"] += bars
    _print(console, "Labels of " + " and ".join(WORLDS), result["rows"])
    _print(console, "What filters and posterior must reach (90 % intervals)", result["bars"])
    result["routing"] = routed(better, asked)
    _print(console, "Routing, both worlds", [result["routing"]])
    place = arguments.out / "filters.json"
    place.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(place)


def _print(console: Console, title: str, rows: Sequence[dict[str, Any]]) -> None:
    table = Table(title=title, title_justify="left")
    for head in rows[0]:
        table.add_column(head)
    for row in rows:
        cells = [f"{one:.3f}" if isinstance(one, float) else str(one) for one in row.values()]
        table.add_row(*cells)
    console.print(table)


if __name__ == "__main__":
    main()
