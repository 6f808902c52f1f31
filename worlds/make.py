"""Write the bundled problem files, and say which texts training must avoid.

`python -m worlds.make data/problems` writes demo.jsonl (240 problems), bench.jsonl (400) and
heldout.jsonl (200), the two worlds taking turns. Running it again writes the same bytes. No text
occurs twice in the three files.
"""

import argparse
import json
from collections.abc import Iterator
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import NamedTuple

from worlds import chains, deduction
from worlds.problem import Made, Problem
from worlds.words import Split


class Bundle(NamedTuple):
    """A bundled file: how many problems of each world, from which split and first seed."""

    name: str
    each: int
    split: Split
    first_seed: int


BUNDLES = (
    Bundle("demo", 120, "train", 0),
    Bundle("bench", 200, "train", 10_000),
    Bundle("heldout", 100, "heldout", 20_000),
)
# Far above every bundled seed; the texts are compared as well, since seeds are only names.
FIRST_TRAINING_SEED = 1_000_000


def text_hash(text: str) -> str:
    """The identity of a problem's content."""
    return sha256(text.encode()).hexdigest()


def bundles() -> dict[str, list[Made]]:
    """The problems of every bundled file."""
    seen: set[str] = set()

    def fresh(world: str, bundle: Bundle) -> Iterator[Made]:
        make = chains.make if world == "chains" else deduction.make
        for seed in count(bundle.first_seed):
            made = make(seed, bundle.split)
            if (key := text_hash(made.problem["text"])) not in seen:
                seen.add(key)
                yield made

    result: dict[str, list[Made]] = {}
    for bundle in BUNDLES:
        turns = zip(
            fresh("chains", bundle), fresh("deduction", bundle), range(bundle.each), strict=False
        )
        result[bundle.name] = [made for a, b, _ in turns for made in (a, b)]
    return result


def bundled_hashes() -> set[str]:
    """The texts that training never sees."""
    return {text_hash(made.problem["text"]) for group in bundles().values() for made in group}


def read_problems(path: Path) -> list[Problem]:
    """The problems of a file that this module wrote."""
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Write the bundled problem files.")
    parser.add_argument("folder", type=Path, help="for example data/problems")
    folder: Path = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    for name, group in bundles().items():
        rows = [json.dumps(made.problem, ensure_ascii=False) + "\n" for made in group]
        path = folder / f"{name}.jsonl"
        path.with_suffix(".tmp").write_text("".join(rows), encoding="utf-8")
        path.with_suffix(".tmp").replace(path)
        print(f"{path}: {len(rows)} problems")


if __name__ == "__main__":
    main()
