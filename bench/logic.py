"""The logic annotator against ProntoQA's gold proofs and the deduction world's oracle.

    python -m bench.logic [--data ../shared/data] [--problems 300] [--json FILE]

ProntoQA: every line of every gold proof, and its negation; milliseconds of processor are of one
question (does it follow, or its negation?) with a new solver and all premises. Deduction
world: gold solutions, and every kind of planted error at every step, every verdict of which is
compared with the oracle's; bundled texts of other kinds must not be covered. One process.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from annotators.logic.annotator import Logic
from annotators.logic.formula import negation
from annotators.logic.problem import read_problem, read_statement
from annotators.logic.solver import Prover
from annotators.solver import Answer
from pipeline.verdict import Verdict
from worlds import deduction
from worlds.oracle import judge
from worlds.plant import kinds_at, plant
from worlds.words import Split

CHECK = Logic()


def prontoqa(data: Path) -> dict[str, Any]:
    rows = json.loads((data / "prontoqa" / "dev.json").read_text("utf-8"))
    counts: Counter[str] = Counter()
    times = []
    for row in rows:
        problem = f"{row['context']} {row['question']}"
        steps = row["explanation"]
        theory = read_problem(problem)
        counts["problems"] += 1
        if theory is None:
            continue
        counts["problems read"] += 1
        givens = [given.formula for given in theory.givens]
        for line in steps:
            counts["gold lines"] += 1
            statement = read_statement(line)
            if statement is None:
                continue
            prover = Prover()
            started = time.process_time()
            answer = prover.decide(givens, statement.formula)
            times.append(1000 * (time.process_time() - started))
            counts["lines entailed"] += answer is Answer.FOLLOWS
            denied = Prover().decide(givens, negation(statement.formula))
            counts["negations refuted"] += denied is Answer.REFUTED
        for at, evidence in enumerate(CHECK.check(problem, steps)):
            counts["steps called correct"] += evidence.verdict is Verdict.CORRECT
            found = CHECK.check(problem, [f"It is not true that {steps[at]}"])[0].verdict
            counts["negated steps called incorrect"] += found is Verdict.INCORRECT
    times.sort()
    return {
        **counts,
        "milliseconds, median": round(median(times), 2),
        "milliseconds, p99": round(times[len(times) * 99 // 100], 2),
    }


def solutions(seed: int, split: Split) -> Iterator[tuple[str, str, list[str]]]:
    """The gold solution of one problem and all its planted errors: kind, problem, steps."""
    made = deduction.make(seed, split)
    text = made.problem["text"]
    yield "gold", text, made.steps
    rng = random.Random(seed)
    for step in range(len(made.steps)):
        for kind in kinds_at(made, step):
            yield kind, text, plant(made, kind, step, rng)


def world(problems: int, split: Split) -> dict[str, Any]:
    counts: Counter[str] = Counter()
    times = []
    for seed in range(problems):
        for kind, text, steps in solutions(seed, split):
            started = time.process_time()
            found = CHECK.check(text, steps)
            times.append(1000 * (time.process_time() - started) / len(steps))
            counts["solutions"] += 1
            for mine, truth in zip(found, judge(text, steps), strict=True):
                counts["steps"] += 1
                counts["agree"] += mine.verdict.value == truth.verdict
                if mine.verdict is Verdict.UNKNOWN:
                    counts[f"undecided, {kind}: {mine.details or mine.reason}"] += 1
                elif mine.verdict.value != truth.verdict:
                    counts[f"disagree, {kind}: {mine.verdict}, oracle {truth.verdict}"] += 1
    return {**counts, "milliseconds a step, median": round(median(times), 2)}


def others(data: Path) -> dict[str, int]:
    """Steps of mathematics; whatever is not "not_covered" is printed."""
    counts: Counter[str] = Counter()
    texts: list[tuple[str, list[str]]] = []
    for line in (data / "gsm8k" / "test.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        texts.append((row["question"], row["answer"].split("\n")))
    for line in (data / "prm800k" / "phase1_test.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        steps = [c["text"] for s in row["label"]["steps"] for c in s["completions"] or ()]
        texts.append((row["question"]["problem"], steps))
    for problem, steps in texts:
        for step, evidence in zip(steps, CHECK.check(problem, steps), strict=True):
            counts["steps"] += 1
            counts[str(evidence.reason or evidence.verdict)] += 1
            if evidence.details:
                print(f"  {evidence.verdict}: {step!r}: {evidence.details}")
    return dict(counts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--problems", type=int, default=300)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    found = {
        "prontoqa": prontoqa(arguments.data),
        "deduction, train": world(arguments.problems, "train"),
        "deduction, heldout": world(arguments.problems, "heldout"),
        "gsm8k and prm800k": others(arguments.data),
    }
    print(json.dumps(found, indent=2))
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
