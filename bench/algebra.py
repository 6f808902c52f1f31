"""The algebra annotator on real text: what it flags, how the flags are rated, how fast it is.

    python -m bench.algebra [--data ../shared/data] [--show] [--json FILE]

PRM800K: each rated completion is checked as the last step of its solution; flags by human rating
and by rule. GSM8K gold steps (lines): every flag is printed, to be read. One process.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from annotators.algebra import Algebra
from annotators.base import StepEvidence
from pipeline.verdict import Verdict

CHECK = Algebra()


def rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        yield from map(json.loads, file)


def rated(data: Path, show: bool) -> dict[str, Any]:
    counts: Counter[str] = Counter()
    started = time.process_time()
    for row in rows(data / "prm800k" / "phase1_test.jsonl"):
        problem, chosen = row["question"]["problem"], []
        for step in row["label"]["steps"]:
            for completion in step["completions"] or ():
                rating = completion["rating"]
                counts[f"rated {rating}"] += 1
                found = CHECK.check(problem, [*chosen, completion["text"]])[-1]
                _count(counts, f"rated {rating}", found)
                if found.verdict is Verdict.INCORRECT and show:
                    print(f"\n== {rating}: {completion['text']}")
                    for detail in found.details:
                        print(f"   [{detail.rule}] {detail.text}")
            if step["chosen_completion"] is not None:
                chosen.append(step["completions"][step["chosen_completion"]]["text"])
            elif step["human_completion"]:
                chosen.append(step["human_completion"]["text"])
            else:
                break
    seconds = time.process_time() - started
    return {**dict(sorted(counts.items())), "cpu_seconds": round(seconds, 1)}


def _count(counts: Counter[str], name: str, found: StepEvidence) -> None:
    if found.verdict is Verdict.INCORRECT:
        counts[f"{name}, flagged"] += 1
    for rule in {detail.rule for detail in found.details}:
        counts[f"{name}, {rule}"] += 1


def gold(data: Path) -> dict[str, float]:
    started, steps, flagged = time.process_time(), 0, 0
    for part in ("train", "test"):
        for row in rows(data / "gsm8k" / f"{part}.jsonl"):
            lines = row["answer"].split("\n")
            steps += len(lines)
            for one in CHECK.check(row["question"], lines):
                if one.verdict is Verdict.INCORRECT:
                    flagged += 1
                    print(f"  gold: {one.details[0].text}")
    seconds = time.process_time() - started
    return {"steps": steps, "flagged": flagged, "steps_per_cpu_second": round(steps / seconds)}


def sampled(data: Path, show: bool) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for row in rows(data / "gsm8k" / "example_model_solutions.jsonl"):
        for value in row.values():
            if isinstance(value, dict):
                name = "right" if value["is_correct"] else "wrong"
                counts[f"{name} answers"] += 1
                for one in CHECK.check(row["question"], value["solution"].split("\n")):
                    if one.verdict is Verdict.INCORRECT:
                        counts[f"{name} answers, flagged steps"] += 1
                        if show:
                            print(f"  gsm8k {name}: {one.details[0].text}")
    return dict(sorted(counts.items()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--show", action="store_true", help="print the flagged texts")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    found = {
        "prm800k": rated(arguments.data, arguments.show),
        "gsm8k gold": gold(arguments.data),
        "gsm8k model solutions": sampled(arguments.data, arguments.show),
    }
    print(json.dumps(found, indent=2))
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
