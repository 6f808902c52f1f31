"""Natural solutions for the judge's training: what both bundled policies write on fresh problems.

    python -m worlds.natural runs/judge/natural.jsonl --problems 6000

One JSON line a distinct solution: text (the problem's), gold (the steps of its own solution) and
steps. Problems are of the training split, from seeds that nothing else uses. Run again, it goes on
behind the problems that the file has; about 50 solutions a second on two cores.
"""

import argparse
import json
import random
from collections.abc import Iterator
from pathlib import Path

from worlds import chains, deduction
from worlds.problem import Made, split_steps
from worlds.sample import sample

FIRST_SEED = 6_000_000
DRAWS, TEMPERATURE = 3, 0.9
LONGEST = 14  # steps; a policy that lost its way goes on for ever
_CHUNK = 300  # problems sampled together


def problem(number: int) -> Made:
    """Some are short: looking up is learnt faster there."""
    seed = FIRST_SEED + number
    rng = random.Random(seed)
    short = rng.random() < 0.35
    if rng.random() < 0.55:
        return chains.make(seed, "train", 5 if short else 12)
    return deduction.make(seed, "train", 4 if short else 8)


def solutions(made: list[Made]) -> Iterator[dict[str, object]]:
    texts = [one.problem["text"] for one in made]
    for policy in ("large", "small"):
        drawn = sample(Path("data/policies") / policy, texts, DRAWS, TEMPERATURE)
        for one, row in zip(made, drawn, strict=True):
            for text in dict.fromkeys(text for text, _ in row):
                steps = split_steps(text)
                if 1 <= len(steps) <= LONGEST:
                    meta = one.problem["meta"]
                    yield {
                        "seed": meta["seed"],
                        "text": one.problem["text"],
                        "gold": one.steps,
                        "steps": steps,
                    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--problems", type=int, default=6000)
    args = parser.parse_args()
    args.file.parent.mkdir(parents=True, exist_ok=True)
    done = 0
    if args.file.exists():
        with args.file.open(encoding="utf-8") as lines:
            seeds = [json.loads(line)["seed"] for line in lines if line.endswith("\n")]
        done = max(seeds, default=FIRST_SEED - 1) + 1 - FIRST_SEED
    with args.file.open("a", encoding="utf-8") as file:
        for first in range(done, args.problems, _CHUNK):
            made = [problem(number) for number in range(first, min(first + _CHUNK, args.problems))]
            file.writelines(json.dumps(row) + "\n" for row in solutions(made))
            file.flush()
            print(f"{min(first + _CHUNK, args.problems)} problems", flush=True)


if __name__ == "__main__":
    main()
