"""How good a judge is on the bundled worlds: first-error F1 against the oracle, and its gate.

    python -m bench.judge [--judge data/judges/small] [--problems data/problems/bench.jsonl]
                          [--first 400] [--samples 1] [--out runs/bench-judge]

Both bundled policies solve the problems (four samples each); every distinct solution is judged with
`--samples` calls, and the majority's first error is compared with the oracle's. The admission test
is run beside it. Completions are in a journal under the output folder: a second run buys nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from annotators.judge.admit import AdmissionTest, gate_of
from annotators.judge.annotator import JudgeTask, judge_solutions
from annotators.judge.probes.gate import gate
from bench.judge_calls import BUNDLED, SAMPLES, TEMPERATURE, asking
from pipeline.metrics import harmonic, share
from worlds.make import read_problems
from worlds.oracle import judge
from worlds.problem import split_steps
from worlds.sample import sample


@dataclass(frozen=True, slots=True)
class Solved:
    task: JudgeTask
    world: str
    policy: str
    truth: int  # first error; -1 none


def solved(problems: Path, first: int) -> list[Solved]:
    """Distinct solutions of both policies."""
    rows = read_problems(problems)[:first]
    found = []
    for policy in ("large", "small"):
        texts = sample(Path("data/policies") / policy, [row["text"] for row in rows], 4, 0.8)
        for row, drawn in zip(rows, texts, strict=True):
            for number, text in enumerate(dict.fromkeys(text for text, _ in drawn)):
                steps = split_steps(text)
                verdicts = judge(row["text"], steps)
                # A step that is not of the world's language is no step of a proof.
                known = [one.verdict != "correct" for one in verdicts]
                truth = known.index(True) if True in known else -1
                task = JudgeTask(
                    f"{policy}-{row['problem_id']}-{number}",
                    row["problem_id"],
                    row["text"],
                    tuple(steps),
                    row["answer"],
                )
                if steps:
                    found.append(Solved(task, row["domain"], policy, truth))
    return found


def figures(rows: list[tuple[int, int | None]]) -> dict[str, Any]:
    """Of (truth, said) pairs; said None: undecided, which is not right."""
    bad = [(true, said) for true, said in rows if true >= 0]
    good = [(true, said) for true, said in rows if true < 0]
    located = share(sum(true == said for true, said in bad), len(bad))
    clean = share(sum(said == -1 for _, said in good), len(good))
    return {
        "solutions": len(rows),
        "erroneous": len(bad),
        "located": located,
        "any_error": share(sum(said is not None and said >= 0 for _, said in bad), len(bad)),
        "clean": clean,
        "f1": harmonic(located, clean),
    }


async def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    solutions = solved(arguments.problems, arguments.first)
    place = (arguments.judge, arguments.samples, arguments.temperature, arguments.out)
    async with asking(*place) as (one, buyer):
        started = time.monotonic()
        judged = await judge_solutions([each.task for each in solutions], one, buyer, None)
        seconds = time.monotonic() - started
        tested = await AdmissionTest.of(one).run(buyer)
    said = _first_errors(judged.evidence.to_pylist())
    rows = [
        (each.world, each.policy, each.truth, said.get(each.task.solution_id)) for each in solutions
    ]
    result: dict[str, Any] = {"all": figures([row[2:] for row in rows])}
    for key, at in (("world", 0), ("policy", 1)):
        for name in sorted({row[at] for row in rows}):
            result[f"{key} {name}"] = figures([row[2:] for row in rows if row[at] == name])
    unread = sum(row["verdicts"] is None for row in judged.judgements.to_pylist())
    result["calls"] = {
        "calls": judged.judgements.num_rows,
        "unread": unread,
        "tokens": judged.tokens,
        "seconds": round(seconds, 1),
    }
    reasons = gate(tested.admission, gate_of(one.settings))
    result["admission"] = tested.admission.as_dict() | {"reasons": reasons}
    result["cases"] = tested.cases
    return result


def _first_errors(evidence: list[dict[str, Any]]) -> dict[str, int | None]:
    """The majority's, of each solution."""
    votes: dict[str, dict[int, int]] = {}
    for row in evidence:
        of = votes.setdefault(row["solution_id"], {})
        of[row["step"]] = row["correct"] - row["incorrect"]
    found: dict[str, int | None] = {}
    for name, steps in votes.items():
        at = next((step for step in sorted(steps) if steps[step] <= 0), None)
        found[name] = -1 if at is None else at if steps[at] < 0 else None
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--judge", type=Path, default=BUNDLED)
    parser.add_argument("--problems", type=Path, default=Path("data/problems/bench.jsonl"))
    parser.add_argument("--first", type=int, default=400)
    parser.add_argument("--samples", type=int, default=SAMPLES)
    parser.add_argument("--temperature", type=float, default=TEMPERATURE)
    parser.add_argument("--out", type=Path, default=Path("runs/bench-judge"))
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    result = asyncio.run(measure(arguments))
    table = Table(title=f"{arguments.judge} on {arguments.problems}", title_justify="left")
    heads = ("", "solutions", "erroneous", "located", "any_error", "clean", "f1")
    for head in heads:
        table.add_column(head)
    for name, row in result.items():
        if "f1" in row:
            values = [row[head] for head in heads[1:]]
            cells = [
                "–" if v is None else f"{v:.3f}" if isinstance(v, float) else str(v) for v in values
            ]
            table.add_row(name, *cells)
    console = Console(width=150)
    console.print(table)
    console.print(result["calls"])
    for name, value in result["admission"].items():
        console.print(name, value)
    (arguments.out / "judge.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
