"""What OmegaPRM's tree costs and gives: worlds x policies, at the paper's settings.

    python -m bench.trees [--problems 100] [--searches 100] [--out runs/bench-trees]

Screens the first N problems of each world in data/problems/bench.jsonl with 16 samples each, grows
the trees of those worth it (k = 8), and prints for each world and policy: completions for each
distinct measured prefix (the root and its screening samples left out; failed calls that were made
again are counted), completions for each exported single-step row (a published step whose edge in
the tree is one step, each prefix once), the share of positives and negatives among these rows,
and whether every selection was unique. First-error figures against the exact oracle are given for
the screened solutions. The figures go to <out>/trees.json too.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import polars as pl

from bench.searches import oracle_truth
from flows.run import LabelRun
from flows.tables import print_rows
from pipeline.evaluation import evaluate, written
from pipeline.folder import DatasetFolder
from pipeline.recipe import parse_recipe

WORLDS = ("chains", "deduction")
POLICIES = ("large", "small")


def problems_of(world: str, count: int, out: Path) -> Path:
    """A file of the first `count` bench problems of one world."""
    path = out / f"{world}.jsonl"
    lines = Path("data/problems/bench.jsonl").read_text(encoding="utf-8").splitlines()
    own = [line for line in lines if json.loads(line)["domain"] == world]
    path.write_text("\n".join(own[:count]) + "\n", encoding="utf-8")
    return path


def grow(world: str, policy: str, arguments: argparse.Namespace, source: Path) -> dict[str, Any]:
    out = arguments.out / f"{world}-{policy}"
    recipe = parse_recipe(
        {
            "name": f"omegaprm-{world}-{policy}",
            "problems": {"source": str(source)},
            "policy": {
                "engine": "embedded",
                "model": f"data/policies/{policy}",
                "samples": 16,
                "max_tokens": 400,
            },
            "rollouts": {"search": "omegaprm", "k": 8, "searches": arguments.searches},
            # MC = 0 is a label at every measured prefix, as in the paper: none is masked.
            "labels": {"view": "soft", "after_error": "propagate"},
            "run": {"shard_problems": 25},
            "output": {"dir": str(out)},
        },
        "bench",
    )
    with LabelRun(recipe, DatasetFolder(out)) as run:

        def work(group: list[str]) -> None:
            for stage in run.stages:
                run.stage(stage, group)

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(work, run.groups()))
        summary = run.finish()
        made = run.context.meter.bought + run.context.meter.failed - summary.sample_completions
        seconds = run.context.meter.seconds()
    folder = DatasetFolder(out)
    return {
        "world": world,
        "policy": policy,
        "problems": summary.problems,
        "searched": summary.searched,
        "solutions": summary.solutions,
        "completions": made,
        "rollout_tokens": summary.rollout_tokens,
        "seconds": seconds,
        **figures(folder, made),
    }


def figures(folder: DatasetFolder, completions: int) -> dict[str, Any]:
    tree = folder.side_table("tree")
    nodes = tree.filter(pl.col("prefix_len") > 0)
    selected = tree.select("tree_id", "node_id", "selected").explode("selected").drop_nulls()
    selected = selected.unnest("selected")
    labels = folder.labels()
    steps = (
        labels.select("problem_id", "prefix_hash", "edge_steps", "label", "n_rollouts", "outcome")
        .explode("prefix_hash", "edge_steps", "label", "n_rollouts")
        .filter(pl.col("n_rollouts") > 0)
        .unique(["problem_id", "prefix_hash"])
    )
    rows = steps.filter((pl.col("edge_steps") == 1) & pl.col("label").is_not_null())
    sampled = labels.filter((pl.col("origin") == "sampled") & (pl.col("outcome") == "incorrect"))
    sampled = sampled.filter(pl.col("tree_id").is_not_null())
    found = evaluate(sampled, oracle_truth(sampled), all_rows=True)
    unique = len(selected.unique(["tree_id", "node_id", "draw"]))
    texts = len(selected.unique(["tree_id", "solution_id"]))
    return {
        "prefixes": len(nodes),
        "completions_per_prefix": completions / max(len(nodes), 1),
        "single_step_rows": len(rows),
        "completions_per_single_step_row": completions / max(len(rows), 1),
        "labelled_steps": len(steps.filter(pl.col("label").is_not_null())),
        "positive": float(rows["label"].mean() or 0.0),  # type: ignore[arg-type]
        "selections": len(selected),
        "unique_selections": unique,
        "unique_solutions": texts,
        "accuracy_erroneous": found.accuracy_erroneous,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--problems", type=int, default=100)
    parser.add_argument("--searches", type=int, default=100)
    parser.add_argument("--out", type=Path, default=Path("runs/bench-trees"))
    arguments = parser.parse_args()
    shutil.rmtree(arguments.out, ignore_errors=True)
    arguments.out.mkdir(parents=True)
    rows = []
    for world in WORLDS:
        source = problems_of(world, arguments.problems, arguments.out)
        for policy in POLICIES:
            rows.append(grow(world, policy, arguments, source))
            print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
            (arguments.out / "trees.json").write_text(json.dumps(rows, indent=2) + "\n")
    for row in rows:
        print_rows(
            f"{row['world']}, {row['policy']}: {row['searched']} of {row['problems']} searched",
            [
                ("selections", f"{row['selections']:,}"),
                ("  unique (state and rollout)", f"{row['unique_selections']:,}"),
                ("  unique texts", f"{row['unique_solutions']:,}"),
                ("distinct measured prefixes", f"{row['prefixes']:,}"),
                ("completions for each", f"{row['completions_per_prefix']:.3f}"),
                ("single-step rows", f"{row['single_step_rows']:,}"),
                ("completions for each", f"{row['completions_per_single_step_row']:.2f}"),
                ("  positive", f"{row['positive']:.1%}"),
                ("  negative", f"{1 - row['positive']:.1%}"),
                ("all labelled steps, each prefix once", f"{row['labelled_steps']:,}"),
                ("first error located, wrong samples", written(row["accuracy_erroneous"])),
                ("rollout tokens", f"{row['rollout_tokens']:,}"),
                ("seconds", f"{row['seconds']:.0f}"),
            ],
        )


if __name__ == "__main__":
    main()
