"""The algebra annotator on real text: what it flags, how the flags are rated, how fast it is.

    python -m bench.algebra [--data ../shared/data] [--show] [--json FILE]

PRM800K: each rated completion is checked as the last step of its solution; flags by human rating
and by rule. GSM8K gold steps (lines): every flag is printed, to be read. One process.
"""

from __future__ import annotations

import argparse
import json
import re
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from annotators.algebra.annotator import Algebra
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
        for before, completion in _completions(row):
            rating = completion["rating"]
            counts[f"rated {rating}"] += 1
            found = CHECK.check(row["question"]["problem"], [*before, completion["text"]])[-1]
            _count(counts, f"rated {rating}", found)
            if found.verdict is Verdict.INCORRECT and show:
                print(f"\n== {rating}: {completion['text']}")
                for detail in found.details:
                    print(f"   [{detail.rule}] {detail.text}")
    seconds = time.process_time() - started
    return {**dict(sorted(counts.items())), "cpu_seconds": round(seconds, 1)}


def planted(data: Path, show: bool) -> dict[str, int]:
    """Claims that hold, with their last number one up: how many of them are flagged.

    PRM800K steps rated 0 or 1, and lines of GSM8K gold solutions.
    """
    counts: Counter[str] = Counter()
    for problem, before, text in [*_good_steps(data), *_gold_lines(data)]:
        for detail in CHECK.check(problem, [*before, text])[-1].details:
            if not detail.rule.endswith(("_holds", "_follows")):
                continue
            wrong = _one_up(text, detail.start, detail.end)
            flagged = CHECK.check(problem, [*before, wrong])[-1].verdict is Verdict.INCORRECT
            counts[f"{detail.rule}, planted"] += 1
            counts[f"{detail.rule}, flagged"] += flagged
            if show and not flagged:
                print(f"  planted, missed [{detail.rule}]: {wrong}")
    return dict(sorted(counts.items()))


def _good_steps(data: Path) -> Iterator[tuple[str, list[str], str]]:
    for row in rows(data / "prm800k" / "phase1_test.jsonl"):
        for before, completion in _completions(row):
            if completion["rating"] in (0, 1):
                yield row["question"]["problem"], before, completion["text"]


def _gold_lines(data: Path) -> Iterator[tuple[str, list[str], str]]:
    for row in rows(data / "gsm8k" / "test.jsonl"):
        lines = row["answer"].split("\n")
        for at, line in enumerate(lines):
            yield row["question"], lines[:at], line


def _completions(row: dict[str, Any]) -> Iterator[tuple[list[str], dict[str, Any]]]:
    """Each rated completion of a PRM800K row with the chosen steps before it."""
    chosen: list[str] = []
    for step in row["label"]["steps"]:
        for completion in step["completions"] or ():
            yield list(chosen), completion
        if step["chosen_completion"] is not None:
            chosen.append(step["completions"][step["chosen_completion"]]["text"])
        elif step["human_completion"]:
            chosen.append(step["human_completion"]["text"])
        else:
            return


def _one_up(text: str, start: int, end: int) -> str:
    numbers = list(re.finditer(r"\d+", text[start:end]))
    if not numbers:
        return text[:end] + " + 1" + text[end:]
    at, to = start + numbers[-1].start(), start + numbers[-1].end()
    return f"{text[:at]}{int(text[at:to]) + 1}{text[to:]}"


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
        "planted errors": planted(arguments.data, arguments.show),
        "gsm8k gold": gold(arguments.data),
        "gsm8k model solutions": sampled(arguments.data, arguments.show),
    }
    print(json.dumps(found, indent=2))
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
