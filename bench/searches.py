"""The three searches on the same solutions, against the oracle's exact truth.

    python -m bench.searches [--problems 100] [--policy large] [--out runs/bench-searches]

Screens the first N problems of data/problems/bench.jsonl once, gives the same solutions to every
search, and prints for each pair of search and view: ProcessBench F1 with both accuracies,
generated tokens and completions for each solution, rollouts for each labelled step. The figures
go to <out>/searches.json too. Tokens are those generated after screening.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import polars as pl

from flows.derive import derive_command
from flows.run import LabelRun
from flows.tables import print_rows
from pipeline.evaluation import evaluate, written
from pipeline.folder import DatasetFolder
from pipeline.recipe import Recipe, parse_recipe
from pipeline.summary import summarize
from worlds.oracle import judge

PAIRS = (
    ("exhaustive", "hard"),
    ("exhaustive", "progress"),
    ("bisect", "hard"),
    ("bisect", "scan"),
    ("scan", "hard"),
    ("scan", "scan"),
)


def recipe(search: str, view: str, arguments: argparse.Namespace, out: Path) -> Recipe:
    return parse_recipe(
        {
            "name": f"{search}-{view}",
            "problems": {
                "source": "data/problems/bench.jsonl",
                "limit": arguments.problems,
            },
            "policy": {
                "engine": "embedded",
                "model": f"data/policies/{arguments.policy}",
                "samples": 8,
                "max_tokens": 400,
            },
            "rollouts": {"search": search, "k": 8},
            "labels": {"view": view},
            "run": {"shard_problems": 25},
            "output": {"dir": str(out)},
        },
        "bench",
    )


def run_stages(made: Recipe, only: str = "") -> float:
    """Seconds of the run, or of its stage `only`; the folder is made or gone on with."""
    started = time.monotonic()
    with LabelRun(made, DatasetFolder(Path(made.output.dir))) as run:
        groups = run.groups()
        for stages, then in run.phases():

            def work(group: list[str], stages: tuple[str, ...] = stages) -> None:
                for stage in stages:
                    if only in ("", stage):
                        run.stage(stage, group)

            with ThreadPoolExecutor(8) as pool:
                list(pool.map(work, groups))
            if then is not None and not only:
                then()
        if not only:
            run.finish()
    return time.monotonic() - started


def copy_screening(source: Path, target: Path) -> None:
    """The same solutions for another search: plans, journal and screened stages."""
    shutil.copytree(source / "work", target / "work")
    (target / "work" / "recipe.json").unlink()


def oracle_truth(labels: pl.DataFrame) -> pl.DataFrame:
    """The truth table of these solutions."""
    rows = [
        (solution_id, step, verdict.verdict, "oracle")
        for solution_id, problem, steps in labels.select(
            "solution_id", "problem", "steps"
        ).iter_rows()
        for step, verdict in enumerate(judge(problem, steps))
    ]
    return pl.DataFrame(rows, schema=["solution_id", "step", "verdict", "origin"], orient="row")


def measure(folder: DatasetFolder, search: str, view: str, seconds: float) -> dict[str, Any]:
    labels = folder.labels()
    searched = labels.filter(
        ~pl.col("keep_reason").is_in(["all_right", "all_wrong", "no_outcome"]).fill_null(False)
    )
    truth = oracle_truth(searched)
    found = evaluate(searched, truth, all_rows=True)
    cost = summarize(folder)
    return {
        "search": search,
        "view": view,
        "solutions": len(searched),
        **found.as_dict(),
        "tokens_per_solution": cost.rollout_tokens / len(searched),
        "completions_per_solution": cost.rollouts / len(searched),
        "completions_per_label": cost.completions_per_label,
        "seconds": seconds,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--problems", type=int, default=100)
    parser.add_argument("--policy", default="large")
    parser.add_argument("--out", type=Path, default=Path("runs/bench-searches"))
    arguments = parser.parse_args()
    out: Path = arguments.out
    shutil.rmtree(out, ignore_errors=True)
    screened = out / "screened"
    run_stages(recipe("exhaustive", "hard", arguments, screened), "screen")
    rows = []
    took: dict[str, float] = {}
    for search, view in PAIRS:
        target = out / f"{search}-{view}"
        sibling = out / f"{search}-hard"
        if view == "progress":
            # The same evidence, another view: nothing is bought.
            derive_command(sibling, target, view, [])
            seconds = took[search]
        else:
            copy_screening(screened, target)
            seconds = run_stages(recipe(search, view, arguments, target))
            took[search] = seconds
        rows.append(measure(DatasetFolder(target), search, view, seconds))
        print(json.dumps(rows[-1]), file=sys.stderr)
    (out / "searches.json").write_text(json.dumps(rows, indent=2) + "\n")
    for row in rows:
        print_rows(
            f"{row['search']} / {row['view']} ({row['solutions']} solutions, {arguments.policy})",
            [
                ("first-error F1", written(row["first_error_f1"])),
                ("  accuracy, erroneous", written(row["accuracy_erroneous"])),
                ("  accuracy, clean", written(row["accuracy_clean"])),
                ("  located late or missed", written(row["overestimated"])),
                ("  located early", written(row["underestimated"])),
                ("tokens a solution", f"{row['tokens_per_solution']:.0f}"),
                ("completions a solution", f"{row['completions_per_solution']:.1f}"),
                ("completions a label", written(row["completions_per_label"])),
            ],
        )


if __name__ == "__main__":
    main()
