"""The bundled judge's training stream: problems, solutions of many kinds, and their verdicts.

A document is the prompt that the judge annotator renders (problem, steps as a policy writes them,
each with its number behind it, "Verdicts:"), and what a judge answers: a JSON object with a verdict
for each step and, where a step is wrong and the right one is known, its correction. Solutions are
natural (both policies' own), planted (worlds/plant.py), carried on from a false equation, altered
in wording (the verdicts stay), next to an altered problem (they change), and junk: a step of no
content in place of a needed one, or alone. Verdicts are the oracle's; what it cannot read is wrong.
"""

import json
import random
import re
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import NamedTuple

from worlds import chains, deduction
from worlds.judge_words import junk, reworded
from worlds.make import bundled_hashes, text_hash
from worlds.oracle import judge
from worlds.plant import carry, kinds_at, plant
from worlds.problem import Made

FIRST_SEED = 8_000_000


class Judged(NamedTuple):
    """A solution, what is right and wrong in it, and the right first wrong step, where known."""

    problem: str
    steps: list[str]
    verdicts: list[bool]
    correction: str
    wrong_from: list[int]  # code points into each step; its length: nowhere; -1: not known


class Natural(NamedTuple):
    """A line of worlds.natural's file: {"text": …, "gold": […], "steps": […]}."""

    text: str
    gold: list[str]
    steps: list[str]


def read_natural(path: Path) -> list[Natural]:
    with path.open(encoding="utf-8") as lines:
        rows = (json.loads(line) for line in lines if line.endswith("\n"))
        return [Natural(row["text"], row["gold"], row["steps"]) for row in rows]


def documents(
    natural: Sequence[Natural], start: int = 0, other_words: bool = True
) -> Iterator[Judged]:
    """Without end, from a position in the stream on; no bundled problem is among them."""
    avoid = bundled_hashes()
    for index in count(start):
        rng = random.Random(f"judge/{index}")
        if natural and rng.random() < 0.5:
            one = rng.choice(natural)
            text, gold, steps = one.text, one.gold, list(one.steps)
        else:
            made = _made(index, rng)
            text, gold, steps = made.problem["text"], made.steps, _planted(made, rng)
        if text_hash(text) in avoid:
            continue
        yield _altered(text, gold, steps, rng, other_words)


def _made(index: int, rng: random.Random) -> Made:
    short = rng.random() < max(0.4, 0.8 - index / 100_000)  # looking up is learnt faster there
    if rng.random() < 0.55:
        return chains.make(FIRST_SEED + index, "train", 5 if short else 12)
    return deduction.make(FIRST_SEED + index, "train", 4 if short else 8)


def _planted(made: Made, rng: random.Random) -> list[str]:
    if rng.random() < 0.3:
        return list(made.steps)
    step = rng.randrange(len(made.steps))
    kind = rng.choice(kinds_at(made, step))
    if kind == "skipped" and step == len(made.steps) - 1:
        return list(made.steps)
    if kind == "number" and rng.random() < 0.6:
        said = re.search(r"= (\d+)", made.steps[step])
        carried = (
            carry(made, step, int(said[1]) + rng.choice((-2, -1, 1, 2, 3, 10))) if said else None
        )
        if carried is not None:
            return carried
    return plant(made, kind, step, rng)


def _altered(
    text: str, gold: list[str], steps: list[str], rng: random.Random, other_words: bool
) -> Judged:
    """The solution with junk, beside another problem, in other words, or as it is."""
    turn = rng.random()
    if turn < 0.10:
        steps = _with_junk(text, steps, rng)
    elif turn < 0.15:
        steps = [junk(text, steps, rng) for _ in range(rng.choice((1, 1, 1, 2, 3)))]
    elif turn < 0.23:
        text = _contrast(text, rng)
    verdicts = [one.verdict == "correct" for one in judge(text, steps)]
    first = next((t for t, good in enumerate(verdicts) if not good), len(steps))
    same = steps[:first] == gold[:first] and first < len(gold) and not 0.15 <= turn < 0.23
    correction = gold[first] if same and first < len(steps) else ""
    wrong_from = [len(step) if good else -1 for step, good in zip(steps, verdicts, strict=True)]
    if correction and steps[first] not in gold:
        at = next(
            (i for i, (a, b) in enumerate(zip(steps[first], correction, strict=False)) if a != b), 0
        )
        wrong_from[first] = at if at > 2 else -1
    if other_words and turn > 0.65:
        steps = reworded(steps, rng)
        wrong_from = [len(step) if good else -1 for step, good in zip(steps, verdicts, strict=True)]
    return Judged(text, steps, verdicts, correction, wrong_from)


def _with_junk(text: str, steps: list[str], rng: random.Random) -> list[str]:
    steps = list(steps)
    place = rng.randrange(len(steps))
    step = junk(text, steps, rng)
    if rng.random() < 0.75:
        steps[place] = step
    else:
        steps.insert(place, step)
    return steps


def _contrast(text: str, rng: random.Random) -> str:
    """Another number, or another word at the end of a rule."""
    numbers = list(re.finditer(r"\d+", text))
    if numbers:
        one = rng.choice(numbers)
        return f"{text[: one.start()]}{int(one[0]) + rng.randint(1, 9)}{text[one.end() :]}"
    rules = list(re.finditer(r" is (not )?a? ?([a-z]+)\.", text))
    if not rules:
        return text
    one, other = rng.choice(rules), rng.choice(rules)
    return f"{text[: one.start()]}{other[0]}{text[one.end() :]}"
