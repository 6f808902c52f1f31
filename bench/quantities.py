"""The quantities annotator on planted, natural and real steps: what it flags, how fast it is.

    python -m bench.quantities [--data ../shared/data] [--runs runs/bench-quality] [--show] ...

Chains world, where the oracle knows every step: planted errors by kind (train and held-out
wordings apart), and solutions that policies wrote: those of `--runs` (side tables `solutions`),
and draws of the bundled policies on the bundled held-out problems (`--draws`; not reproducible to
the step). Real text: GSM8K gold lines, GSM8K model solutions, PRM800K. `--show` prints each flag
with its text, to be read. Precision counts steps that the oracle knows; a flag on a step with a
false equation is right too, but recall is of set-up errors. One process; rates are of its time.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from annotators.base import StepEvidence
from annotators.consistency.annotator import Consistency
from annotators.quantities.annotator import Quantities
from pipeline.verdict import Verdict
from worlds.chain_oracle import judge_chains
from worlds.chains import make
from worlds.make import read_problems
from worlds.plant import carry, kinds_at, plant
from worlds.problem import split_steps
from worlds.sample import sample

CHECK = Quantities()
SHOW = False

Table = dict[str, Counter[str]]


def rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        yield from map(json.loads, file)


def show(problem: str, steps: Sequence[str], evidence: Sequence[StepEvidence], about: str) -> None:
    """Print the flags of one solution."""
    for index, one in enumerate(evidence):
        for detail in one.details if one.verdict is Verdict.INCORRECT else ():
            print(f"[{about}] {detail.rule} at {index + 1}: {detail.text}")
            print("   P:", problem.replace("\n", " "))
            print("   S:", " // ".join(step.replace("\n", " ") for step in steps[: index + 1]))


def flags(evidence: Sequence[StepEvidence]) -> Iterator[str]:
    """The rules that flag, once a step, and the steps called correct."""
    for one in evidence:
        if one.verdict is Verdict.INCORRECT:
            yield from dict.fromkeys(f"flagged, {detail.rule}" for detail in one.details)
        elif one.verdict is Verdict.CORRECT:
            yield "called correct"


# -- the world --------------------------------------------------------------------------------


def against_oracle(problem: str, steps: Sequence[str], counts: Counter[str], about: str) -> None:
    """Add the steps of one solution to a table of counts."""
    evidence = CHECK.check(problem, steps)
    truths = judge_chains(problem, list(steps))
    other = Consistency().check(problem, steps)
    for index, (one, truth) in enumerate(zip(evidence, truths, strict=True)):
        name = truth.kind or truth.verdict
        counts[name] += 1
        if one.verdict is Verdict.INCORRECT:
            counts[f"{name}, flagged"] += 1
            counts.update(f"{name}, {rule}" for rule in {d.rule for d in one.details})
            if other[index].verdict is Verdict.INCORRECT:
                counts[f"{name}, flagged by consistency too"] += 1
        elif one.verdict is Verdict.CORRECT:
            counts[f"{name}, called correct"] += 1
        if SHOW and (
            (one.verdict is Verdict.INCORRECT and truth.verdict != "incorrect")
            or (one.verdict is Verdict.CORRECT and truth.verdict != "correct")
            or (one.verdict is not Verdict.INCORRECT and truth.kind == "setup")
        ):
            print(f"[{about}] {one.verdict} but {truth}: {[d.text for d in one.details]}")
            print("   P:", problem)
            print("   S:", " // ".join(steps[: index + 1]))


def summary(table: Table) -> dict[str, Any]:
    """Precision, recall of set-up errors, and what was called correct, over a table."""
    total = Counter[str]()
    for counts in table.values():
        total.update(counts)
    flagged = total["setup, flagged"] + total["arithmetic, flagged"]
    wrong = total["correct, flagged"]
    praised = sum(total[f"{name}, called correct"] for name in ("setup", "arithmetic"))
    return {
        "setup errors": total["setup"],
        "recall of setup": round(total["setup, flagged"] / max(1, total["setup"]), 4),
        "flags": flagged + wrong,
        "precision": round(flagged / max(1, flagged + wrong), 4),
        "flags on unreadable": total["unknown, flagged"],
        "called correct": total["correct, called correct"] + praised,
        "of these wrong": praised,
        "share of right steps called correct": round(
            total["correct, called correct"] / max(1, total["correct"]), 4
        ),
        "by kind": {kind: dict(sorted(counts.items())) for kind, counts in sorted(table.items())},
    }


def planted(split: Any, problems: int) -> Table:
    """By kind of planted error."""
    table: Table = {}
    for seed in range(problems):
        made, rng = make(seed, split), random.Random(seed)
        step = rng.randrange(len(made.steps))
        for kind in ("gold", "carried", *kinds_at(made, step)):
            steps: list[str] | None = made.steps
            if kind == "carried":
                steps = None
                if step < len(made.steps) - 1:
                    steps = carry(made, step, rng.randint(1, 60))
            elif kind != "gold":
                steps = plant(made, kind, step, rng)
            if steps is not None:
                counts = table.setdefault(kind, Counter())
                against_oracle(made.problem["text"], steps, counts, f"{split} {kind}")
    return table


def written(runs: Path, policy: str, most: int) -> Table:
    """Solutions of a policy in the tables of a benchmark's runs, each text once."""
    texts = {
        row["problem_id"]: row["text"] for row in rows(runs / "chains.jsonl")
    }  # the same problems as in the runs
    seen: set[tuple[str, tuple[str, ...]]] = set()
    table: Table = {policy: Counter()}
    for path in sorted((runs / f"chains-{policy}").glob("*/solutions/*.parquet")):
        for row in pq.read_table(path, columns=["problem_id", "steps"]).to_pylist():
            steps = tuple(step["text"].strip() for step in row["steps"])
            if (row["problem_id"], steps) in seen or len(seen) >= most:
                continue
            seen.add((row["problem_id"], steps))
            against_oracle(texts[row["problem_id"]], steps, table[policy], policy)
    return table


def drawn(policy: Path, problems: Path, draws: int) -> Table:
    """Solutions that a policy writes now, of problems with held-out wordings."""
    table: Table = {policy.name: Counter()}
    chosen = [problem for problem in read_problems(problems) if problem["domain"] == "chains"]
    solutions = sample(policy, [problem["text"] for problem in chosen], draws, 0.8)
    for problem, texts in zip(chosen, solutions, strict=True):
        for text in dict.fromkeys(text for text, _ in texts):
            steps = split_steps(text)
            against_oracle(problem["text"], steps, table[policy.name], policy.name)
    return table


# -- real text --------------------------------------------------------------------------------


def check(problem: str, steps: Sequence[str], about: str) -> list[StepEvidence]:
    evidence = CHECK.check(problem, steps)
    if SHOW:
        show(problem, steps, evidence, about)
    return evidence


def gold(data: Path) -> dict[str, float]:
    started, counts = time.process_time(), Counter[str]()
    for part in ("train", "test"):
        for row in rows(data / "gsm8k" / f"{part}.jsonl"):
            lines = row["answer"].split("\n")
            evidence = check(row["question"], lines, "gold")
            counts["steps"] += len(lines)
            counts["problems read"] += any(one.reason != "not_covered" for one in evidence)
            counts.update(flags(evidence))
    seconds = time.process_time() - started
    return {**counts, "steps_per_cpu_second": round(counts["steps"] / seconds)}


def sampled(data: Path) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for row in rows(data / "gsm8k" / "example_model_solutions.jsonl"):
        for value in row.values():
            if isinstance(value, dict):
                name = "right" if value["is_correct"] else "wrong"
                lines = value["solution"].split("\n")
                counts[f"{name}: steps"] += len(lines)
                evidence = check(row["question"], lines, name)
                counts.update(f"{name}: {rule}" for rule in flags(evidence))
    return dict(sorted(counts.items()))


def rated(data: Path) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for row in rows(data / "prm800k" / "phase1_test.jsonl"):
        problem, before = row["question"]["problem"], list[str]()
        for step in row["label"]["steps"]:
            for completion in step["completions"] or ():
                rating = f"rated {completion['rating']}"
                evidence = check(problem, [*before, completion["text"]], rating)
                counts[f"{rating}: steps"] += 1
                counts.update(f"{rating}: {rule}" for rule in flags(evidence[-1:]))
            chosen = step["chosen_completion"]
            text = step["completions"][chosen] if chosen is not None else step["human_completion"]
            if text is None:
                break
            before.append(text["text"])
    return dict(sorted(counts.items()))


def main() -> None:
    global SHOW
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--runs", type=Path, default=Path("runs/bench-quality"))
    parser.add_argument("--problems", type=int, default=400, help="chains problems of each split")
    parser.add_argument("--most", type=int, default=2000, help="natural solutions of each policy")
    parser.add_argument("--draws", type=int, default=4, help="of each held-out problem and policy")
    parser.add_argument("--only", choices=["planted", "natural", "real"])
    parser.add_argument("--show", action="store_true", help="print flags and, of the world, misses")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    SHOW = arguments.show
    found: dict[str, Any] = {}
    if arguments.only in (None, "planted"):
        for split in ("train", "heldout"):
            found[f"planted, {split}"] = summary(planted(split, arguments.problems))
    if arguments.only in (None, "natural"):
        for policy in ("large", "small"):
            if (arguments.runs / f"chains-{policy}").is_dir():
                table = written(arguments.runs, policy, arguments.most)
                found[f"natural, train, {policy}"] = summary(table)
            folder, problems = Path("data/policies") / policy, Path("data/problems/heldout.jsonl")
            table = drawn(folder, problems, arguments.draws)
            found[f"natural, heldout, {policy}"] = summary(table)
    if arguments.only in (None, "real"):
        found["gsm8k gold"] = gold(arguments.data)
        found["gsm8k model solutions"] = sampled(arguments.data)
        found["prm800k"] = rated(arguments.data)
    print(json.dumps(found, indent=2))
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
