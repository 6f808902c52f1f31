"""Measure a policy on bundled problems: pass@1, kinds of first error, and where they are.

    python -m worlds.measure data/policies/large data/problems/demo.jsonl

Pass@1 is the share of draws whose last step is the right answer. Errors are the oracle's; a
solution with an unreadable step before its first error counts as unreadable. No torch needed.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from worlds.make import read_problems
from worlds.oracle import judge
from worlds.problem import Problem, Verdict, split_steps
from worlds.sample import sample


class Outcome(NamedTuple):
    """One drawn solution, judged."""

    passed: bool
    finished: bool
    error: str  # "", "arithmetic", "setup" or "unreadable"
    error_step: int  # 0-based, -1 when there is none
    n_steps: int


def judge_draw(problem: Problem, text: str, finished: bool) -> Outcome:
    """The outcome of one solution text."""
    steps = split_steps(text)
    verdicts = judge(problem["text"], steps)
    passed = bool(steps) and steps[-1] == f"The answer is {problem['answer']}."
    error, where = _first(verdicts)
    return Outcome(passed, finished, error, where, len(steps))


def _first(verdicts: list[Verdict]) -> tuple[str, int]:
    for index, verdict in enumerate(verdicts):
        if verdict.verdict == "unknown":
            return "unreadable", index
        if verdict.verdict == "incorrect":
            return verdict.kind, index
    return "", -1


def summary(outcomes: Iterable[Outcome]) -> dict[str, object]:
    """The figures of one world."""
    rows = list(outcomes)
    errors = Counter(row.error for row in rows if row.error)
    steps = Counter(row.error_step + 1 for row in rows if row.error)
    n_errors = max(1, sum(errors.values()))
    return {
        "draws": len(rows),
        "pass_at_1": round(sum(row.passed for row in rows) / len(rows), 4),
        "finished": round(sum(row.finished for row in rows) / len(rows), 4),
        "with_an_error": round(sum(errors.values()) / len(rows), 4),
        "right_answer_despite_error": round(
            sum(row.passed and bool(row.error) for row in rows) / len(rows), 4
        ),
        "kinds_of_first_error": {k: round(n / n_errors, 4) for k, n in sorted(errors.items())},
        "first_error_at_step": {k: round(n / n_errors, 4) for k, n in sorted(steps.items())},
    }


def measure(
    policy: Path, problems: list[Problem], draws: int, temperature: float
) -> dict[str, dict[str, object]]:
    """The figures of each world."""
    solutions = sample(policy, [p["text"] for p in problems], draws, temperature)
    by_world: dict[str, list[Outcome]] = {}
    for problem, row in zip(problems, solutions, strict=True):
        outcomes = [judge_draw(problem, text, finished) for text, finished in row]
        by_world.setdefault(problem["domain"], []).extend(outcomes)
    return {world: summary(outcomes) for world, outcomes in sorted(by_world.items())}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Measure a policy on bundled problems.")
    parser.add_argument("policy", type=Path)
    parser.add_argument("problems", type=Path)
    parser.add_argument("--draws", type=int, default=8)
    parser.add_argument("--temperature", type=float, default=0.8)
    parser.add_argument("--first", type=int, default=None, help="only so many problems")
    args = parser.parse_args()
    problems = read_problems(args.problems)[: args.first]
    figures = measure(args.policy, problems, args.draws, args.temperature)
    json.dump(figures, sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()
