"""How right the labels of every method are, and what they cost: toy and bundled policies.

    python -m bench.label_quality [--out runs/bench-quality] [--only TEXT] [--workers 2]
                                  [--least 1000] [--plot docs/quality.svg]

24 cells of the closed-form toy (error x repair x luck), and both worlds with both policies: at
least 1,000 solutions each after the question filter. In each cell every method labels the same
solutions from the same draws: exhaustive search with k = 4, 8, 16 on all and on wrong solutions,
bisect, SCAN, relative progress, hybrid, and the posterior at 5, 10, 30 and 100 % of the tokens of
exhaustive search with k = 8; on the toy also with its true parameters, on the policies also with
the log-probability of the answer and with all tools ("+": F1 over the posterior without them, and
the lower end of its paired 90 % interval). Tokens are those generated after screening.

The figures of each cell are kept in <out>/rows, so a benchmark that was stopped goes on; all of
them go to <out>/quality.json, with what the posterior must reach and what it reached. On two cores
the toy takes an hour, the bundled policies a few (their completions are bought on the first run).
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.quality_bars import bars
from bench.quality_found import rows
from bench.quality_plot import render

ERRORS, REPAIRS, LUCKS = (0.03, 0.08, 0.15, 0.3), (0.0, 0.05, 0.15), (0.0, 0.1)
LEAST = 1000  # solutions of a cell
SEED = 7
# Cells of the plot: a toy that is mostly as the field's problems are, and one that is hostile.
PLOTTED = ("toy: error 0.08, repair 0.05, luck 0.0", "toy: error 0.15, repair 0.15, luck 0.1")
COLUMNS = (
    ("method", "method", "{}"),
    ("tokens", "tokens_per_solution", "{:.0f}"),
    ("share", "share_of_tokens", "{:.1%}"),
    ("at least", "least_tokens", "{:.0f}"),
    ("F1", "f1", "{:.3f}"),
    ("- k=8", "f1_over_baseline", "{:+.3f}"),
    ("from", "low", "{:+.3f}"),
    ("to", "high", "{:+.3f}"),
    ("(1-F1)/E", "error_ratio", "{:.2f}"),
    ("+", "f1_over_alone", "{:+.3f}"),
    ("from", "low_over_alone", "{:+.3f}"),
    ("accuracy", "accuracy", "{:.3f}"),
    ("F1 at 80 %", "f1_most_certain", "{:.3f}"),
    ("ECE", "calibration_error", "{:.3f}"),
    ("to first", "calibration_error_to_first", "{:.3f}"),
    ("covered", "interval_coverage", "{:.3f}"),
    ("score", "interval_score", "{:.3f}"),
    ("best of 4", "best_of_4_min", "{:.3f}"),
)


def toy_name(error: float, repair: float, luck: float) -> str:
    return f"toy: error {error}, repair {repair}, luck {luck}"


def toy_cell(error: float, repair: float, luck: float, least: int) -> list[dict[str, Any]]:
    from bench.quality_toy import Rates, Toy
    from bench.quality_toy_methods import measure

    toy = Toy(Rates(error, repair, luck), least, SEED)
    return rows(measure(toy_name(error, repair, luck), toy))


def world_cell(world: str, policy: str, out: Path) -> list[dict[str, Any]]:
    from bench.quality_world_methods import measure
    from bench.quality_worlds import Cell

    return rows(measure(Cell(world, policy, out)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("runs/bench-quality"))
    parser.add_argument("--only", default="", help="cells whose name contains this")
    parser.add_argument("--workers", type=int, default=2, help="toy cells at once")
    parser.add_argument("--least", type=int, default=LEAST, help="solutions of a toy cell")
    parser.add_argument("--plot", type=Path, help="SVG file of F1 over tokens")
    arguments = parser.parse_args()
    kept = arguments.out / "rows"
    kept.mkdir(parents=True, exist_ok=True)
    # Many small products: threads of their own would only stand in each other's way.
    os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    toys = [one for one in product(ERRORS, REPAIRS, LUCKS) if arguments.only in toy_name(*one)]
    started = time.monotonic()
    with ProcessPoolExecutor(arguments.workers, get_context("spawn")) as pool:
        waiting = {
            pool.submit(toy_cell, *one, arguments.least): toy_name(*one)
            for one in toys
            if not _place(kept, toy_name(*one)).exists()
        }
        for done in as_completed(waiting):
            _keep(kept, waiting[done], done.result(), started)
    from bench.quality_worlds import cells

    worlds = [cell for cell in cells(arguments.out) if arguments.only in cell.name]
    for cell in worlds:
        if not _place(kept, cell.name).exists():
            _keep(kept, cell.name, world_cell(cell.world, cell.policy, arguments.out), started)
    names = [toy_name(*one) for one in toys] + [cell.name for cell in worlds]
    found = [json.loads(_place(kept, name).read_text(encoding="utf-8")) for name in names]
    _report([row for part in found for row in part], arguments)


def _place(kept: Path, name: str) -> Path:
    return kept / (name.replace(": ", "-").replace(", ", "-").replace(" ", "_") + ".json")


def _keep(kept: Path, name: str, found: list[dict[str, Any]], started: float) -> None:
    clean = [{key: _finite(value) for key, value in row.items()} for row in found]
    _place(kept, name).write_text(json.dumps(clean, indent=1) + "\n", encoding="utf-8")
    print(f"{time.monotonic() - started:6.0f} s  {name}", file=sys.stderr, flush=True)


def _finite(value: Any) -> Any:
    """JSON has neither NaN nor infinity."""
    if isinstance(value, list):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _report(found: Sequence[dict[str, Any]], arguments: argparse.Namespace) -> None:
    console = Console(width=None if sys.stdout.isatty() else 200)
    for cell in dict.fromkeys(row["cell"] for row in found):
        own = [row for row in found if row["cell"] == cell]
        votes = next(row["majority_vote"] for row in own if "majority_vote" in row)
        title = f"{cell}: {own[0]['solutions']} solutions, majority vote {votes:.3f}"
        table = Table(title=title, title_justify="left")
        for head, _, _ in COLUMNS:
            table.add_column(head, justify="left" if head == "method" else "right", no_wrap=True)
        for row in own:
            values = [(form, row.get(key)) for _, key, form in COLUMNS]
            table.add_row(*("" if one is None else form.format(one) for form, one in values))
        console.print(table)
    reached = bars(found)
    table = Table(title="What the posterior must reach", title_justify="left")
    for head in ("bar", "reached in", "largest excess"):
        table.add_column(head)
    for bar in reached:
        missed = len(bar.failed)
        table.add_row(bar.name, f"{bar.cells - missed} of {bar.cells}", bar.worst)
    console.print(table)
    for bar in reached:
        for cell in bar.failed:
            console.print(f"missed: {bar.name}: {cell}", markup=False)
    result = {"rows": list(found), "bars": [vars(bar) for bar in reached]}
    place = arguments.out / "quality.json"
    place.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(place)
    if arguments.plot:
        arguments.plot.write_text(render(_points(found), "First-error F1 over tokens"))


def _points(found: Sequence[dict[str, Any]]) -> list[Any]:
    """Rows of the plot: one line a family of methods."""
    points = []
    for row in found:
        if row["cell"].startswith("toy") and row["cell"] not in PLOTTED:
            continue
        method = row["method"]
        if method.startswith("posterior of"):
            continue  # its tokens are exhaustive search's own
        if "answer_logprob" in method:
            continue  # hardly another line than the posterior's
        kind, _, rest = method.partition(", ")
        kind = kind.split(" k=")[0]
        if kind.startswith("posterior"):
            kind = " ".join(["posterior", *kind.split()[2:]])  # without the share
        method = f"{kind}, {rest}" if rest else kind
        # The intervals are of the difference from exhaustive search; drawn around the method.
        base = row["f1"] - row["f1_over_baseline"]
        ends = {name: None if row[name] is None else base + row[name] for name in ("low", "high")}
        points.append(row | {"method": method} | ends)
    return points


if __name__ == "__main__":
    main()
