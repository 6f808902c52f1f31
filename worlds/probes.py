"""Write the faultless solutions from which judges are tested.

`python -m worlds.probes annotators/judge/probes/base.jsonl` writes 60 problems of the train split
with their gold steps, half of each world, as many of every length. Running it again writes the
same bytes. No text of a bundled problem file is among them; seeds start at 70,000, which neither
those files nor training use.
"""

import argparse
import json
from itertools import count, zip_longest
from pathlib import Path

from worlds import chains, deduction
from worlds.make import bundled_hashes, text_hash
from worlds.problem import Made

FIRST_SEED = 70_000
EACH = 30
# Steps of a solution, its answer among them. Gold chains have at least four.
LENGTHS = {"chains": range(4, 9), "deduction": range(3, 9)}
_MAKERS = {"chains": chains.make, "deduction": deduction.make}


def chosen() -> list[Made]:
    """The problems, the two worlds taking turns."""
    avoid = bundled_hashes()
    turns = zip_longest(*(_of_every_length(world, avoid) for world in _MAKERS))
    return [made for pair in turns for made in pair if made is not None]


def _of_every_length(world: str, avoid: set[str]) -> list[Made]:
    lengths = LENGTHS[world]
    wanted = dict.fromkeys(lengths, EACH // len(lengths))
    found: list[Made] = []
    for seed in count(FIRST_SEED):
        if not any(wanted.values()):
            return found
        made = _MAKERS[world](seed, "train")
        if wanted.get(len(made.steps)) and text_hash(made.problem["text"]) not in avoid:
            wanted[len(made.steps)] -= 1
            found.append(made)
    raise AssertionError("count() never ends")


def rows() -> str:
    """The whole file."""
    lines = []
    for problem, steps in chosen():
        row = {key: problem[key] for key in ("problem_id", "domain", "text", "answer")}
        lines.append(json.dumps(row | {"steps": steps}, ensure_ascii=False) + "\n")
    return "".join(lines)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Write the base of the judges' admission test.")
    parser.add_argument("file", type=Path, help="for example annotators/judge/probes/base.jsonl")
    file: Path = parser.parse_args().file
    file.with_suffix(".tmp").write_text(rows(), encoding="utf-8")
    file.with_suffix(".tmp").replace(file)
    print(f"{file}: {len(file.read_text('utf-8').splitlines())} problems")


if __name__ == "__main__":
    main()
