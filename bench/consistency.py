"""The consistency annotator on real text and on planted errors: what it flags, how fast it is.

    python -m bench.consistency [--data ../shared/data] [--show] [--json FILE]

GSM8K gold steps (lines), GSM8K model solutions by whether the file marks the answer right,
PRM800K completions after the chosen steps by human rating, and the chains world's planted errors
by kind, where the oracle knows every step. `--show` prints each flag with its text, to be read.
One process; steps per second are of processor time.
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

from annotators.base import StepEvidence
from annotators.consistency.annotator import Consistency
from pipeline.verdict import Verdict
from worlds.chain_oracle import judge_chains
from worlds.chains import make
from worlds.plant import carry, kinds_at, plant

CHECK = Consistency()
SHOW = False


def check(
    problem: str, steps: Sequence[str], about: str, context: bool = True
) -> list[StepEvidence]:
    """The evidence; with --show, each finding is printed."""
    evidence = CHECK.check(problem, steps)
    for index, one in enumerate(evidence):
        for detail in one.details if SHOW else ():
            print(f"[{about}] {detail.rule} at {index + 1}: {detail.text}")
            print("   P:", problem.replace("\n", " "))
            print("   S:", " // ".join(step.replace("\n", " ") for step in steps[: index + 1]))
    return evidence


def rules(evidence: Sequence[StepEvidence]) -> Iterator[str]:
    for one in evidence:
        yield from dict.fromkeys(detail.rule for detail in one.details)


def rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        yield from map(json.loads, file)


def gold(data: Path) -> dict[str, float]:
    started, counts = time.process_time(), Counter[str]()
    for part in ("train", "test"):
        for row in rows(data / "gsm8k" / f"{part}.jsonl"):
            lines = row["answer"].split("\n")
            evidence = check(row["question"], lines, "gold")
            counts["steps"] += len(lines)
            counts.update(rules(evidence))
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
                counts.update(f"{name}: {rule}" for rule in rules(evidence))
    return dict(sorted(counts.items()))


def changed(data: Path) -> dict[str, int]:
    """Gold solutions with 1 to 30 added to the last answer."""
    rng, counts = random.Random(0), Counter[str]()
    for row in rows(data / "gsm8k" / "test.jsonl"):
        *lines, last = row["answer"].split("\n")
        answer = last.removeprefix("#### ").replace(",", "")
        if not answer.isdigit():
            continue
        evidence = CHECK.check(
            row["question"], [*lines, f"#### {int(answer) + rng.randint(1, 30)}"]
        )
        counts["solutions"] += 1
        counts["flagged"] += evidence[-1].verdict is Verdict.INCORRECT
        counts["flagged elsewhere"] += any(
            one.verdict is Verdict.INCORRECT for one in evidence[:-1]
        )
        counts.update(rules(evidence[-1:]))
    return dict(counts)


def rated(data: Path) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for row in rows(data / "prm800k" / "phase1_test.jsonl"):
        problem, before = row["question"]["problem"], list[str]()
        for step in row["label"]["steps"]:
            for completion in step["completions"] or ():
                rating = f"rated {completion['rating']}"
                evidence = check(problem, [*before, completion["text"]], rating)
                counts[f"{rating}: steps"] += 1
                counts.update(f"{rating}: {rule}" for rule in rules(evidence[-1:]))
            chosen = step["chosen_completion"]
            text = step["completions"][chosen] if chosen is not None else step["human_completion"]
            if text is None:
                break
            before.append(text["text"])
    return dict(sorted(counts.items()))


def planted(split: Any, problems: int) -> dict[str, dict[str, int]]:
    """By kind of planted error: the wrong step flagged or not, and right steps flagged."""
    table: dict[str, Counter[str]] = {}
    for seed in range(problems):
        made, rng = make(seed, split), random.Random(seed)
        step = rng.randrange(len(made.steps))
        for kind in ("gold", "carried", *kinds_at(made, step)):
            steps: list[str] | None = made.steps
            if kind == "carried" and step < len(made.steps) - 1:
                steps = carry(made, step, rng.randint(1, 60))
            elif kind not in ("gold", "carried"):
                steps = plant(made, kind, step, rng)
            if steps is None:
                continue
            counts = table.setdefault(kind, Counter())
            evidence = check(made.problem["text"], steps, f"{split} {kind}")
            for one, truth in zip(evidence, judge_chains(made.problem["text"], steps), strict=True):
                counts[truth.verdict] += 1
                if one.verdict is Verdict.INCORRECT:
                    counts[f"{truth.verdict}, flagged"] += 1
                    counts.update(f"{truth.verdict}, {d.rule}" for d in one.details)
    return {kind: dict(sorted(counts.items())) for kind, counts in table.items()}


def main() -> None:
    global SHOW
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--problems", type=int, default=400, help="chains problems of each split")
    parser.add_argument("--show", action="store_true")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    SHOW = arguments.show
    found = {
        "gsm8k gold": gold(arguments.data),
        "gsm8k gold, last answer changed": changed(arguments.data),
        "gsm8k model solutions": sampled(arguments.data),
        "prm800k": rated(arguments.data),
        "chains, train": planted("train", arguments.problems),
        "chains, heldout": planted("heldout", arguments.problems),
    }
    print(json.dumps(found, indent=2))
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
