"""The arithmetic annotator on real text: what it flags, how often it is right, how fast it is.

    python -m bench.arithmetic [--data ../shared/data] [--json FILE]

GSM8K gold steps (lines): every flag is printed, to be read. PRM800K: flags by human rating. GSM8K
model solutions: flagged steps by whether the file marks the answer right. One process.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from annotators.arithmetic.annotator import Arithmetic
from pipeline.verdict import Verdict

CHECK = Arithmetic()


def flags(problem: str, steps: list[str]) -> list[str]:
    """The claims that are called false."""
    found = CHECK.check(problem, steps)
    return [one.details[0].text for one in found if one.verdict is Verdict.INCORRECT]


def rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        yield from map(json.loads, file)


def gold(data: Path) -> dict[str, float]:
    started, steps, found = time.process_time(), 0, []
    for part in ("train", "test"):
        for row in rows(data / "gsm8k" / f"{part}.jsonl"):
            lines = row["answer"].split("\n")
            steps += len(lines)
            found += flags(row["question"], lines)
    seconds = time.process_time() - started
    for claim in found:
        print(f"  gold: {claim}")
    return {"steps": steps, "flagged": len(found), "steps_per_cpu_second": round(steps / seconds)}


def rated(data: Path) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for row in rows(data / "prm800k" / "phase1_test.jsonl"):
        problem = row["question"]["problem"]
        for step in row["label"]["steps"]:
            for completion in step["completions"] or ():
                counts[f"rated {completion['rating']}"] += 1
                for claim in flags(problem, [completion["text"]]):
                    counts[f"rated {completion['rating']}, flagged"] += 1
                    print(f"  prm800k {completion['rating']}: {claim}")
    return dict(sorted(counts.items()))


def sampled(data: Path) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for row in rows(data / "gsm8k" / "example_model_solutions.jsonl"):
        for value in row.values():
            if isinstance(value, dict):
                name = "right" if value["is_correct"] else "wrong"
                counts[f"{name} answers"] += 1
                lines = value["solution"].split("\n")
                counts[f"{name} answers, flagged steps"] += len(flags(row["question"], lines))
    return dict(sorted(counts.items()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    found = {
        "gsm8k gold": gold(arguments.data),
        "prm800k": rated(arguments.data),
        "gsm8k model solutions": sampled(arguments.data),
    }
    print(json.dumps(found, indent=2))
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
