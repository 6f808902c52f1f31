"""Real and planted texts for the annotators that read text, as items to check.

PRM800K: each completion as the last step of the chosen steps before it, with its human rating.
GSM8K: lines are steps; gold solutions, and solutions that models wrote, of which only the answer is
known to be right or wrong. The chains world: planted errors, which its oracle judges.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from annotators.algebra.annotator import Algebra
from worlds.chain_oracle import judge_chains
from worlds.chains import make
from worlds.plant import carry, kinds_at, plant
from worlds.problem import Verdict as Judged
from worlds.words import Split

GOLD, SAMPLED, RATED = "GSM8K gold", "GSM8K model solutions", "PRM800K"
RIGHT = "right"
_CALCULATED = re.compile(r"=(\d+)>>\1(?![\d.,]*\d)")


@dataclass(frozen=True, slots=True)
class Text:
    """`kind`: "gold", "right answer", "wrong answer", "rated -1" ... `judged`: the first step
    that counts; those before it are context. `truth`: of each step, where it is known: `RIGHT`, or
    what is wrong; None where even the oracle does not know."""

    source: str
    kind: str
    problem: str
    steps: tuple[str, ...]
    judged: int = 0
    truth: tuple[str | None, ...] | None = None


def read_rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        yield from map(json.loads, file)


def gold(data: Path, parts: tuple[str, ...] = ("train", "test")) -> Iterator[Text]:
    for part in parts:
        for row in read_rows(data / "gsm8k" / f"{part}.jsonl"):
            yield Text(GOLD, "gold", row["question"], tuple(row["answer"].split("\n")))


def sampled(data: Path) -> Iterator[Text]:
    for row in read_rows(data / "gsm8k" / "example_model_solutions.jsonl"):
        for value in row.values():
            if isinstance(value, dict):
                kind = "right answer" if value["is_correct"] else "wrong answer"
                lines = tuple(value["solution"].split("\n"))
                yield Text(SAMPLED, kind, row["question"], lines)


def rated(data: Path) -> Iterator[Text]:
    for row in read_rows(data / "prm800k" / "phase1_test.jsonl"):
        problem, before = row["question"]["problem"], list[str]()
        for step in row["label"]["steps"]:
            for completion in step["completions"] or ():
                rating = completion["rating"]
                kind = "not rated" if rating is None else f"rated {rating}"
                steps = (*before, completion["text"])
                yield Text(RATED, kind, problem, steps, len(before))
            chosen = step["chosen_completion"]
            text = step["completions"][chosen] if chosen is not None else step["human_completion"]
            if text is None:
                break
            before.append(text["text"])


def planted_chains(split: Split, problems: int) -> Iterator[Text]:
    """Gold chains, and each kind of planted error at one step, alone and carried on from."""
    for seed in range(problems):
        made, rng = make(seed, split), random.Random(seed)
        at = rng.randrange(len(made.steps))
        problem = made.problem["text"]
        for kind in ("gold", "carried", *kinds_at(made, at)):
            steps: list[str] | None = made.steps
            if kind == "carried":
                steps = None
                if at < len(made.steps) - 1:
                    steps = carry(made, at, rng.randint(1, 60))
            elif kind != "gold":
                steps = plant(made, kind, at, rng)
            if steps is None:
                continue
            truth = tuple(_truth(one) for one in judge_chains(problem, steps))
            yield Text(f"chains, {split}", kind, problem, tuple(steps), truth=truth)


def _truth(judged: Judged) -> str | None:
    return {"correct": RIGHT, "incorrect": judged.kind}.get(judged.verdict)


def changed_answers(data: Path) -> Iterator[Text]:
    """Gold solutions of GSM8K's test set with 1 to 30 added to the last answer."""
    rng = random.Random(0)
    for row in read_rows(data / "gsm8k" / "test.jsonl"):
        *lines, last = row["answer"].split("\n")
        answer = last.removeprefix("#### ").replace(",", "")
        if answer.isdigit():
            steps = (*lines, f"#### {int(answer) + rng.randint(1, 30)}")
            truth = (*(RIGHT for _ in lines), "answer")
            yield Text("GSM8K, changed", "last answer", row["question"], steps, 0, truth)


def changed_equations(data: Path) -> Iterator[Text]:
    """Gold solutions with 1 to 30 added to a calculated number, in the note and behind it."""
    rng = random.Random(0)
    for row in read_rows(data / "gsm8k" / "test.jsonl"):
        lines = row["answer"].split("\n")
        at = rng.randrange(len(lines))
        found = _CALCULATED.search(lines[at])
        if found:
            value = int(found[1]) + rng.randint(1, 30)
            line = f"{lines[at][: found.start()]}={value}>>{value}{lines[at][found.end() :]}"
            truth = (*(RIGHT for _ in lines[:at]), "equation")
            yield Text("GSM8K, changed", "equation", row["question"], (*lines[:at], line), 0, truth)


def changed_formulas(data: Path) -> Iterator[Text]:
    """Claims of algebra that hold, with their last number one up."""
    check = Algebra().check
    for text in (*rated(data), *gold(data, ("test",))):
        if text.kind not in ("rated 0", "rated 1", "gold"):
            continue
        evidence = check(text.problem, text.steps)
        for at in range(text.judged, len(text.steps)):
            for detail in evidence[at].details:
                if detail.rule.endswith(("_holds", "_follows")):
                    wrong = _one_up(text.steps[at], detail.start, detail.end)
                    kind = detail.rule.rsplit("_", 1)[0]
                    truth = (*(None for _ in range(at)), kind)
                    steps = (*text.steps[:at], wrong)
                    yield Text("formulas, changed", kind, text.problem, steps, at, truth)


def _one_up(text: str, start: int, end: int) -> str:
    numbers = list(re.finditer(r"\d+", text[start:end]))
    if not numbers:
        return text[:end] + " + 1" + text[end:]
    at, to = start + numbers[-1].start(), start + numbers[-1].end()
    return f"{text[:at]}{int(text[at:to]) + 1}{text[to:]}"
