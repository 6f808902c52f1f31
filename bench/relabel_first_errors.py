"""Whether relabelling finds first errors no worse than before: `bench.relabel` on more problems.

    python -m bench.relabel_first_errors [POLICIES] [--out FOLDER] [--only TEXT] [--problems 240]

The pairs, recipes and budgets of `bench.relabel`, and the worlds' oracle as truth; no truth of
values, which is what costs there, so that problems can be many: F1 of 120 problems moves by 0.003
with one solution. All relabelled runs draw from the journal of the full one. Each F1 stands beside
that of the labels before, with 95 % intervals of the difference, paired, over problems (10,000
bootstrap draws). POLICIES (runs/relabel) is not needed for `--only "small to large"`.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

import polars as pl

from bench.quality_metrics import UNDECIDED, Ints, paired_bootstrap
from bench.relabel import BUDGETS, Bench, f1, pairs, rollout_tokens
from bench.searches import oracle_truth
from bench.throughput_table import Row, print_table
from pipeline.folder import DatasetFolder
from pipeline.labels.layout import Layout
from pipeline.step_truth import align


def measure(bench: Bench) -> tuple[list[Row], dict[str, Any]]:
    old = bench.old()
    fresh = bench.relabelled("full", {"search": "posterior"}, forget=True)
    full, pool = rollout_tokens(fresh), bench.folder / "pool" / "work" / "journal"
    if not pool.exists():
        shutil.copytree(fresh.work / "journal", pool)
    labels = old.labels()
    truth = oracle_truth(labels)
    layout = Layout.of_lengths(labels["label"].list.len().cast(pl.Int64).to_numpy())
    known = align(labels["solution_id"], layout, truth)
    problems = labels["problem_id"].to_numpy()[known.decided]
    true, before = known.first_error[known.decided], f1(old, truth)
    rows, figures = [Row(f"{bench.pair.name}: solutions", len(true), note=f"F1 {before:.4f}")], []
    for share in BUDGETS:
        folder = bench.at(full, share, forget=False)
        found, spent = f1(folder, truth), rollout_tokens(folder) / full
        ours, theirs = (predicted(one, labels)[known.decided] for one in (folder, old))
        moved = paired_bootstrap(ours, theirs, true, problems, mass=0.95)
        note = f"{moved.value:+.4f}, {moved.low:+.4f} to {moved.high:+.4f}; "
        note += f"spent {100 * spent:.0f} %"
        rows.append(Row(f"{100 * share:.0f} %: F1", found, at_least=before, note=note))
        interval = [moved.low, moved.high]
        figures.append({"share": share, "f1": found, "interval": interval, "spent": spent})
    return rows, {"solutions": len(true), "f1_before": before, "budgets": figures}


def predicted(folder: DatasetFolder, like: pl.DataFrame) -> Ints:
    """First errors of a folder's labels, in the order of the solutions of `like`."""
    found = folder.labels().select("solution_id", "first_error")
    rows = like.select("solution_id").join(found, on="solution_id", maintain_order="left")
    return rows["first_error"].cast(pl.Int64).fill_null(UNDECIDED).to_numpy()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("policies", type=Path, nargs="?", default=Path("runs/relabel"))
    parser.add_argument("--out", type=Path, default=Path("runs/bench-relabel-first-errors"))
    parser.add_argument("--only", default="", metavar="TEXT", help="pairs with this in their name")
    parser.add_argument("--problems", type=int, default=240, help="of each world")
    arguments = parser.parse_args()
    figures = {}
    for pair in pairs(arguments.policies):
        if arguments.only in pair.name:
            rows, figures[pair.name] = measure(Bench(pair, arguments.out, arguments.problems))
            print_table(pair.name, rows)
    (arguments.out / "relabel.json").write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
